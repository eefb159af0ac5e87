// A store's files as bytes: taken at a moment, changed as a power loss may leave them, and opened again.
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type EventLog, openEventLog } from '../../src/log/event-log.ts';
import { eventsFile } from './folders.ts';

/** What a store is on the disk. The index of the write-ahead log is in memory, and the lock is no data. */
export interface KeptFiles {
  readonly database: Buffer;
  readonly log: Buffer;
}

/** What is there of one event. */
export interface Kept {
  readonly revision: number;
  readonly position: number;
  /** A hash: every byte counts. */
  readonly record: string;
}

/** An append that was acknowledged, and the files right after it. */
export interface Acknowledged extends Kept {
  readonly files: KeptFiles;
}

const STREAM = 'torn';
const EMPTY = Buffer.alloc(0);

/** A log in that folder that says nothing. */
export const openLog = (folder: string): EventLog => openEventLog({ directory: folder }, () => {});

/** The files as they are now, whether a server has them open or not. */
export const takeFiles = (folder: string): KeptFiles => ({
  database: fs.readFileSync(eventsFile(folder)),
  log: fs.readFileSync(`${eventsFile(folder)}-wal`),
});

/** Puts the files in place of all that is in the folder. */
export function putFiles(folder: string, { database, log }: KeptFiles): void {
  for (const name of fs.readdirSync(folder)) fs.rmSync(path.join(folder, name), { force: true });
  fs.writeFileSync(eventsFile(folder), database);
  fs.writeFileSync(`${eventsFile(folder)}-wal`, log);
}

/** Every event of the log, with every byte. */
export const contentOf = (log: EventLog): readonly Kept[] =>
  log.allForwards(0, Number.MAX_SAFE_INTEGER).map(({ revision, position, record }) => ({
    revision,
    position,
    record: createHash('sha256').update(record).digest('hex'),
  }));

/** Appends one event of so many bytes, where the stream's last revision is that one. Resolves once it is acknowledged. @throws unless it was written */
export function append(
  log: EventLog,
  lastRevision: number,
  bytes: number,
): Promise<{ readonly revision: number; readonly position: number }> {
  const data = Buffer.from(JSON.stringify({ filler: randomBytes(bytes).toString('hex').slice(0, bytes) }));
  const event = { id: randomBytes(16), type: 'tested', isJson: true, customMetadata: EMPTY, data };
  const expected = lastRevision < 0 ? 'no_stream' : lastRevision;
  return new Promise((resolve, reject) => {
    log.submit({ kind: 'append', stream: STREAM, expected, events: [event], deadlineMs: Number.MAX_SAFE_INTEGER }, (outcome) => {
      if (outcome.kind !== 'written' || outcome.revision === null || outcome.position === null) reject(new Error(outcome.kind));
      else resolve({ revision: outcome.revision, position: outcome.position });
    });
  });
}

/** Appends one after another, each acknowledged before the next, and takes the files after each. */
export async function appendAndTake(folder: string, log: EventLog, sizes: readonly number[]): Promise<readonly Acknowledged[]> {
  const taken: Acknowledged[] = [];
  for (const bytes of sizes) {
    const before = contentOf(log).at(-1)?.revision ?? -1;
    await append(log, before, bytes);
    const last = contentOf(log).at(-1);
    if (last === undefined) throw new Error('what was acknowledged is not there');
    taken.push({ ...last, files: takeFiles(folder) });
  }
  return taken;
}
