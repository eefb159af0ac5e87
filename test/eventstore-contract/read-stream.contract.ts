import { describe, expect, test } from 'vitest';
import { client } from './harness/connection.ts';
import { collect, event, events, nth, positionOf, recorded, revisions, streamOf, uniqueStream } from './harness/streams.ts';

const five = () => streamOf(events(5));

describe('forwards', () => {
  test('from the start yields every event in order', async () => {
    expect(await revisions(await five())).toEqual([0n, 1n, 2n, 3n, 4n]);
  });

  test('from a revision includes that revision', async () => {
    expect(await revisions(await five(), { fromRevision: 2n })).toEqual([2n, 3n, 4n]);
  });

  test('from the last revision yields the last event', async () => {
    expect(await revisions(await five(), { fromRevision: 4n })).toEqual([4n]);
  });

  test('from past the end yields nothing', async () => {
    expect(await revisions(await five(), { fromRevision: 5n })).toEqual([]);
    expect(await revisions(await five(), { fromRevision: 2n ** 53n + 1n })).toEqual([]);
  });

  test.each([1, 3, 5])('yields no more than the %d events asked for', async (maxCount) => {
    const expected = [0n, 1n, 2n, 3n, 4n].slice(0, maxCount);
    expect(await revisions(await five(), { maxCount })).toEqual(expected);
  });

  test('yields what there is when more is asked for', async () => {
    expect(await revisions(await five(), { fromRevision: 3n, maxCount: 100 })).toEqual([3n, 4n]);
  });

  test('yields a long stream whole', async () => {
    const stream = await streamOf(events(100));
    for (let from = 100; from < 500; from += 100) await client.appendToStream(stream, events(100, from));
    const numbers = (await collect(client.readStream(stream))).map((resolved) => recorded(resolved).data);
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, n) => ({ n })));
  });
});

describe('backwards', () => {
  const backwards = { direction: 'backwards' } as const;

  test('from the end yields every event, last first', async () => {
    expect(await revisions(await five(), { ...backwards, fromRevision: 'end' })).toEqual([4n, 3n, 2n, 1n, 0n]);
  });

  test('from a revision includes that revision', async () => {
    expect(await revisions(await five(), { ...backwards, fromRevision: 2n })).toEqual([2n, 1n, 0n]);
  });

  test('from the start yields the first event', async () => {
    expect(await revisions(await five(), { ...backwards, fromRevision: 'start' })).toEqual([0n]);
  });

  test('from past the end yields the whole stream', async () => {
    expect(await revisions(await five(), { ...backwards, fromRevision: 100n, maxCount: 200 })).toEqual([4n, 3n, 2n, 1n, 0n]);
  });

  test.each([1, 2, 5])('yields no more than the %d events asked for', async (maxCount) => {
    const expected = [4n, 3n, 2n, 1n, 0n].slice(0, maxCount);
    expect(await revisions(await five(), { ...backwards, fromRevision: 'end', maxCount })).toEqual(expected);
  });

  test('yields a long stream whole', async () => {
    const stream = await streamOf(events(100));
    await client.appendToStream(stream, events(100, 100));
    const read = await revisions(stream, { ...backwards, fromRevision: 'end' });
    expect(read).toEqual(Array.from({ length: 200 }, (_, n) => 199n - BigInt(n)));
  });
});

describe('a missing stream', () => {
  test.each(['forwards', 'backwards'] as const)('is not found %s', async (direction) => {
    const stream = uniqueStream();
    const read = collect(client.readStream(stream, { direction, fromRevision: direction === 'forwards' ? 'start' : 'end' }));
    await expect(read).rejects.toMatchObject({ type: 'stream-not-found', streamName: stream });
  });

  test('is not found where only metadata exists', async () => {
    const stream = uniqueStream();
    await client.setStreamMetadata(stream, { maxCount: 1 });
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  test('is not found by a stream name that only begins like an existing one', async () => {
    const stream = await five();
    await expect(revisions(stream.slice(0, -1))).rejects.toMatchObject({ type: 'stream-not-found' });
  });
});

test('a stream read carries the positions of the log', async () => {
  const stream = await five();
  for (const resolved of await collect(client.readStream(stream))) {
    const position = recorded(resolved).position;
    expect(position?.commit).toBe(position?.prepare);
    const [inLog] = await collect(client.readAll({ fromPosition: position ?? 'start', maxCount: 1 }));
    expect(recorded(inLog).id).toBe(recorded(resolved).id);
  }
});

test('a read may be cancelled half-way and the client goes on', async () => {
  const stream = await streamOf(events(100));
  const read = client.readStream(stream);
  for await (const resolved of read) {
    if (recorded(resolved).revision === 3n) break;
  }
  await read.cancel();
  expect(await revisions(stream, { maxCount: 2 })).toEqual([0n, 1n]);
});

test('many reads at once each get their own stream', async () => {
  const streams = await Promise.all(Array.from({ length: 20 }, (_, n) => streamOf([event(n), event(n)])));
  const reads = await Promise.all(streams.map((stream) => collect(client.readStream(stream))));
  for (const [n, read] of reads.entries()) {
    expect(read.map((resolved) => recorded(resolved).streamId)).toEqual([streams[n], streams[n]]);
    expect(read.map((resolved) => recorded(resolved).data)).toEqual([{ n }, { n }]);
    expect(positionOf(nth(read, 1))).toBeGreaterThan(positionOf(nth(read, 0)));
  }
});
