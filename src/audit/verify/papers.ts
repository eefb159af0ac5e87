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
/** As many values of a shelf are in memory, once or twice. */
const GENERATION = 4_000;

interface Kept<Value> {
  readonly value: Value;
  /** It is not written down yet. */
  readonly isNew: boolean;
}

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
    const select = db.prepare(`SELECT value FROM ${name} WHERE key = ?`);
    const write = db.prepare(`INSERT OR REPLACE INTO ${name} (key, value) VALUES (?, ?)`);
    const all = db.prepare(`SELECT key, value FROM ${name} ORDER BY key`);
    for (const statement of [select, all]) statement.setReturnArrays(true);
    const parsed = parserOf<Value>();
    // What is used now is used again soon. Of two generations the older one is written down when the younger one is full.
    let young = new Map<string, Kept<Value>>();
    let old = new Map<string, Kept<Value>>();

    function keep(key: string, kept: Kept<Value>): void {
      young.set(key, kept);
      if (young.size < GENERATION) return;
      writeDown(old);
      old = young;
      young = new Map();
    }
    function writeDown(generation: ReadonlyMap<string, Kept<Value>>): void {
      for (const [key, { value, isNew }] of generation) if (isNew && !young.has(key)) write.run(key, JSON.stringify(value));
    }
    function get(key: string): Value | undefined {
      const known = young.get(key);
      if (known !== undefined) return known.value;
      const older = old.get(key);
      if (older !== undefined) {
        keep(key, older);
        return older.value;
      }
      const [json] = columns(select.get(key) ?? []);
      if (json === undefined) return undefined;
      const value = parsed(json);
      keep(key, { value, isNew: false });
      return value;
    }
    const put = (key: string, value: Value): void => keep(key, { value, isNew: true });

    return {
      get,
      put,
      add: (key, value) => {
        const before = get(key);
        if (before === undefined) put(key, value);
        return before;
      },
      *entries() {
        writeDown(old);
        old = new Map();
        const last = young;
        young = new Map();
        writeDown(last);
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
