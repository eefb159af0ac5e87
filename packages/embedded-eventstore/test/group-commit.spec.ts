import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { type EventLog, openEventLog } from '../src/log/event-log.ts';
import type { AppendWrite, WriteOutcome } from '../src/log/writes.ts';
import { eventsFile, temporaryFolder } from './harness/folders.ts';

const NO_BYTES = Buffer.alloc(0);

function append(stream: string, over: Partial<AppendWrite> = {}): AppendWrite {
  const event = { id: randomBytes(16), type: 'tested', isJson: true, customMetadata: NO_BYTES, data: NO_BYTES };
  return { kind: 'append', stream, expected: 'any', events: [event], deadlineMs: Number.POSITIVE_INFINITY, ...over };
}

function submit(log: EventLog, write: AppendWrite): Promise<WriteOutcome> {
  return new Promise((resolve) => log.submit(write, resolve));
}

test('appends that arrive together become durable together', async () => {
  const log = openEventLog({ directory: temporaryFolder() }, () => {});
  const commits: number[] = [];
  log.commits.subscribe(null, (commit) => commits.push(commit.streams.size));
  await Promise.all(Array.from({ length: 100 }, (_, n) => submit(log, append(`stream-${n}`))));
  expect(commits).toEqual([100]);
  await log.close();
});

test('what is committed but not yet synced is not read', async () => {
  const directory = temporaryFolder();
  // No sync is fast enough to be done on the event loop for long.
  const log = openEventLog({ directory }, () => {}, 0);
  const writtenBytes = () => fs.statSync(`${eventsFile(directory)}-wal`).size;
  const readable = () => [log.allForwards(0, 20).length, log.head('stream').lastRevision];
  for (let n = 0; n < 10; n++) await submit(log, append('stream'));
  // The writer has gone to rest: it begins with the next submission, ahead of what this test waits for.
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  const before = writtenBytes();
  const written = submit(log, append('stream'));
  // The transaction is over within this turn of the event loop; its sync reports back in a later one at the earliest.
  await new Promise(setImmediate);
  expect(writtenBytes()).toBeGreaterThan(before);
  expect(readable()).toEqual([10, 9]);
  await written;
  expect(readable()).toEqual([11, 10]);
  await log.close();
});

test('each of a group is decided after those before it', async () => {
  const log = openEventLog('memory', () => {});
  const outcomes = await Promise.all([
    submit(log, append('stream', { expected: 'no_stream' })),
    submit(log, append('stream', { expected: 'no_stream' })),
    submit(log, append('stream', { expected: 0 })),
    submit(log, append('stream', { expected: 7 })),
    submit(log, append('stream', { deadlineMs: Date.now() - 1 })),
  ]);
  expect(outcomes).toEqual([
    { kind: 'written', revision: 0, position: expect.any(Number) },
    { kind: 'conflict', current: 0 },
    { kind: 'written', revision: 1, position: expect.any(Number) },
    { kind: 'conflict', current: 1 },
    { kind: 'expired' },
  ]);
  await log.close();
});

test('the same append twice in one group is written once, and answered twice', async () => {
  const log = openEventLog('memory', () => {});
  const write = append('stream');
  const outcomes = await Promise.all([submit(log, write), submit(log, write)]);
  expect(outcomes[0]).toEqual(outcomes[1]);
  expect(log.allForwards(0, 10)).toHaveLength(1);
  await log.close();
});

test('what was submitted before the close is written', async () => {
  const directory = temporaryFolder();
  const log = openEventLog({ directory }, () => {});
  const outcomes = Promise.all(Array.from({ length: 50 }, () => submit(log, append('stream'))));
  await log.close();
  expect((await outcomes).map(({ kind }) => kind)).toEqual(Array(50).fill('written'));
  const reopened = openEventLog({ directory }, () => {});
  expect(reopened.head('stream').lastRevision).toBe(49);
  await reopened.close();
});
