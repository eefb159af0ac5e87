// Stores of a scenario's own that can be killed and started again on their data.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { isRunning, sendSignal } from '../../src/embedded/process-identity.ts';
import { rememberPort } from '../stack/eventstore.ts';
import { lastingPort } from '../stack/lasting-port.ts';
import { startPostgres } from '../stack/postgres.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import { withDatabase } from './audit/tables.ts';
import { eventually } from './eventually.ts';
import type { LedgerStores } from './ledgers.ts';

/** Something that can be killed. Its data and its address outlive it. */
export interface Mortal {
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on its data. */
  restart(): Promise<void>;
}

export interface MortalStores extends LedgerStores {
  readonly postgres: Mortal;
  readonly eventStore: Mortal;
  /** Holds the event store still; everything sent to it meanwhile reaches it when it is let go on. */
  readonly frozenEventStore: Mortal;
}

/** A Postgres and an event store of this scenario's own, both durable, as on a bare machine. */
export async function startMortalStores(): Promise<MortalStores> {
  await using opened = new AsyncDisposableStack();
  const dataDir = await scratchFolder();
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  await rememberAccess(dataDir);
  await rememberPort(dataDir);
  let postgres = await startEmbeddedPostgres({ dataDir });
  opened.defer(() => postgres.stop());
  let eventStore = await startEmbeddedEventStore({ dataDir });
  opened.defer(() => eventStore.stop());
  const [DATABASE_URL, EVENTSTORE_URL] = [postgres.url, eventStore.url];
  const kept = opened.move();
  return {
    environment: { EVENTSTORE_URL, DATABASE_URL, LEDGER_KEY_SECRET: TEST_KEY_SECRET },
    eventStore: {
      async kill() {
        process.kill(eventStore.pid, 'SIGKILL');
        await eventStore.exited;
      },
      async restart() {
        eventStore = await startEmbeddedEventStore({ dataDir });
        expectSameUrl(eventStore.url, EVENTSTORE_URL);
      },
    },
    frozenEventStore: {
      kill: async () => sendSignal(eventStore.pid, 'SIGSTOP'),
      restart: async () => sendSignal(eventStore.pid, 'SIGCONT'),
    },
    postgres: {
      async kill() {
        const pids = await processesOf(DATABASE_URL);
        for (const pid of [postgres.pid, ...pids]) sendSignal(pid, 'SIGKILL');
        await postgres.exited;
        await eventually('every process of Postgres is gone', () => !pids.some(isRunning));
      },
      async restart() {
        postgres = await startEmbeddedPostgres({ dataDir });
        expectSameUrl(postgres.url, DATABASE_URL);
      },
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Puts a port and a password where a Postgres in that folder remembers its own. */
async function rememberAccess(dataDir: string): Promise<void> {
  const access = { port: await lastingPort(), password: randomUUID() };
  await writeFile(join(dataDir, 'postgres-access.json'), JSON.stringify(access), { mode: 0o600 });
}

function expectSameUrl(now: string, before: string): void {
  if (now !== before) throw new Error('the server came back at another address: somebody took its port');
}

/** The backends and background processes of a server, other than the one that asks. */
function processesOf(url: string): Promise<number[]> {
  return withDatabase(url, async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
    return rows.map(({ pid }) => pid);
  });
}

const eventStoreProgram = fileURLToPath(new URL('../../packages/embedded-eventstore/src/bin.ts', import.meta.url));

/** An event store that cuts off subscribers for which more than `liveBuffer` events wait, as EventStoreDB does. */
export async function startImpatientStores(liveBuffer: number): Promise<LedgerStores> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await startPostgres());
  const args = [eventStoreProgram, '--memory', '--port', '0', '--live-buffer', String(liveBuffer)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  opened.defer(async () => {
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const [eventStoreUrl] = /esdb:\/\/\S+/.exec(String(line)) ?? [];
  if (eventStoreUrl === undefined) throw new Error(`the event store said: ${line}`);
  const kept = opened.move();
  return {
    environment: { EVENTSTORE_URL: eventStoreUrl, DATABASE_URL: database.url, LEDGER_KEY_SECRET: TEST_KEY_SECRET },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
