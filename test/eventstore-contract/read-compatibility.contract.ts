import { describe, expect, test } from 'vitest';
import { client } from './harness/connection.ts';
import { kindOf, type ReadSpec, rawRead, readRequest, revisionsIn } from './harness/raw-read.ts';
import { event, events, streamOf, uniqueStream } from './harness/streams.ts';

/** The messages of a read as `kind` or `kind:number`. */
async function messages(spec: ReadSpec): Promise<string[]> {
  const { responses, error } = await rawRead(readRequest(spec));
  if (error !== undefined) throw error;
  return responses.map((response) => {
    if (response.hasFirstStreamPosition()) return `first:${response.getFirstStreamPosition()}`;
    if (response.hasLastStreamPosition()) return `last:${response.getLastStreamPosition()}`;
    return kindOf(response) === 'event' ? `event:${revisionsIn([response])[0]}` : kindOf(response);
  });
}

describe('requests with compatibility 1', () => {
  const compatibility = 1;

  test('get the last stream position after the events', async () => {
    const stream = await streamOf(events(3));
    expect(await messages({ stream, compatibility })).toEqual(['event:0', 'event:1', 'event:2', 'last:2']);
  });

  test('get the last position of the stream, not of the page', async () => {
    const stream = await streamOf(events(3));
    expect(await messages({ stream, count: 1, compatibility })).toEqual(['event:0', 'last:2']);
  });

  test('get the last stream position backwards too', async () => {
    const stream = await streamOf(events(3));
    const read = await messages({ stream, direction: 'backwards', from: 'end', count: 2, compatibility });
    expect(read).toEqual(['event:2', 'event:1', 'last:2']);
  });

  test('get the first position before the events of a stream truncated beyond the page', async () => {
    const stream = await streamOf(events(60));
    await client.setStreamMetadata(stream, { truncateBefore: 50 });
    const read = await messages({ stream, count: 3, compatibility });
    expect(read).toEqual(['first:50', 'event:50', 'event:51', 'event:52', 'last:59']);
  });

  test('get the first and the last position past the end', async () => {
    const stream = await streamOf(events(3));
    expect(await messages({ stream, from: 10n, compatibility })).toEqual(['first:3', 'last:2']);
  });

  test('get the not-found message alone for a missing stream', async () => {
    expect(await messages({ stream: uniqueStream(), compatibility })).toEqual(['streamNotFound']);
  });
});

test('requests without it get the events alone', async () => {
  const stream = await streamOf([event()]);
  expect(await messages({ stream })).toEqual(['event:0']);
  expect(await messages({ stream, from: 10n })).toEqual([]);
  expect(await messages({ stream, compatibility: 0 })).toEqual(['event:0']);
});

test('the not-found message names the stream and is followed by a normal end', async () => {
  const stream = uniqueStream();
  const { responses, error } = await rawRead(readRequest({ stream }));
  expect(error).toBeUndefined();
  const name = responses[0]?.getStreamNotFound()?.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array();
  expect(Buffer.from(name).toString()).toBe(stream);
});
