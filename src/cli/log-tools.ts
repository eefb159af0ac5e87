// What a verb about the books works with: the log, and the projections where it needs them.
import type { Config } from '../config.ts';
import { readEnv } from '../config.ts';
import { watchEdges } from '../crash-edges.ts';
import { askedCrash } from '../crash-points.ts';
import type { EventStore } from '../eventstore/client.ts';
import { connectEventStore } from '../eventstore/client.ts';
import { migrate } from '../postgres/migrate.ts';
import type { Database } from '../postgres/pool.ts';
import { openDatabase } from '../postgres/pool.ts';
import { exitCodes } from './exit-codes.ts';
import { onInterruption } from './interruption.ts';
import { findEventStore, findServers } from './servers.ts';

/** What a verb that reads the log alone works with. */
export interface LogTools extends AsyncDisposable {
  readonly config: Config;
  readonly store: EventStore;
  /** Says something to whoever waits at the terminal. */
  readonly onProgress: (message: string) => void;
}

/** What a verb works with that reads, or writes, the projections too. */
export interface Tools extends LogTools {
  readonly database: Database;
}

export interface ToolsOptions {
  /** The most connections to Postgres at a time. */
  readonly maxConnections?: number;
}

const onProgress = (message: string): void => {
  process.stderr.write(`${message}\n`);
};

/**
 * The event store, found or started (`await using`), without a Postgres. Ctrl-C ends the process with 130, once what was started
 * for the verb has stopped.
 * @throws what {@link findEventStore} throws.
 */
export async function openLog(): Promise<LogTools> {
  const config = readEnv(process.env);
  await using opened = new AsyncDisposableStack();
  const servers = opened.use(await findEventStore(config, onProgress));
  const store = opened.adopt(connectEventStore(servers.eventStoreUrl), ({ close }) => close());
  return { config, store, onProgress, ...endedByInterruption(opened.move(), servers) };
}

/**
 * The event store and the database, its tables up to date, found or started (`await using`). Ctrl-C as for {@link openLog}.
 * @param verb shown among the connections of Postgres.
 * @throws what {@link findServers} throws.
 */
export async function openTools(verb: string, { maxConnections = 4 }: ToolsOptions = {}): Promise<Tools> {
  const config = readEnv(process.env);
  await using opened = new AsyncDisposableStack();
  const servers = opened.use(await findServers(config, onProgress));
  const store = opened.adopt(connectEventStore(servers.eventStoreUrl), ({ close }) => close());
  const database = openDatabase(servers.databaseUrl, { maxConnections, applicationName: `ledger ${verb}` });
  opened.defer(() => database.close());
  watchEdges(askedCrash(process.env)).database(database);
  await migrate(database.db, 'ledger');
  await migrate(database.db, 'identity');
  return { config, store, database, onProgress, ...endedByInterruption(opened.move(), servers) };
}

/** Disposing of `opened` once; by the verb's end, or by a signal, which need not wait for what the verb has under way. */
function endedByInterruption(opened: AsyncDisposableStack, servers: AsyncDisposable): AsyncDisposable {
  let interrupted = false;
  const exit = (): never => process.exit(exitCodes.interrupted);
  const stopListening = onInterruption(() => {
    interrupted = true;
    void servers[Symbol.asyncDispose]().then(exit, exit);
  }, exit);
  return {
    async [Symbol.asyncDispose]() {
      // What fails now fails because its servers are being stopped: the process ends, and nobody needs to be told of that.
      if (interrupted) await new Promise(() => {});
      stopListening();
      await opened.disposeAsync();
    },
  };
}
