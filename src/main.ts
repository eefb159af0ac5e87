// The only wiring. A part is created where what it needs is at hand, and its release is pushed onto the same stack:
// whatever was opened last is closed first, when the ledger stops and equally when its start fails half-way.
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { lockDataDir } from './embedded/data-dir-lock.ts';
import { writeRuntimeFile } from './embedded/runtime-file.ts';
import { startStores } from './embedded/stores.ts';

export interface StartOptions {
  readonly log: Logger;
  /** Told what takes time, for whoever waits at a terminal. */
  readonly onProgress: (message: string) => void;
  /** Aborted when the start is no longer wanted. */
  readonly signal?: AbortSignal;
}

export interface Ledger {
  /** Where the API answers; undefined in a process without the role `api`. */
  readonly apiUrl: string | undefined;
  /** Settles with a sentence when the ledger cannot go on, because a server it started has ended; never otherwise. */
  readonly failed: Promise<string>;
  /** Finishes what is under way, then closes everything, last opened first. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts a ledger: its stores where none are given, then everything that stands on them.
 *
 * @throws {DataDirLockedError} when another one runs on the data folder; the abort's reason; or whatever kept a part from
 *   starting. Nothing is left running.
 */
export async function startLedger(config: Config, { log, onProgress, signal }: StartOptions): Promise<Ledger> {
  await using opened = new AsyncDisposableStack();
  const lock = lockDataDir(config.dataDir);
  opened.defer(() => lock.release());
  const stores = opened.adopt(await startStores({ config, onProgress, ...(signal && { signal }) }), (running) => running.stop());
  const { eventStoreUrl, databaseUrl } = stores;

  opened.defer(writeRuntimeFile(config.dataDir, { eventstoreUrl: eventStoreUrl, databaseUrl }));
  signal?.throwIfAborted();
  log.info({ roles: config.roles, dataDir: config.dataDir }, 'ledger started');
  const running = opened.move();
  let stopped: Promise<void> | undefined;
  return {
    apiUrl: undefined,
    failed: stores.lost,
    stop() {
      stopped ??= running.disposeAsync();
      return stopped;
    },
  };
}
