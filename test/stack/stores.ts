import { startEventStore, type TestEventStore } from './eventstore.ts';
import { startPostgres, type TestDatabase } from './postgres.ts';
import { TEST_KEY_SECRET } from './tokens.ts';

export interface TestStores extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly eventStore: TestEventStore;
  /** The stores and the key secret, ready to be given to a ledger process or to `readEnv`. */
  readonly environment: { readonly EVENTSTORE_URL: string; readonly DATABASE_URL: string; readonly LEDGER_KEY_SECRET: string };
  /** Closes both, last opened first. */
  close(): Promise<void>;
}

/**
 * What a ledger stands on, for one test file: an empty database and an event store with an empty log, both real.
 *
 * @example
 * ```ts
 * const stores = await startStores();
 * afterAll(stores.close);
 * const pool = createPool(stores.database.url);
 * const client = connect(stores.eventStore.url);
 * ```
 */
export async function startStores(): Promise<TestStores> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await startPostgres());
  const eventStore = opened.use(await startEventStore());
  const kept = opened.move();
  const close = (): Promise<void> => kept.disposeAsync();
  return {
    database,
    eventStore,
    environment: { EVENTSTORE_URL: eventStore.url, DATABASE_URL: database.url, LEDGER_KEY_SECRET: TEST_KEY_SECRET },
    close,
    [Symbol.asyncDispose]: close,
  };
}
