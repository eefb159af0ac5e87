import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { findLostCommits } from './wal-check.ts';

/** Where the events are kept: a folder of the server's own, or nowhere but in memory. */
export type Storage = { readonly directory: string } | 'memory';

/** The data folder cannot be used: taken by another server, not writable, damaged, or written by another version. */
export class StorageError extends Error {
  override name = 'StorageError';
}

export interface OpenedDatabase {
  readonly db: DatabaseSync;
  /** Resolves once everything committed before the call is on the disk. */
  sync(): Promise<void>;
  close(): void;
}

const FILE_NAME = 'events.sqlite';
/** "evst": tells this server's file from any other SQLite database. */
const APPLICATION_ID = 0x65767374;
const SCHEMA_VERSION = 1;
/** 4 MB of write-ahead log before it is copied into the database: larger means rarer but longer pauses. */
const CHECKPOINT_PAGES = 1000;
const CACHE_KIB = 64 * 1024;
/** A server that was just killed may need a moment to let go of its lock. */
const LOCK_WAIT_MS = 1000;
/** Checking a gigabyte takes a second or a few. Larger stores rely on the checksum that every event carries. */
const MAX_CHECKED_BYTES = 1024 ** 3;

const SCHEMA = `
  CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL REFERENCES streams (id),
    revision INTEGER NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    record BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX events_by_revision ON events (stream, revision);
  CREATE INDEX events_by_id ON events (stream, id);
`;

/**
 * Opens the store and takes the folder for this process. The lock is the kernel's, on the database file: it ends with the
 * process, however that ends.
 *
 * Commits reach the write-ahead log without an fsync (`synchronous = NORMAL`); {@link OpenedDatabase.sync} then makes them
 * durable off the event loop. SQLite itself syncs the log before it copies it into the database, so no order is lost.
 *
 * @throws StorageError naming the folder and what to do.
 */
export function openDatabase(storage: Storage): OpenedDatabase {
  return storage === 'memory' ? openInMemory() : openInDirectory(storage.directory);
}

function openInMemory(): OpenedDatabase {
  const db = new DatabaseSync(':memory:');
  db.exec(SCHEMA);
  return { db, sync: () => Promise.resolve(), close: () => db.close() };
}

function openInDirectory(directory: string): OpenedDatabase {
  const file = path.join(path.resolve(directory), FILE_NAME);
  let db: DatabaseSync | undefined;
  try {
    fs.mkdirSync(directory, { recursive: true });
    db = new DatabaseSync(file, { timeout: LOCK_WAIT_MS });
    db.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    `);
    prepareSchema(db, file);
    checkIntegrity(db, file);
    // A first write takes the exclusive lock and makes sure that the log exists.
    db.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    const log = fs.openSync(`${file}-wal`, 'r+');
    fs.fdatasyncSync(log);
    syncDirectory(directory);
    return withLog(db, log);
  } catch (error) {
    db?.close();
    throw explain(error, path.resolve(directory));
  }
}

function withLog(db: DatabaseSync, log: number): OpenedDatabase {
  return {
    db,
    sync: () => new Promise((resolve, reject) => fs.fdatasync(log, (error) => (error === null ? resolve() : reject(error)))),
    close: () => {
      fs.closeSync(log);
      db.close();
    },
  };
}

function prepareSchema(db: DatabaseSync, file: string): void {
  const applicationId = pragma(db, 'application_id');
  const version = pragma(db, 'user_version');
  const tables = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'];
  if (applicationId === 0 && tables === 0) {
    db.exec(`BEGIN; ${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    return;
  }
  if (applicationId !== APPLICATION_ID) throw new StorageError(`${file} is an SQLite database, but not one of embedded-eventstore`);
  if (version !== SCHEMA_VERSION) {
    throw new StorageError(`${file} has format ${version}; this version of embedded-eventstore reads format ${SCHEMA_VERSION}`);
  }
}

/** Damage is found at the start rather than by a reader, and before anything is written on top of it. */
function checkIntegrity(db: DatabaseSync, file: string): void {
  const lost = findLostCommits(`${file}-wal`);
  if (lost !== null) throw new DamageError(lost);
  if (fs.statSync(file).size > MAX_CHECKED_BYTES) return;
  const result = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (result !== 'ok') throw new DamageError(String(result));
}

class DamageError extends Error {
  override name = 'DamageError';
}

function pragma(db: DatabaseSync, name: 'application_id' | 'user_version'): unknown {
  return db.prepare(`PRAGMA ${name}`).get()?.[name];
}

/** A new file's name must survive a power loss too. */
function syncDirectory(directory: string): void {
  const handle = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
export const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function explain(error: unknown, directory: string): Error {
  if (error instanceof StorageError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DamageError) return damaged(directory, message, error);
  switch (sqliteCode(error)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new StorageError(`the data folder ${directory} is in use by another embedded-eventstore`, { cause: error });
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged(directory, message, error);
    default:
      return new StorageError(`cannot use the data folder ${directory}: ${message}`, { cause: error });
  }
}

function damaged(directory: string, what: string, cause: unknown): StorageError {
  return new StorageError(`the data in ${directory} is damaged (${what}); nothing was changed: restore the folder from a backup`, {
    cause,
  });
}

/** The primary result code of an SQLite error; undefined for any other. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}
