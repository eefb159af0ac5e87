import { jsonEvent } from '@eventstore/db-client';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../stack/waiting.ts';
import { appenders } from './harness/appenders.ts';
import { client } from './harness/connection.ts';
import { rawRead, readRequest } from './harness/raw-read.ts';
import { at, collect, event, events, nth, recorded, revisions, stored, streamOf, uniqueStream } from './harness/streams.ts';

const notFound = { type: 'stream-not-found' };

/** A soft-deleted stream of three events. */
async function deleted(): Promise<string> {
  const stream = await streamOf(events(3));
  await client.deleteStream(stream);
  return stream;
}

/** Waits until a read yields these revisions: just after a recreation it may not yet. */
const eventuallyRevisions = (stream: string, expected: bigint[]) => waitFor(async () => expect(await revisions(stream)).toEqual(expected));

describe('a soft-deleted stream', () => {
  test('is not found, in either direction', async () => {
    const stream = await deleted();
    await expect(revisions(stream)).rejects.toMatchObject(notFound);
    await expect(revisions(stream, { direction: 'backwards', fromRevision: 'end' })).rejects.toMatchObject(notFound);
    await expect(revisions(stream, { fromRevision: 2n })).rejects.toMatchObject(notFound);
  });

  test('reads as a not-found message and a normal end', async () => {
    const { responses, error } = await rawRead(readRequest({ stream: await deleted() }));
    expect(responses.map((response) => response.hasStreamNotFound())).toEqual([true]);
    expect(error).toBeUndefined();
  });

  test('has a $tb of 2^63-1', async () => {
    const { responses } = await rawRead(readRequest({ stream: `$$${await deleted()}` }));
    const data = Buffer.from(responses[0]?.getEvent()?.getEvent()?.getData_asU8() ?? []).toString();
    expect(data.replaceAll(/\s/g, '')).toContain('"$tb":9223372036854775807');
  });

  test('answers with the position of the deletion in the log', async () => {
    const stream = await streamOf([event()]);
    const { position } = await client.deleteStream(stream);
    const [found] = await collect(client.readAll({ fromPosition: position ?? 'start', maxCount: 1 }));
    expect(recorded(found)).toMatchObject({ streamId: `$$${stream}`, type: '$metadata' });
  });

  test('keeps its events in $all', async () => {
    const stream = await streamOf([event()]);
    const written = nth(await stored(stream), 0);
    await client.deleteStream(stream);
    const [found] = await collect(client.readAll({ fromPosition: at(written.position), maxCount: 1 }));
    expect(recorded(found).id).toBe(written.id);
  });
});

describe('deleting', () => {
  test('at the expected revision succeeds', async () => {
    const stream = await streamOf(events(3));
    await client.deleteStream(stream, { expectedRevision: 2n });
    await expect(revisions(stream)).rejects.toMatchObject(notFound);
  });

  test('at another revision is refused, naming both', async () => {
    const stream = await streamOf(events(3));
    const early = client.deleteStream(stream, { expectedRevision: 1n });
    await expect(early).rejects.toMatchObject({
      type: 'wrong-expected-version',
      streamName: stream,
      expectedVersion: 1n,
      actualVersion: 2n,
    });
    expect(await revisions(stream)).toHaveLength(3);
  });

  test('a stream that was expected not to exist is refused with -1', async () => {
    const stream = await streamOf([event()]);
    const deletion = client.deleteStream(stream, { expectedRevision: 'no_stream' });
    await expect(deletion).rejects.toMatchObject({ type: 'wrong-expected-version', expectedVersion: -1n, actualVersion: 0n });
  });

  test('a stream with neither events nor metadata is refused', async () => {
    const stream = uniqueStream();
    await expect(client.deleteStream(stream)).rejects.toMatchObject({
      type: 'wrong-expected-version',
      streamName: stream,
      expectedVersion: -2n,
    });
  });

  test('a stream with metadata alone succeeds', async () => {
    const stream = uniqueStream();
    await client.setStreamMetadata(stream, { owner: 'contract' });
    await client.deleteStream(stream);
    await expect(revisions(stream)).rejects.toMatchObject(notFound);
  });

  test('twice succeeds', async () => {
    const stream = await deleted();
    await client.deleteStream(stream);
    await expect(revisions(stream)).rejects.toMatchObject(notFound);
  });
});

describe.each(appenders)('recreating by %s', (_name, append) => {
  test('expecting any goes on numbering and hides what was before', async () => {
    const stream = await deleted();
    expect(await append(stream, events(2), 'any')).toMatchObject({ result: 'written', revision: 4n });
    await eventuallyRevisions(stream, [3n, 4n]);
  });

  test('expecting no stream goes on numbering too', async () => {
    const stream = await deleted();
    expect(await append(stream, [event()], 'no_stream')).toMatchObject({ result: 'written', revision: 3n });
    await eventuallyRevisions(stream, [3n]);
  });

  test('expecting the last revision goes on numbering too', async () => {
    const stream = await deleted();
    expect(await append(stream, [event()], 2n)).toMatchObject({ result: 'written', revision: 3n });
    await eventuallyRevisions(stream, [3n]);
  });

  test('expecting another revision is refused and leaves it deleted', async () => {
    const stream = await deleted();
    expect(await append(stream, [event()], 1n)).toEqual({ result: 'wrong-expected-version', expected: 1n, current: 2n });
    await expect(revisions(stream)).rejects.toMatchObject(notFound);
  });

  test('rewrites $tb to the first new revision', async () => {
    const stream = await deleted();
    await append(stream, events(2), 'any');
    await waitFor(async () => expect((await client.getStreamMetadata(stream)).metadata).toMatchObject({ truncateBefore: 3 }));
  });

  test('can be followed by another deletion and recreation', async () => {
    const stream = await deleted();
    await append(stream, events(2), 'no_stream');
    await eventuallyRevisions(stream, [3n, 4n]);
    await client.deleteStream(stream, { expectedRevision: 4n });
    await expect(revisions(stream)).rejects.toMatchObject(notFound);
    expect(await append(stream, [event()], 'no_stream')).toMatchObject({ result: 'written', revision: 5n });
    await eventuallyRevisions(stream, [5n]);
  });
});

test('new metadata with another $tb brings a deleted stream back', async () => {
  const stream = await deleted();
  await client.appendToStream(`$$${stream}`, jsonEvent({ type: '$metadata', data: { $tb: 3 } }));
  await client.appendToStream(stream, event(), { expectedRevision: 2n });
  await eventuallyRevisions(stream, [3n]);
});
