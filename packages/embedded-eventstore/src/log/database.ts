import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createDiskSync, type DiskSync, MAX_BLOCKING_MS } from './disk-sync.ts';
import { lockFolder } from './folder-lock.ts';
import { checkIntegrity } from './integrity.ts';
import { CREATE_SCHEMA, SCHEMA_VERSION } from './schema.ts';
import { StorageError } from './storage-error.ts';

/** Where the events are kept: a folder of the server's own, or nowhere but in memory. */
export type Storage = { readonly directory: string } | 'memory';

export interface OpenedDatabase {
  readonly db: DatabaseSync;
  /** Resolves once everything committed before the call is on the disk. */
  readonly sync: DiskSync;
  close(): void;
}

const FILE_NAME = 'events.sqlite';
/** 4 MB of write-ahead log before it is copied into the database: larger means rarer but longer pauses. */
const CHECKPOINT_PAGES = 1000;
const CACHE_KIB = 64 * 1024;

/**
 * Opens the store and takes the folder for this process.
 *
 * Commits reach the write-ahead log without an fsync (`synchronous = NORMAL`); {@link OpenedDatabase.sync} then makes them
 * durable. SQLite itself syncs the log before it copies it into the database, so no order is lost.
 *
 * @throws StorageError naming the folder and what to do.
 */
export function openDatabase(storage: Storage, maxBlockingMs = MAX_BLOCKING_MS): OpenedDatabase {
  return storage === 'memory' ? openInMemory() : openInDirectory(path.resolve(storage.directory), maxBlockingMs);
}

function openInMemory(): OpenedDatabase {
  const db = new DatabaseSync(':memory:');
  db.exec(CREATE_SCHEMA);
  return { db, sync: () => Promise.resolve(), close: () => db.close() };
}

function openInDirectory(directory: string, maxBlockingMs: number): OpenedDatabase {
  // What was opened, to be closed in reverse order.
  const opened: (() => void)[] = [];
  const close = (): void => {
    for (const closeOne of opened.splice(0).reverse()) closeOne();
  };
  try {
    fs.mkdirSync(directory, { recursive: true });
    opened.push(lockFolder(directory).release);
    const file = path.join(directory, FILE_NAME);
    checkIntegrity(file);
    const db = new DatabaseSync(file);
    opened.push(() => db.close());
    prepare(db);
    const log = fs.openSync(`${file}-wal`, 'r+');
    opened.push(() => fs.closeSync(log));
    fs.fdatasyncSync(log);
    syncDirectory(directory);
    return { db, sync: createDiskSync(log, maxBlockingMs), close };
  } catch (error) {
    close();
    if (error instanceof StorageError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new StorageError(`cannot use the data folder ${directory}: ${message}`, { cause: error });
  }
}

function prepare(db: DatabaseSync): void {
  // Exclusive: the index of the write-ahead log is then kept in memory rather than in a file.
  db.exec(`
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
  `);
  const tables = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'];
  if (tables === 0) db.exec(`BEGIN; ${CREATE_SCHEMA} COMMIT`);
  // The first write makes the write-ahead log's file, which a clean stop removes.
  db.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

/** A new file's name must survive a power loss too. */
export function syncDirectory(directory: string): void {
  const handle = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
