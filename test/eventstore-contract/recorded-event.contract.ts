import { randomUUID } from 'node:crypto';
import { binaryEvent, type EventData, jsonEvent } from '@eventstore/db-client';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import { describe, expect, test } from 'vitest';
import { appenders } from './harness/appenders.ts';
import { client } from './harness/connection.ts';
import { appendMessage, appendOptions } from './harness/messages.ts';
import { messageRequest, optionsRequest, rawAppend } from './harness/raw-append.ts';
import { originalEvent, rawRead, readRequest } from './harness/raw-read.ts';
import { collect, event, events, nth, recorded, streamOf, uniqueStream } from './harness/streams.ts';

async function rawEvents(stream: string): Promise<streams.ReadResp.ReadEvent.RecordedEvent[]> {
  return (await rawRead(readRequest({ stream }))).responses.map(originalEvent);
}

describe.each(appenders)('%s keeps', (_name, append) => {
  async function roundTrip(written: EventData) {
    const stream = uniqueStream();
    await append(stream, [written], 'no_stream');
    const [read] = await collect(client.readStream(stream));
    return recorded(read);
  }

  test('JSON data and metadata', async () => {
    const data = { text: 'äöü ✓ 🎉 "\\', nested: [1, null, { deep: true }], large: '9007199254740993' };
    const metadata = { correlation: randomUUID(), list: ['a', 1] };
    const written = jsonEvent({ type: 'contract-json', data, metadata });
    expect(await roundTrip(written)).toMatchObject({ id: written.id, type: 'contract-json', isJson: true, data, metadata });
  });

  test('binary data and metadata byte for byte', async () => {
    const data = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const written = binaryEvent({ type: 'contract-bytes', data, metadata: Uint8Array.from([0, 255, 128, 1]) });
    const read = await roundTrip(written);
    expect(read.isJson).toBe(false);
    expect(read.data).toEqual(Uint8Array.from(data));
    expect(read.metadata).toEqual(Uint8Array.from([0, 255, 128, 1]));
  });

  test('empty data and no metadata', async () => {
    const read = await roundTrip(binaryEvent({ type: 'contract-empty', data: Buffer.alloc(0) }));
    expect(read.data).toHaveLength(0);
    expect(read.metadata).toBeUndefined();
  });

  test('the type as it was written', async () => {
    const type = 'Contract Type/äöü ✓';
    expect((await roundTrip(event(0, type))).type).toBe(type);
  });
});

test('bytes of JSON data come back as they were sent', async () => {
  const stream = uniqueStream();
  const text = '{ "b" : 1.0,\n  "a":1e2, "a": "twice" }';
  const message = appendMessage(event()).setData(Buffer.from(text));
  await rawAppend([optionsRequest(appendOptions(stream, 'any')), messageRequest(message)]);
  const [read] = await rawEvents(stream);
  expect(Buffer.from(read?.getData_asU8() ?? []).toString()).toBe(text);
});

test('a recorded event carries the id as a string, the stream, the revision and equal positions', async () => {
  const written = event();
  const stream = await streamOf([event(), written]);
  const read = nth(await rawEvents(stream), 1);
  expect(read.getId()?.hasString()).toBe(true);
  expect(read.getId()?.getString()).toBe(written.id);
  expect(Buffer.from(read.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(stream);
  expect(read.getStreamRevision()).toBe('1');
  expect(read.getCommitPosition()).toBe(read.getPreparePosition());
  expect(BigInt(read.getCommitPosition())).toBeGreaterThan(0n);
});

test.each([
  ['application/json', 'application/json'],
  ['application/octet-stream', 'application/octet-stream'],
  ['text/plain', 'application/octet-stream'],
  ['application/cloudevents+json', 'application/octet-stream'],
])('the content type %s is recorded as %s', async (sent, kept) => {
  const stream = uniqueStream();
  const message = appendMessage(event());
  message.getMetadataMap().set('content-type', sent);
  await rawAppend([optionsRequest(appendOptions(stream, 'any')), messageRequest(message)]);
  expect(
    nth(await rawEvents(stream), 0)
      .getMetadataMap()
      .get('content-type'),
  ).toBe(kept);
});

describe('the time of creation', () => {
  const hour = 36_000_000_000n;
  const ticks = (read: streams.ReadResp.ReadEvent.RecordedEvent) => BigInt(read.getMetadataMap().get('created') ?? 'missing');

  test('counts ticks of 100 ns since 1970, in decimal', async () => {
    const now = BigInt(Date.now()) * 10_000n;
    const [read] = await rawEvents(await streamOf([event()]));
    if (read === undefined) throw new Error('nothing was read');
    expect(read.getMetadataMap().get('created')).toMatch(/^\d+$/);
    expect(ticks(read)).toBeGreaterThan(now - 24n * hour);
    expect(ticks(read)).toBeLessThan(now + 24n * hour);
  });

  test('is finer than a millisecond', async () => {
    const stream = uniqueStream();
    for (let n = 0; n < 10; n++) await client.appendToStream(stream, event(n));
    const fractions = (await rawEvents(stream)).map((read) => ticks(read) % 10_000n);
    expect(fractions.some((fraction) => fraction !== 0n)).toBe(true);
  });

  test('belongs to each event and does not run backwards within an append', async () => {
    const created = (await rawEvents(await streamOf(events(50)))).map(ticks);
    expect(created).toHaveLength(50);
    expect(created).toEqual([...created].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
  });
});
