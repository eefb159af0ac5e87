// The servers that a ledger stands on, each of which can be killed, frozen and started again on its data and its address.
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedServer } from '../../src/embedded/embedded-server.ts';
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import type { EmbeddedRabbitMq } from '../../src/embedded/rabbitmq.ts';
import { rememberPort } from '../stack/eventstore.ts';
import { lastingPort } from '../stack/lasting-port.ts';
import { discard, GUEST, rememberPorts, startNode } from '../stack/rabbitmq-server.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { NotRevived } from './not-revived.ts';
import { signalTree } from './process-tree.ts';
import type { SmallDisk } from './small-disk.ts';
import { mountSmallDisk } from './small-disk.ts';

export interface ChaosServer extends AsyncDisposable {
  /** The same after every restart. */
  readonly url: string;
  /** Sends it to all its processes. False: none was running. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): boolean;
  /** Starts it again if it has ended. @throws why it did not start within that time */
  revive(withinMs: number): Promise<void>;
}
export interface StoreServer extends ChaosServer {
  readonly disk: SmallDisk;
}

async function keepAlive(
  start: () => Promise<EmbeddedServer>,
  discardData: (server: EmbeddedServer) => Promise<void>,
): Promise<ChaosServer> {
  let server = await start();
  const { url } = server;
  let hasEnded = false;
  const watch = (): void => {
    hasEnded = false;
    const watched = server;
    void watched.exited.then(() => {
      if (server === watched) hasEnded = true;
    });
  };
  watch();
  let reviving: Promise<void> | undefined;
  let isClosed = false;
  async function reviveOnce(withinMs: number): Promise<void> {
    // A SIGKILL takes a moment to be noticed.
    await Promise.race([server.exited, sleep(50)]);
    if (!hasEnded) return;
    const started = await startPatiently(start, withinMs, () => isClosed);
    if (started === undefined) return;
    server = started;
    watch();
    if (server.url !== url) throw new Error('the server came back at another address: somebody took its port');
  }
  return {
    url,
    signal: (signal) => !hasEnded && signalTree(server.pid, signal) > 0,
    revive(withinMs) {
      // Two faults at once may both have ended it.
      reviving ??= reviveOnce(withinMs).finally(() => {
        reviving = undefined;
      });
      return reviving;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await reviving?.catch(() => undefined);
      signalTree(server.pid, 'SIGCONT');
      await discardData(server);
    },
  };
}

/** Tries again where it cannot start just now: its disk may be full. @returns undefined where nobody wants it any more */
async function startPatiently<Server>(
  start: () => Promise<Server>,
  withinMs: number,
  isGivenUp: () => boolean,
): Promise<Server | undefined> {
  const deadline = performance.now() + withinMs;
  while (!isGivenUp()) {
    try {
      return await start();
    } catch (error) {
      if (performance.now() > deadline) throw new NotRevived(`a server did not start: ${error}`);
      await sleep(BETWEEN_TRIES_MS);
    }
  }
  return undefined;
}

const BETWEEN_TRIES_MS = 500;
/** Room for a log of some 50,000 events. */
const EVENT_STORE_MB = 256;
/** A database of some tables, and a write-ahead log of the size below twice. */
const POSTGRES_MB = 384;

export async function startChaosEventStore(): Promise<StoreServer> {
  const disk = await mountSmallDisk(EVENT_STORE_MB);
  await rememberPort(disk.folder);
  const server = await keepAlive(
    () => startEmbeddedEventStore({ dataDir: disk.folder }),
    async ({ stop }) => {
      await stop();
      await disk.close();
    },
  );
  return { ...server, disk };
}

export async function startChaosPostgres(): Promise<StoreServer> {
  const disk = await mountSmallDisk(POSTGRES_MB);
  const access = { port: await lastingPort(), password: randomUUID() };
  await writeFile(join(disk.folder, 'postgres-access.json'), JSON.stringify(access), { mode: 0o600 });
  const settings = { shared_buffers: '64MB', max_wal_size: '96MB', min_wal_size: '64MB' };
  const server = await keepAlive(
    () => startEmbeddedPostgres({ dataDir: disk.folder, settings }),
    async ({ stop }) => {
      await stop();
      await disk.close();
    },
  );
  return { ...server, disk };
}

export interface ChaosBroker extends ChaosServer {
  /** The same for a producer. */
  readonly producerUrl: string;
}

export async function startChaosBroker(): Promise<ChaosBroker> {
  const dataDir = await scratchFolder();
  await rememberPorts(dataDir);
  const nodes: EmbeddedRabbitMq[] = [];
  const server = await keepAlive(
    async () => {
      // The port mapper of a node that was killed is left over.
      await nodes.at(-1)?.stop();
      const node = await startNode(dataDir, { management: false });
      nodes.push(node);
      return node;
    },
    async () => {
      const node = nodes.at(-1);
      if (node !== undefined) await discard(node);
      await rm(dataDir, { recursive: true, force: true });
    },
  );
  const producer = new URL(server.url);
  producer.username = GUEST.name;
  producer.password = GUEST.password;
  return { ...server, producerUrl: producer.href };
}
