import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';
import { isDamage, StorageError } from './storage-error.ts';
import { findLostCommits } from './wal-check.ts';

/** Checking a gigabyte takes a second or a few. Larger stores rely on the checksum that every event carries. */
const MAX_CHECKED_BYTES = 1024 ** 3;

/**
 * Refuses a damaged store at the start, before a reader meets the damage and before anything is written on top of it. Only
 * reads: what is left can still be copied and repaired. The caller holds the folder's lock.
 *
 * @throws StorageError that says what is wrong.
 */
export function checkIntegrity(file: string): void {
  if (!fs.existsSync(file)) return;
  try {
    const lost = findLostCommits(`${file}-wal`);
    if (lost !== null) throw damaged(file, lost);
    const db = new DatabaseSync(file, { readOnly: true });
    try {
      checkFormat(db, file);
      if (fs.statSync(file).size > MAX_CHECKED_BYTES) return;
      const result = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
      if (result !== 'ok') throw damaged(file, String(result));
    } finally {
      db.close();
      // A reader leaves its index of the log behind; the server keeps its own in memory.
      fs.rmSync(`${file}-shm`, { force: true });
    }
  } catch (error) {
    throw isDamage(error) && error instanceof Error ? damaged(file, error.message, error) : error;
  }
}

function checkFormat(db: DatabaseSync, file: string): void {
  const applicationId = db.prepare('PRAGMA application_id').get()?.['application_id'];
  const version = db.prepare('PRAGMA user_version').get()?.['user_version'];
  const tables = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'];
  // A server that ended while it made the file leaves an empty one.
  if (applicationId === 0 && tables === 0) return;
  if (applicationId !== APPLICATION_ID) throw new StorageError(`${file} is an SQLite database, but not one of embedded-eventstore`);
  if (version !== SCHEMA_VERSION) {
    throw new StorageError(`${file} has format ${version}; this version of embedded-eventstore reads format ${SCHEMA_VERSION}`);
  }
}

function damaged(file: string, what: string, cause?: unknown): StorageError {
  return new StorageError(`${file} is damaged (${what}); nothing was changed: restore its folder from a backup`, { cause });
}
