// Changing what the embedded event store has written, in its file and past it: as somebody would who has the disk, and knows the format.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { encodeRecordedEvent } from '../../packages/embedded-eventstore/src/codec/recorded-event.ts';
import { readFields } from '../../packages/embedded-eventstore/src/codec/wire-reader.ts';

const Row = z.object({
  position: z.number(),
  revision: z.number(),
  stream: z.string(),
  id: z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes)),
  type: z.string(),
  created_ms: z.number(),
  record: z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes)),
});
const Json = z.record(z.string(), z.unknown());

export interface KeptEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly id: Buffer;
  readonly type: string;
  readonly createdMs: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface ForgedLog {
  /** The ledger's events, in log order. */
  readonly events: readonly KeptEvent[];
  /** Puts it in the place of what stands at its position, with a checksum that fits. */
  write(event: KeptEvent): void;
  remove(event: KeptEvent): void;
}

/** Opens the file of a server that is stopped, lets it be changed, and closes it. */
export function forgeLog(dataDir: string, change: (log: ForgedLog) => void): void {
  const db = new DatabaseSync(join(dataDir, 'eventstore', 'events.sqlite'));
  try {
    const rows = db
      .prepare(
        `SELECT position, revision, name AS stream, events.id AS id, type, created_ms, record
         FROM events JOIN streams ON streams.id = stream WHERE name LIKE 'account-%' OR name LIKE 'asset-%' ORDER BY position`,
      )
      .all();
    const remove = db.prepare('DELETE FROM events WHERE position = ?');
    const insert = db.prepare(
      `INSERT INTO events (position, stream, revision, id, type, created_ms, checksum, record)
       VALUES (?, (SELECT id FROM streams WHERE name = ?), ?, ?, ?, ?, ?, ?)`,
    );
    const pending: KeptEvent[] = [];
    change({
      events: rows.map((row) => eventOf(Row.parse(row))),
      write: (event) => {
        remove.run(event.position);
        pending.push(event);
      },
      remove: ({ position }) => void remove.run(position),
    });
    for (const event of pending) {
      const { position, stream, revision, id, type, createdMs } = event;
      const record = recordOf(event);
      insert.run(position, stream, revision, id, type, createdMs, crc32(record), record);
    }
  } finally {
    db.close();
  }
}

function eventOf({ position, revision, stream, id, type, created_ms, record }: z.infer<typeof Row>): KeptEvent {
  const fields = readFields(record);
  const parts = new Map<number, Buffer>();
  while (fields.next()) parts.set(fields.number, fields.bytes);
  const json = (field: number) => Json.parse(JSON.parse(parts.get(field)?.toString('utf8') ?? '{}'));
  return { position, revision, stream, id, type, createdMs: created_ms, data: json(8), metadata: json(7) };
}

const recordOf = ({ position, revision, stream, id, type, createdMs, data, metadata }: KeptEvent): Buffer =>
  encodeRecordedEvent(
    { id, type, isJson: true, customMetadata: Buffer.from(JSON.stringify(metadata)), data: Buffer.from(JSON.stringify(data)) },
    { position, revision, stream, createdTicks: `${BigInt(createdMs) * 10_000n}` },
  );
