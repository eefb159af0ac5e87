import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface DataDirLock {
  /** Gives the folder free. Safe to call twice. */
  release(): void;
}

/** Another instance runs on this data folder; the message names the folder and, as far as known, the process. */
export class DataDirLockedError extends Error {
  override readonly name = 'DataDirLockedError';
}

/**
 * Takes the data folder for this process, creating it if there is none.
 *
 * The lock is SQLite's write lock on a file of the folder, which is a lock of the kernel's: two processes cannot both get
 * it, and when its holder dies, however it dies, it is free at once. So there is no stale lock to recognise, and no
 * moment between looking and taking. The file `ledger.pid` beside it only says who holds it.
 *
 * @throws {DataDirLockedError} at once when another process holds it.
 */
export function lockDataDir(dataDir: string): DataDirLock {
  const folder = resolve(dataDir);
  // An embedded Postgres may run as another user and must be able to pass through this folder.
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const pidFile = join(folder, 'ledger.pid');
  const database = new DatabaseSync(join(folder, 'ledger.lock'), { timeout: 0 });
  try {
    database.exec('BEGIN IMMEDIATE');
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw cause;
    throw new DataDirLockedError(
      `another ledger (process ${holder(pidFile)}) is running on ${folder}: stop it, or choose another folder with LEDGER_DATA_DIR`,
      { cause },
    );
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      // Before the lock, so that the file of whoever comes next is not the one removed.
      rmSync(pidFile, { force: true });
      database.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  const sqliteBusy = 5;
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy;
}

function holder(pidFile: string): string {
  try {
    return readFileSync(pidFile, 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
