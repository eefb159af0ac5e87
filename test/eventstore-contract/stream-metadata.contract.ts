import { jsonEvent } from '@eventstore/db-client';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../stack/waiting.ts';
import { client } from './harness/connection.ts';
import { collect, event, events, nth, recorded, revisions, stored, streamOf, uniqueStream } from './harness/streams.ts';

/** Writes metadata that the client would not let through as it is. */
const setRawMetadata = (stream: string, data: Record<string, unknown>) =>
  client.appendToStream(`$$${stream}`, jsonEvent({ type: '$metadata', data }));

describe('reading and writing', () => {
  test('metadata that was set is read back', async () => {
    const stream = await streamOf([event()]);
    await client.setStreamMetadata(stream, { maxCount: 7, maxAge: 3_600, truncateBefore: 0, owner: 'contract' });
    const { metadata } = await client.getStreamMetadata(stream);
    expect(metadata).toEqual({ maxCount: 7, maxAge: 3_600, truncateBefore: 0, owner: 'contract' });
  });

  test('a stream without metadata has none', async () => {
    expect(await client.getStreamMetadata(await streamOf([event()]))).toEqual({ streamName: expect.any(String) });
  });

  test('metadata can be set before the stream exists', async () => {
    const stream = uniqueStream();
    await client.setStreamMetadata(stream, { maxCount: 2 }, { expectedRevision: 'no_stream' });
    await client.appendToStream(stream, events(5), { expectedRevision: 'no_stream' });
    expect(await revisions(stream)).toEqual([3n, 4n]);
  });

  test('metadata has revisions of its own, which an append can expect', async () => {
    const stream = uniqueStream();
    const first = await client.setStreamMetadata(stream, { maxCount: 1 }, { expectedRevision: 'no_stream' });
    const second = await client.setStreamMetadata(stream, { maxCount: 2 }, { expectedRevision: 0n });
    expect([first.nextExpectedRevision, second.nextExpectedRevision]).toEqual([0n, 1n]);
    const late = client.setStreamMetadata(stream, { maxCount: 3 }, { expectedRevision: 0n });
    await expect(late).rejects.toMatchObject({ type: 'wrong-expected-version', actualVersion: 1n });
  });

  test('a metastream yields its last event alone, as if its maximal count were 1', async () => {
    const stream = uniqueStream();
    for (const maxCount of [1, 2, 3]) await client.setStreamMetadata(stream, { maxCount });
    const read = await collect(client.readStream(`$$${stream}`));
    expect(read.map((resolved) => [recorded(resolved).revision, recorded(resolved).data])).toEqual([[2n, { $maxCount: 3 }]]);
  });

  test('the last metadata replaces what was set before', async () => {
    const stream = await streamOf(events(5));
    await client.setStreamMetadata(stream, { maxCount: 1 });
    await client.setStreamMetadata(stream, { owner: 'contract' });
    expect(await revisions(stream)).toHaveLength(5);
  });
});

describe('$maxCount', () => {
  test('hides all but the last events', async () => {
    const stream = await streamOf(events(10));
    await client.setStreamMetadata(stream, { maxCount: 3 });
    expect(await revisions(stream)).toEqual([7n, 8n, 9n]);
  });

  test('hides them backwards and from any revision', async () => {
    const stream = await streamOf(events(10));
    await client.setStreamMetadata(stream, { maxCount: 3 });
    expect(await revisions(stream, { direction: 'backwards', fromRevision: 'end' })).toEqual([9n, 8n, 7n]);
    expect(await revisions(stream, { fromRevision: 2n })).toEqual([7n, 8n, 9n]);
    expect(await revisions(stream, { fromRevision: 8n })).toEqual([8n, 9n]);
  });

  test('moves on with every append', async () => {
    const stream = await streamOf(events(4));
    await client.setStreamMetadata(stream, { maxCount: 2 });
    await client.appendToStream(stream, event(), { expectedRevision: 3n });
    expect(await revisions(stream)).toEqual([3n, 4n]);
  });

  test('larger than the stream hides nothing', async () => {
    const stream = await streamOf(events(3));
    await client.setStreamMetadata(stream, { maxCount: 100 });
    expect(await revisions(stream)).toEqual([0n, 1n, 2n]);
  });

  test.each([0, -1])('of %d is ignored', async (maxCount) => {
    const stream = await streamOf(events(3));
    await setRawMetadata(stream, { $maxCount: maxCount });
    expect(await revisions(stream)).toEqual([0n, 1n, 2n]);
  });
});

