import type { Config } from '../config.ts';
import { lockDataDir } from '../embedded/data-dir-lock.ts';
import { startEmbeddedEventStore } from '../embedded/eventstore.ts';
import { readRuntimeFile } from '../embedded/runtime-file.ts';
import { startStores } from '../embedded/stores.ts';

export interface Servers extends AsyncDisposable {
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
  /** Where the running ledger's API is; undefined when none runs on this data folder. */
  readonly apiUrl: string | undefined;
}

/**
 * The servers that a verb works on: each one that the environment names, else that of the ledger running on the data
 * folder, else one started for as long as the verb takes (`await using`). What it starts, it stops.
 *
 * @throws {DataDirLockedError} when a ledger is about to start on the folder, or stopping, so that neither way is open.
 */
export async function findServers(config: Config, onProgress: (message: string) => void): Promise<Servers> {
  const running = readRuntimeFile(config.dataDir);
  const eventStoreUrl = config.eventStoreUrl ?? running?.eventstoreUrl;
  const databaseUrl = config.databaseUrl ?? running?.databaseUrl;
  if (eventStoreUrl !== undefined && databaseUrl !== undefined) {
    return { eventStoreUrl, databaseUrl, apiUrl: running?.apiUrl, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  await using opened = new AsyncDisposableStack();
  const lock = lockDataDir(config.dataDir);
  opened.defer(() => lock.release());
  const stores = opened.adopt(await startStores({ config, onProgress }), ({ stop }) => stop());
  const kept = opened.move();
  return {
    eventStoreUrl: stores.eventStoreUrl,
    databaseUrl: stores.databaseUrl,
    apiUrl: undefined,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/**
 * The event store alone, found or started as {@link findServers} does it: for verbs that need no Postgres, which may be away.
 *
 * @throws {DataDirLockedError} as {@link findServers}.
 */
export async function findEventStore(
  { dataDir, eventStoreUrl }: Pick<Config, 'dataDir' | 'eventStoreUrl'>,
  onProgress: (message: string) => void,
): Promise<Pick<Servers, 'eventStoreUrl'> & AsyncDisposable> {
  const found = eventStoreUrl ?? readRuntimeFile(dataDir)?.eventstoreUrl;
  if (found !== undefined) return { eventStoreUrl: found, [Symbol.asyncDispose]: () => Promise.resolve() };
  await using opened = new AsyncDisposableStack();
  const lock = lockDataDir(dataDir);
  opened.defer(() => lock.release());
  const server = opened.adopt(await startEmbeddedEventStore({ dataDir, onProgress }), ({ stop }) => stop());
  const kept = opened.move();
  return { eventStoreUrl: server.url, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
