// What a power loss leaves of the files: whatever the write-ahead log lost at its end, all that was acknowledged before is there,
// nothing is there by half, and the log goes on from there.
//
// SQLite appends whole pages ("frames") to the write-ahead log and an acknowledgement waits until they are synced: so only the frames
// after the last acknowledgement can be torn. It copies them into the database only after a sync of the log, and begins the log anew only
// after a sync of the database: so the database can be torn only where the log has its pages. https://www.sqlite.org/wal.html
import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import type { EventLog } from '../src/log/event-log.ts';
import { eventsFile, temporaryFolder } from './harness/folders.ts';
import type { Acknowledged, Kept, KeptFiles } from './harness/kept-files.ts';
import { append, appendAndTake, contentOf, openLog, putFiles } from './harness/kept-files.ts';

const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const SECTOR_BYTES = 512;
const PAGE_BYTES = 4096;
/** The smallest there are: so that every byte of several records can be tried. What SQLite and the server do depends on no page size. */
const SMALL_PAGE_BYTES = 512;
/** Of the records that are torn. */
const SIZES = [40, 700];
const EARLIER = 12;

interface Store {
  /** What was acknowledged before the records that are torn. */
  readonly earlier: readonly Kept[];
  /** Those, each with the files right after it. */
  readonly last: readonly Acknowledged[];
  /** The files right before them. */
  readonly before: KeptFiles;
}

