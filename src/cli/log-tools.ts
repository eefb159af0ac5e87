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
import { endWhenInterrupted } from './interruption.ts';
import { onProgress } from './output.ts';
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

/** Disposing of `opened`, by the verb's end or by a signal, which stops the servers alone. */
function endedByInterruption(opened: AsyncDisposableStack, servers: AsyncDisposable): AsyncDisposable {
  opened.use(endWhenInterrupted(servers));
  return { [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
