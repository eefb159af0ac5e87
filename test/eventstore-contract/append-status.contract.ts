import { randomUUID } from 'node:crypto';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { breakConnectionDuring } from './harness/broken-connection.ts';
import { client } from './harness/connection.ts';
import { appendMessage, appendOptions, batchMessage, batchOptions } from './harness/messages.ts';
import { messageRequest, optionsRequest, rawAppend, trailer } from './harness/raw-append.ts';
import { chunk } from './harness/raw-batch-append.ts';
import { collect, event, events, recorded, revisions, streamOf, uniqueStream } from './harness/streams.ts';

test('Append to a tombstoned stream fails with a precondition and names the stream', async () => {
  const stream = await streamOf([event()]);
  await client.tombstoneStream(stream);
  const answer = await rawAppend([optionsRequest(appendOptions(stream, 'any')), messageRequest(appendMessage(event()))]);
  if (!('error' in answer)) throw new Error('not refused');
  expect(answer.error.code).toBe(status.FAILED_PRECONDITION);
  expect(trailer(answer.error, 'exception')).toBe('stream-deleted');
  expect(trailer(answer.error, 'stream-name')).toBe(stream);
});

test('Append of too much fails with an invalid argument and names the limit', async () => {
  const stream = uniqueStream();
  const message = () => messageRequest(appendMessage(event()).setData(Buffer.alloc(600_000)));
  const answer = await rawAppend([optionsRequest(appendOptions(stream, 'any')), message(), message()]);
  if (!('error' in answer)) throw new Error('not refused');
  expect(answer.error.code).toBe(status.INVALID_ARGUMENT);
  expect(trailer(answer.error, 'exception')).toBe('maximum-append-size-exceeded');
  expect(trailer(answer.error, 'maximum-append-size')).toBe('1048576');
});

test('Append says so when a success has no position', async () => {
  const written = event();
  const stream = await streamOf([written]);
  await client.deleteStream(stream);
  const answer = await rawAppend([optionsRequest(appendOptions(stream, 'any')), messageRequest(appendMessage(written))]);
  if ('error' in answer) throw answer.error;
  expect(answer.response.getSuccess()?.getCurrentRevision()).toBe('0');
  expect(answer.response.getSuccess()?.hasNoPosition()).toBe(true);
});

test('Append takes an id in its structured form and keeps it as the same id', async () => {
  const id = '8f1d2c3b-4a59-4687-9bcd-ef0123456789';
  const half = (hex: string) => BigInt.asIntN(64, BigInt(`0x${hex}`)).toString();
  const hex = id.replaceAll('-', '');
  const structured = new shared.UUID.Structured()
    .setMostSignificantBits(half(hex.slice(0, 16)))
    .setLeastSignificantBits(half(hex.slice(16)));
  const message = appendMessage(event()).setId(new shared.UUID().setStructured(structured));
  const stream = uniqueStream();
  await rawAppend([optionsRequest(appendOptions(stream, 'no_stream')), messageRequest(message)]);
  const [read] = await collect(client.readStream(stream));
  expect(recorded(read).id).toBe(id);
  await client.appendToStream(stream, { ...event(), id }, { expectedRevision: 'no_stream' });
  expect(await revisions(stream)).toEqual([0n]);
});

test('an Append whose connection breaks before its end writes nothing', async () => {
  const stream = uniqueStream();
  const requests = [optionsRequest(appendOptions(stream, 'any')), ...events(3).map((each) => messageRequest(appendMessage(each)))];
  await breakConnectionDuring('/event_store.client.streams.Streams/Append', requests);
  for (let later = 0; later < 5; later++) await streamOf([event()]);
  await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
});

test('a BatchAppend whose connection breaks before the final chunk writes nothing', async () => {
  const stream = uniqueStream();
  const unfinished = chunk({
    correlationId: randomUUID(),
    options: batchOptions(stream, 'any'),
    messages: [batchMessage(event())],
    isFinal: false,
  });
  await breakConnectionDuring('/event_store.client.streams.Streams/BatchAppend', [unfinished]);
  for (let later = 0; later < 5; later++) await streamOf([event()]);
  await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
});
