// The auditor's working papers: everything a fold has to remember, in a file of its own beside the memory, so that checking a long
// log takes no more memory than a short one. The file has no name any more once it is open, and is gone with the process.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A collection of values by key, kept as JSON. Keys are in the order of their UTF-8 bytes. */
export interface Shelf<Value> {
  get(key: string): Value | undefined;
  /** Puts it in the place of what was there. */
  put(key: string, value: Value): void;
  /** Puts it where nothing was. @returns what was there; then nothing is changed. */
  add(key: string, value: Value): Value | undefined;
  remove(key: string): void;
  entries(): Iterable<readonly [key: string, value: Value]>;
}

/** A heap of values that nobody looks up while it grows, so that adding to it costs the same however large it is. */
export interface Heap<Value> {
  add(key: string, value: Value): void;
  /** In the order of their keys' UTF-8 bytes; of equal keys, in the order in which they were added. */
  sorted(): Iterable<readonly [key: string, value: Value]>;
}

export interface Papers {
  /** A new, empty shelf. */
  shelf<Value extends object>(): Shelf<Value>;
  /** A new, empty heap. */
  heap<Value extends object>(): Heap<Value>;
  close(): void;
}

const CACHE_KIB = 32 * 1024;

export function openPapers(): Papers {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-verify-'));
  const db = new DatabaseSync(join(folder, 'papers.sqlite'));
  db.exec(`
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -${CACHE_KIB};
    CREATE TABLE opened (at INTEGER);
    BEGIN;
  `);
  rmSync(folder, { recursive: true, force: true });
  let shelves = 0;

  function shelf<Value extends object>(): Shelf<Value> {
    const name = `shelf_${shelves++}`;
    db.exec(`CREATE TABLE ${name} (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT`);
    const get = db.prepare(`SELECT value FROM ${name} WHERE key = ?`);
    const put = db.prepare(`INSERT OR REPLACE INTO ${name} (key, value) VALUES (?, ?)`);
    const insert = db.prepare(`INSERT OR IGNORE INTO ${name} (key, value) VALUES (?, ?)`);
    const remove = db.prepare(`DELETE FROM ${name} WHERE key = ?`);
    const all = db.prepare(`SELECT key, value FROM ${name} ORDER BY key`);
    for (const statement of [get, all]) statement.setReturnArrays(true);
    const parsed = parserOf<Value>();
    const found = (key: string): Value | undefined => {
      const [json] = columns(get.get(key) ?? []);
      return json === undefined ? undefined : parsed(json);
    };
    return {
      get: found,
      put: (key, value) => void put.run(key, JSON.stringify(value)),
      add: (key, value) => (insert.run(key, JSON.stringify(value)).changes === 0 ? found(key) : undefined),
      remove: (key) => void remove.run(key),
      *entries() {
        for (const row of all.iterate()) {
          const [key = '', json = ''] = columns(row);
          yield [key, parsed(json)];
        }
      },
    };
  }

  function heap<Value extends object>(): Heap<Value> {
    const name = `heap_${shelves++}`;
    db.exec(`CREATE TABLE ${name} (key TEXT NOT NULL, value TEXT NOT NULL) STRICT`);
    const insert = db.prepare(`INSERT INTO ${name} (key, value) VALUES (?, ?)`);
    const all = db.prepare(`SELECT key, value FROM ${name} ORDER BY key, rowid`);
    all.setReturnArrays(true);
    const parsed = parserOf<Value>();
    return {
      add: (key, value) => void insert.run(key, JSON.stringify(value)),
      *sorted() {
        for (const row of all.iterate()) {
          const [key = '', json = ''] = columns(row);
          yield [key, parsed(json)];
        }
      },
    };
  }

  return { shelf, heap, close: () => db.close() };
}

// What is read here was written above, by this process.
const columns = (row: unknown): readonly string[] => row as readonly string[];
const parserOf =
  <Value>() =>
  (json: string): Value =>
    JSON.parse(json) as Value;