/** A store whose write-ahead log has little but the last records, or, `overwritten`, has them over those of before. */
async function storeWith({ pageBytes, overwritten = false }: { pageBytes: number; overwritten?: boolean }): Promise<Store> {
  const folder = temporaryFolder();
  const database = new DatabaseSync(eventsFile(folder));
  database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL`);
  database.close();
  let log = openLog(folder);
  await appendAndTake(folder, log, Array(EARLIER).fill(60));
  await log.close();
  log = openLog(folder);
  if (overwritten) await fillUntilItBeginsAnew(folder, log);
  const earlier = await appendAndTake(folder, log, [60]);
  const last = await appendAndTake(folder, log, SIZES);
  const all = contentOf(log);
  await log.close();
  const before = earlier.at(-1)?.files;
  if (before === undefined) throw new Error('nothing was appended');
  return { earlier: all.slice(0, -SIZES.length), last, before };
}

/** Appends until SQLite has copied the write-ahead log into the database and writes it from its beginning again. */
async function fillUntilItBeginsAnew(folder: string, log: EventLog): Promise<void> {
  const saltOf = async (): Promise<string | undefined> =>
    (await appendAndTake(folder, log, [20_000])).at(-1)?.files.log.subarray(16, 24).toString('hex');
  for (const first = await saltOf(); first === (await saltOf()); );
}

/** A folder of its own in which files are opened, one state after another. */
function reopening(): (files: KeptFiles, look: (log: EventLog) => void | Promise<void>) => Promise<void> {
  const folder = temporaryFolder({ inMemory: true });
  return async (files, look) => {
    putFiles(folder, files);
    const log = openLog(folder);
    try {
      await look(log);
    } finally {
      await log.close();
    }
  };
}

/** What must be there where the write-ahead log has kept only its first bytes. */
const keptUpTo = ({ earlier, last }: Store, bytes: number): readonly Kept[] => [
  ...earlier,
  ...last.filter(({ files }) => files.log.length <= bytes).map(({ revision, position, record }) => ({ revision, position, record })),
];

/** The next event has the next revision and a later position, the revision before it is checked, and it is there after a restart. */
async function expectToGoOn(log: EventLog): Promise<void> {
  const [last] = contentOf(log).slice(-1);
  if (last === undefined) throw new Error('nothing is there');
  await expect(append(log, last.revision - 1, 40)).rejects.toThrow('conflict');
  const { revision, position } = await append(log, last.revision, 40);
  expect(revision).toBe(last.revision + 1);
  expect(position).toBeGreaterThan(last.position);
  expect(contentOf(log).at(-1)).toMatchObject({ revision, position });
}

const lastFiles = ({ last }: Store): KeptFiles => {
  const files = last.at(-1)?.files;
  if (files === undefined) throw new Error('nothing was appended');
  return files;
};

test('cut at every byte of the last records, the write-ahead log has every record that is whole, and no part of another', async () => {
  const store = await storeWith({ pageBytes: SMALL_PAGE_BYTES });
  const { database, log: whole } = lastFiles(store);
  const reopen = reopening();
  const seen = new Set<number>();
  for (let cut = store.before.log.length; cut <= whole.length; cut += 1) {
    await reopen({ database, log: whole.subarray(0, cut) }, (log) => {
      const there = contentOf(log);
      seen.add(there.length);
      if (!isSame(there, keptUpTo(store, cut))) expect(there, `cut at ${cut}`).toEqual(keptUpTo(store, cut));
    });
  }
  expect([...seen]).toEqual([0, ...SIZES.keys().map((at) => at + 1)].map((more) => store.earlier.length + more));
});

const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES;
/** Where a frame is cut: around the ends of its header and its own, in its header, and in the middle of its page. */
const TELLING: ReadonlySet<number> = new Set([0, 1, 8, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + 1, FRAME_BYTES / 2, FRAME_BYTES - 1]);
const telling = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n).filter((cut) => TELLING.has((cut - WAL_HEADER_BYTES) % FRAME_BYTES));

test.each([
  ['nothing', () => Buffer.alloc(0)],
  ['zeros', () => Buffer.alloc(3 * PAGE_BYTES)],
  ['garbage', () => randomBytes(3 * PAGE_BYTES)],
  ['a byte of garbage', () => randomBytes(1)],
] as const)('with pages as they are in use, and %s behind the cut, it is the same; and it goes on from there', async (_, tail) => {
  const store = await storeWith({ pageBytes: PAGE_BYTES });
  const { database, log: whole } = lastFiles(store);
  const reopen = reopening();
  for (const cut of telling(store.before.log.length, whole.length)) {
    // What stands in the frames' place may not by chance be them.
    await reopen({ database, log: Buffer.concat([whole.subarray(0, cut), tail()]) }, async (log) => {
      expect(contentOf(log), `cut at ${cut}`).toEqual(keptUpTo(store, cut));
      await expectToGoOn(log);
    });
  }
});

test('what is appended after a torn end is there after the next start, and what was torn off never comes back', async () => {
  const store = await storeWith({ pageBytes: PAGE_BYTES });
  const { database, log: whole } = lastFiles(store);
  const folder = temporaryFolder();
  putFiles(folder, { database, log: whole.subarray(0, whole.length - 1) });
  const torn = openLog(folder);
  await expectToGoOn(torn);
  const after = contentOf(torn);
  await torn.close();
  const again = openLog(folder);
  onTestFinished(() => again.close());
  expect(contentOf(again)).toEqual(after);
  expect(after.slice(0, -1)).toEqual(keptUpTo(store, whole.length - 1));
});

test.each([
  ['lost', () => Buffer.alloc(SECTOR_BYTES)],
  ['garbage', () => randomBytes(SECTOR_BYTES)],
] as const)(
  'any one sector of the record that was being written may be %s: it is absent, and all before it is there',
  async (_, sector) => {
    const store = await storeWith({ pageBytes: PAGE_BYTES });
    const { database, log: whole } = lastFiles(store);
    const start = store.last.at(-2)?.files.log.length ?? 0;
    const reopen = reopening();
    for (let at = Math.floor(start / SECTOR_BYTES) * SECTOR_BYTES; at < whole.length; at += SECTOR_BYTES) {
      const torn = Buffer.from(whole);
      const from = Math.max(at, start); // what shares a sector with a synced commit is written again with the same bytes
      sector().copy(torn, from, from - at);
      if (torn.equals(whole)) continue; // an empty part of a page
      await reopen({ database, log: torn }, (log) => expect(contentOf(log), `at ${at}`).toEqual(keptUpTo(store, start)));
    }
  },
);

test('a write-ahead log that is written over from its beginning may be torn at every byte, too: behind it are older frames', async () => {
  const store = await storeWith({ pageBytes: SMALL_PAGE_BYTES, overwritten: true });
  const [record] = store.last;
  if (record === undefined) throw new Error('nothing was appended');
  expect(record.files.log.length).toBe(store.before.log.length); // written over, not behind
  const [before, after] = [firstFrames(store.before), firstFrames(record.files)];
  const reopen = reopening();
  for (const cut of differing(before.log, after.log)) {
    const log = Buffer.concat([after.log.subarray(0, cut), before.log.subarray(cut)]);
    await reopen({ database: after.database, log }, (opened) => {
      if (!isSame(contentOf(opened), store.earlier)) expect(contentOf(opened), `torn at ${cut}`).toEqual(store.earlier);
    });
  }
  const { revision, position, record: bytes } = record;
  await reopen(after, (opened) => expect(contentOf(opened)).toEqual([...store.earlier, { revision, position, record: bytes }]));
});

test('a database torn while the write-ahead log is copied into it is made whole from the log', async () => {
  const store = await storeWith({ pageBytes: PAGE_BYTES });
  const files = lastFiles(store);
  const copied = new Map(framesOf(files.log));
  const reopen = reopening();
  for (const [page, content] of copied) {
    for (const torn of [content.subarray(0, SECTOR_BYTES), randomBytes(PAGE_BYTES), Buffer.alloc(PAGE_BYTES), content]) {
      const database = Buffer.alloc(Math.max(files.database.length, (page - 1) * PAGE_BYTES + torn.length));
      files.database.copy(database);
      torn.copy(database, (page - 1) * PAGE_BYTES);
      await reopen({ database, log: files.log }, async (log) => {
        expect(contentOf(log), `page ${page}`).toEqual(keptUpTo(store, files.log.length));
        await expectToGoOn(log);
      });
    }
  }
  expect(copied.size).toBeGreaterThan(1);
});

test('a store torn at any byte while it is made is empty, and is made then', async () => {
  const folder = temporaryFolder();
  const log = openLog(folder);
  const [first] = await appendAndTake(folder, log, [40]);
  await log.close();
  if (first === undefined) throw new Error('nothing was appended');
  const { database, log: whole } = first.files;
  const reopen = reopening();
  for (const cut of [...Array(WAL_HEADER_BYTES + FRAME_HEADER_BYTES + 2).keys(), ...telling(WAL_HEADER_BYTES, whole.length - 1)]) {
    await reopen({ database, log: whole.subarray(0, cut) }, async (opened) => {
      expect(contentOf(opened), `cut at ${cut}`).toEqual([]);
      expect(await append(opened, -1, 40)).toMatchObject({ revision: 0 });
    });
  }
});

/** All that matters of a write-ahead log of which only the beginning was written over: what is left of the frames behind is of no use to anybody. */
const firstFrames = ({ database, log }: KeptFiles): KeptFiles => ({
  database,
  log: log.subarray(0, WAL_HEADER_BYTES + 200 * (FRAME_HEADER_BYTES + SMALL_PAGE_BYTES)),
});

/** Several times faster than `toEqual`, for thousands of states. */
const isSame = (some: readonly Kept[], others: readonly Kept[]): boolean => JSON.stringify(some) === JSON.stringify(others);

/** The places of the bytes that differ. */
const differing = (before: Buffer, after: Buffer): readonly number[] => [...after.keys()].filter((at) => before[at] !== after[at]);

/** The pages in the write-ahead log, oldest first: their numbers and their bytes. */
function framesOf(log: Buffer): readonly (readonly [page: number, content: Buffer])[] {
  const frames: (readonly [number, Buffer])[] = [];
  for (let at = WAL_HEADER_BYTES; at < log.length; at += FRAME_BYTES) {
    const start = at + FRAME_HEADER_BYTES;
    frames.push([log.readUInt32BE(at), log.subarray(start, start + PAGE_BYTES)]);
  }
  return frames;
}
