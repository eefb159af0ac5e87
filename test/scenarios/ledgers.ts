// Several ledger processes on one Postgres and one event store, as they run in production.
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { startStores } from '../stack/stores.ts';
import type { Stores } from './books.ts';

/** What ledgers stand on: empty stores of their own. */
export interface LedgerStores extends AsyncDisposable {
  readonly environment: { readonly EVENTSTORE_URL: string; readonly DATABASE_URL: string; readonly LEDGER_KEY_SECRET: string };
}

export interface TwoLedgers extends AsyncDisposable {
  /** Where the processes answer now; elsewhere after a restart. */
  readonly urls: () => readonly [first: string, second: string];
  /** The first to start took the projector's lease, the second is its standby. */
  readonly processes: () => readonly [first: LedgerProcess, second: LedgerProcess];
  /** Where the scenario's own auditor looks. */
  readonly audit: Stores;
  /** Ends one process (0 or 1) as a power cut would. */
  kill(which: 0 | 1): Promise<void>;
  /** Starts one process (0 or 1) that was killed. */
  start(which: 0 | 1): Promise<void>;
  /** Stops both processes and starts two others. */
  restart(): Promise<void>;
}

export interface TwoLedgersOptions {
  /** Stores to use, closed with the ledgers. Without them, the ones every test file gets. */
  readonly stores?: LedgerStores;
  readonly settings?: Readonly<Record<string, string>>;
  /** The first one's alone. */
  readonly settingsOfFirst?: Readonly<Record<string, string>>;
}

/** Two ledger processes over empty stores. It takes some seconds to start; once per file. */
export async function startTwoLedgers({ stores: given, settings = {}, settingsOfFirst = {} }: TwoLedgersOptions = {}): Promise<TwoLedgers> {
  await using opened = new AsyncDisposableStack();
  const stores = opened.use(given ?? (await startStores()));
  const spawn = (which: 0 | 1): Promise<LedgerProcess> =>
    spawnLedger({ ...stores.environment, ...settings, ...(which === 0 ? settingsOfFirst : {}) });
  // One after the other: the first to come takes the lease.
  const processes: [LedgerProcess, LedgerProcess] = [await spawn(0), await spawn(1)];
  const stop = async (): Promise<void> => void (await Promise.all(processes.map((ledger) => ledger.close())));
  opened.defer(stop);
  const kept = opened.move();
  return {
    urls: () => [processes[0].apiUrl, processes[1].apiUrl],
    processes: () => processes,
    audit: { eventStoreUrl: stores.environment.EVENTSTORE_URL, databaseUrl: stores.environment.DATABASE_URL },
    async kill(which) {
      await processes[which].stop('SIGKILL');
      await processes[which].close();
    },
    async start(which) {
      processes[which] = await spawn(which);
    },
    async restart() {
      await stop();
      processes[0] = await spawn(0);
      processes[1] = await spawn(1);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
