// Stores of a scenario's own that can be killed and started again on their data.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { isRunning } from '../../src/embedded/process-identity.ts';
import { startEventStore } from '../stack/eventstore.ts';
import { startPostgres } from '../stack/postgres.ts';
import { withDatabase } from './books.ts';
import { eventually } from './eventually.ts';
import type { LedgerStores } from './ledgers.ts';

/** A store that can be killed. Its data and its address outlive it. */
export interface Mortal {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export interface MortalStores extends LedgerStores {
  readonly postgres: Mortal;
  readonly eventStore: Mortal;
}

/** A Postgres and an event store of this scenario's own, both durable, as on a bare machine. */
export async function startMortalStores(): Promise<MortalStores> {
  await using opened = new AsyncDisposableStack();
  const eventStore = opened.use(await startEventStore());
  const dataDir = await mkdtemp(join(tmpdir(), 'ledger-scenario-postgres-'));
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  let server = await startEmbeddedPostgres({ dataDir });
  opened.defer(() => server.stop());
  const { url } = server;
  const kept = opened.move();
  return {
    environment: { EVENTSTORE_URL: eventStore.url, DATABASE_URL: url },
    eventStore,
    postgres: {
      async kill() {
        const pids = await processesOf(url);
        for (const pid of [server.pid, ...pids]) process.kill(pid, 'SIGKILL');
        await server.exited;
        await eventually('every process of Postgres is gone', () => !pids.some(isRunning));
      },
      async restart() {
        server = await startEmbeddedPostgres({ dataDir });
        if (server.url !== url) throw new Error('Postgres came back at another address: somebody took its port');
      },
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
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
    environment: { EVENTSTORE_URL: eventStoreUrl, DATABASE_URL: database.url },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
