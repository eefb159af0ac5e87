import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';

/** One event as kept: the RecordedEvent message, and what is needed to choose it. */
export interface StoredEvent {
  readonly position: number;
  readonly revision: number;
  readonly type: string;
  readonly createdMs: number;
  readonly record: Buffer;
}

export interface EventRow extends StoredEvent {
  readonly streamId: number;
  readonly id: Buffer;
}

/** The bytes on the disk are not those that were written. Nothing of the event is handed out. */
export class DamagedEventError extends Error {
  override name = 'DamagedEventError';
}

const COLUMNS = 'position, revision, type, created_ms, checksum, record';

/** Every SQL statement of the store. Synchronous, prepared once; rows come as arrays because that is the cheapest form. */
export interface EventTable {
  insertStream(name: string): number;
  insertEvent(row: EventRow): void;
  findStream(name: string): number | null;
  lastEvent(streamId: number): StoredEvent | null;
  eventAt(streamId: number, revision: number): StoredEvent | null;
  idAt(streamId: number, revision: number): Buffer | null;
  /** Where a stream has an event with this id; null when it has none. The newest, should it have several. */
  findId(streamId: number, id: Buffer): { readonly revision: number; readonly position: number } | null;
  hasPosition(position: number): boolean;
  newestEvent(): StoredEvent | null;
  /** Events above `after` up to and including `until`, oldest first. */
  allForwards(after: number, until: number, limit: number): StoredEvent[];
  /** Events below `before`, newest first. */
  allBackwards(before: number, limit: number): StoredEvent[];
  streamForwards(streamId: number, from: number, to: number, createdSinceMs: number, limit: number): StoredEvent[];
  streamBackwards(streamId: number, from: number, downTo: number, createdSinceMs: number, limit: number): StoredEvent[];
}

export function createEventTable(db: DatabaseSync): EventTable {
  const rows = (sql: string): StatementSync => {
    const statement = db.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  const insertStream = db.prepare('INSERT INTO streams (name) VALUES (?)');
  const insertEvent = db.prepare(
    'INSERT INTO events (position, stream, revision, id, type, created_ms, checksum, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const findStream = rows('SELECT id FROM streams WHERE name = ?');
  const lastEvent = rows(`SELECT ${COLUMNS} FROM events WHERE stream = ? ORDER BY revision DESC LIMIT 1`);
  const eventAt = rows(`SELECT ${COLUMNS} FROM events WHERE stream = ? AND revision = ?`);
  const idAt = rows('SELECT id FROM events WHERE stream = ? AND revision = ?');
  const findId = rows('SELECT revision, position FROM events WHERE stream = ? AND id = ? ORDER BY position DESC LIMIT 1');
  const hasPosition = rows('SELECT 1 FROM events WHERE position = ?');
  const newestEvent = rows(`SELECT ${COLUMNS} FROM events ORDER BY position DESC LIMIT 1`);
  const allForwards = rows(`SELECT ${COLUMNS} FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`);
  const allBackwards = rows(`SELECT ${COLUMNS} FROM events WHERE position < ? ORDER BY position DESC LIMIT ?`);
  const streamForwards = rows(
    `SELECT ${COLUMNS} FROM events WHERE stream = ? AND revision >= ? AND revision <= ? AND created_ms >= ? ORDER BY revision LIMIT ?`,
  );
  const streamBackwards = rows(
    `SELECT ${COLUMNS} FROM events WHERE stream = ? AND revision <= ? AND revision >= ? AND created_ms >= ? ORDER BY revision DESC LIMIT ?`,
  );

  return {
    insertStream: (name) => Number(insertStream.run(name).lastInsertRowid),
    insertEvent: (row) => {
      insertEvent.run(row.position, row.streamId, row.revision, row.id, row.type, row.createdMs, crc32(row.record), row.record);
    },
    findStream: (name) => firstColumn<number>(findStream.get(name)),
    lastEvent: (streamId) => toEvent(lastEvent.get(streamId)),
    eventAt: (streamId, revision) => toEvent(eventAt.get(streamId, revision)),
    idAt: (streamId, revision) => toBuffer(firstColumn<Uint8Array>(idAt.get(streamId, revision))),
    findId: (streamId, id) => {
      const row = asRow<[revision: number, position: number]>(findId.get(streamId, id));
      return row === undefined ? null : { revision: row[0], position: row[1] };
    },
    hasPosition: (position) => hasPosition.get(position) !== undefined,
    newestEvent: () => toEvent(newestEvent.get()),
    allForwards: (after, until, limit) => toEvents(allForwards.all(after, until, limit)),
    allBackwards: (before, limit) => toEvents(allBackwards.all(before, limit)),
    streamForwards: (...bounds) => toEvents(streamForwards.all(...bounds)),
    streamBackwards: (...bounds) => toEvents(streamBackwards.all(...bounds)),
  };
}

type EventColumns = [position: number, revision: number, type: string, createdMs: number, checksum: number, record: Uint8Array];

/** The edge where SQLite's untyped rows get the types that the STRICT schema guarantees. */
function asRow<Row extends readonly unknown[]>(row: unknown): Row | undefined {
  return row as Row | undefined;
}

function firstColumn<T>(row: unknown): T | null {
  return asRow<[T]>(row)?.[0] ?? null;
}

function toBuffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function toEvents(rows: unknown[]): StoredEvent[] {
  return rows.map((row) => fromColumns(row as EventColumns));
}

function toEvent(row: unknown): StoredEvent | null {
  const columns = asRow<EventColumns>(row);
  return columns === undefined ? null : fromColumns(columns);
}

function fromColumns([position, revision, type, createdMs, checksum, bytes]: EventColumns): StoredEvent {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(record) !== checksum) throw new DamagedEventError(`the event at position ${position} is damaged: its checksum does not match`);
  return { position, revision, type, createdMs, record };
}
