import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StorageError, sqliteCode } from './storage-error.ts';

/** A data folder taken by this process. */
export interface FolderLock {
  release(): void;
}

const FILE_NAME = 'lock';
/** A server that was just killed may need a moment to let go. */
const WAIT_MS = 1000;
const SQLITE_BUSY = 5;

/**
 * Takes a folder for this process. The lock is the kernel's, on a file of its own, through an SQLite transaction that is never
 * ended: so it ends with the process, however that ends, and nothing in the folder is touched before it is held.
 *
 * @throws StorageError when another server has the folder.
 */
export function lockFolder(directory: string): FolderLock {
  const lock = new DatabaseSync(path.join(directory, FILE_NAME), { timeout: WAIT_MS });
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (sqliteCode(error) !== SQLITE_BUSY) throw error;
    throw new StorageError(`the data folder ${directory} is in use by another embedded-eventstore`, { cause: error });
  }
  return { release: () => lock.close() };
}
