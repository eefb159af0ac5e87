import fs from 'node:fs';
import path from 'node:path';
import { encodeRecordedEvent } from './codec/recorded-event.ts';
import { createClock } from './log/clock.ts';
import { openDatabase, syncDirectory } from './log/database.ts';
import { createEventTable } from './log/event-table.ts';
import { StorageError } from './log/storage-error.ts';
import { createStreamHeads } from './log/stream-heads.ts';

/** An event as it is imported: one line of JSON. */
interface ImportedEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
}

/** The lines are not what can be imported. Nothing of them is kept. */
export class ImportError extends Error {
  override name = 'ImportError';
}

/** Bounds what a transaction keeps in memory. */
const EVENTS_A_COMMIT = 10_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const WHOLE_NUMBER = /^(0|[1-9]\d{0,15})$/;

/**
 * Makes the data folder of a server out of events that another has recorded, each at the position that it had there. Every line is an
 * object with `position` and `revision` (decimal strings), `stream`, `id`, `type`, `data` and `metadata`; objects with a `kind` other
 * than `event` are passed over. Positions must grow, and each stream's revisions must count from 0. Events are recorded as JSON,
 * and as recorded now.
 *
 * The folder is there as a whole or not at all: it is made under another name beside it, and renamed once it is on the disk. What an earlier import
 * that was killed has left there is deleted.
 *
 * @returns how many events were imported.
 * @throws ImportError naming the line; StorageError where the folder is there already, unless it is empty.
 */
export async function importEvents(directory: string, lines: AsyncIterable<string>): Promise<number> {
  const folder = path.resolve(directory);
  if (fs.existsSync(folder) && fs.readdirSync(folder).length > 0) throw new StorageError(`the data folder ${folder} is not empty`);
  const draft = makeDraft(folder);
  try {
    const count = await importInto(draft, lines);
    fs.renameSync(draft, folder);
    syncDirectory(path.dirname(folder));
    return count;
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

/**
 * A name that no other import has: one that was left behind alone, and still writes, could otherwise put another's half into place. What it writes
 * is deleted, and it ends.
 */
function makeDraft(folder: string): string {
  const [parent, prefix] = [path.dirname(folder), `${path.basename(folder)}.importing-`];
  fs.mkdirSync(parent, { recursive: true });
  for (const name of fs.readdirSync(parent))
    if (name.startsWith(prefix)) fs.rmSync(path.join(parent, name), { recursive: true, force: true });
  return fs.mkdtempSync(path.join(parent, prefix));
}

async function importInto(directory: string, lines: AsyncIterable<string>): Promise<number> {
  const { db, sync, close } = openDatabase({ directory });
  try {
    const table = createEventTable(db);
    const heads = createStreamHeads(table);
    const clock = createClock();
    let number = 0;
    let count = 0;
    let last = 0; // no event stands there: reads begin behind it
    db.exec('BEGIN IMMEDIATE');
    for await (const line of lines) {
      number += 1;
      const event = parseLine(line, number);
      if (event === null) continue;
      const { position, stream, revision, type } = event;
      const head = heads.newest(stream);
      if (position <= last) throw new ImportError(`line ${number}: position ${position} does not come after ${last}`);
      if (revision !== head.lastRevision + 1)
        throw new ImportError(`line ${number}: ${stream}@${revision} does not come after ${stream}@${head.lastRevision}`);
      const created = clock.next();
      const id = Buffer.from(event.id.replaceAll('-', ''), 'hex');
      const recorded = { id, type, isJson: true, data: bytesOf(event.data), customMetadata: bytesOf(event.metadata) };
      const record = encodeRecordedEvent(recorded, { stream, revision, position, createdTicks: created.ticks });
      const streamId = head.id ?? table.insertStream(stream);
      table.insertEvent({ position, streamId, revision, id, type, createdMs: created.ms, record });
      heads.set(stream, { ...head, id: streamId, lastRevision: revision });
      last = position;
      count += 1;
      if (count % EVENTS_A_COMMIT > 0) continue;
      db.exec('COMMIT; BEGIN IMMEDIATE');
      heads.publish();
    }
    db.exec('COMMIT');
    await sync();
    return count;
  } finally {
    close();
  }
}

/** @returns null for a line that is no event's. */
function parseLine(line: string, number: number): ImportedEvent | null {
  const fields = parseObject(line);
  if (fields === null) throw new ImportError(`line ${number} is not a JSON object`);
  if (fields['kind'] !== undefined && fields['kind'] !== 'event') return null;
  const { stream, type, id, data, metadata } = fields;
  const [position, revision] = [wholeNumber(fields['position']), wholeNumber(fields['revision'])];
  if (position === null || revision === null) throw new ImportError(`line ${number} has no position or no revision`);
  if (typeof stream !== 'string' || stream === '') throw new ImportError(`line ${number} names no stream`);
  if (typeof type !== 'string' || type === '') throw new ImportError(`line ${number} has no type`);
  if (typeof id !== 'string' || !UUID.test(id)) throw new ImportError(`line ${number} has no id`);
  return { position, stream, revision, id, type, data, metadata };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : null;
  } catch {
    return null;
  }
}

function wholeNumber(value: unknown): number | null {
  if (typeof value !== 'string' || !WHOLE_NUMBER.test(value)) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : null;
}

function bytesOf(value: unknown): Buffer {
  return value === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(value));
}