describe('$tb', () => {
  test('hides the events before it', async () => {
    const stream = await streamOf(events(5));
    await client.setStreamMetadata(stream, { truncateBefore: 3 });
    expect(await revisions(stream)).toEqual([3n, 4n]);
    expect(await revisions(stream, { direction: 'backwards', fromRevision: 'end' })).toEqual([4n, 3n]);
  });

  test('at or past the end leaves an empty stream, which still exists', async () => {
    const stream = await streamOf(events(3));
    await client.setStreamMetadata(stream, { truncateBefore: 3 });
    expect(await revisions(stream)).toEqual([]);
    await client.appendToStream(stream, event(), { expectedRevision: 2n });
    expect(await revisions(stream)).toEqual([3n]);
  });

  test('leaves the numbering and the expected revision as they were', async () => {
    const stream = await streamOf(events(5));
    await client.setStreamMetadata(stream, { truncateBefore: 5 });
    const { nextExpectedRevision } = await client.appendToStream(stream, event(), { expectedRevision: 4n });
    expect(nextExpectedRevision).toBe(5n);
  });

  test('and $maxCount together hide what either hides', async () => {
    const stream = await streamOf(events(10));
    await client.setStreamMetadata(stream, { truncateBefore: 8, maxCount: 5 });
    expect(await revisions(stream)).toEqual([8n, 9n]);
    await client.setStreamMetadata(stream, { truncateBefore: 2, maxCount: 3 });
    expect(await revisions(stream)).toEqual([7n, 8n, 9n]);
  });

  test('can be taken back', async () => {
    const stream = await streamOf(events(3));
    await client.setStreamMetadata(stream, { truncateBefore: 2 });
    await client.setStreamMetadata(stream, { truncateBefore: 0 });
    expect(await revisions(stream)).toEqual([0n, 1n, 2n]);
  });
});

describe('$maxAge', () => {
  test('counts seconds: what is younger stays', async () => {
    const stream = await streamOf(events(3));
    await client.setStreamMetadata(stream, { maxAge: 3_600 });
    expect(await revisions(stream)).toEqual([0n, 1n, 2n]);
  });

  test('hides what has grown older, and not what is written afterwards', async () => {
    const stream = await streamOf(events(3));
    await client.setStreamMetadata(stream, { maxAge: 1 });
    await waitFor(async () => expect(await revisions(stream)).toEqual([]), { intervalMs: 100 });
    await client.setStreamMetadata(stream, { maxAge: 3_600 });
    await client.appendToStream(stream, event(), { expectedRevision: 2n });
    expect(await revisions(stream)).toEqual([0n, 1n, 2n, 3n]);
  });

  test('hides it backwards too', async () => {
    const stream = await streamOf(events(3));
    await client.setStreamMetadata(stream, { maxAge: 1 });
    const backwards = () => revisions(stream, { direction: 'backwards', fromRevision: 'end' });
    await waitFor(async () => expect(await backwards()).toEqual([]), { intervalMs: 100 });
  });
});

test('hidden events stay in $all', async () => {
  const stream = await streamOf(events(4));
  const first = nth(await stored(stream), 0);
  await client.setStreamMetadata(stream, { truncateBefore: 3 });
  const [read] = await collect(client.readAll({ fromPosition: { commit: first.position, prepare: first.position }, maxCount: 1 }));
  expect(recorded(read).id).toBe(first.id);
});
