import type streams from '@eventstore/db-client/generated/streams_pb.js';
import { expect, test } from 'vitest';
import { client } from './harness/connection.ts';
import { appendMessage, appendOptions, batchMessage, batchOptions, streamName } from './harness/messages.ts';
import { messageRequest, optionsRequest, rawAppend } from './harness/raw-append.ts';
import { batchAppendOnce, errorKind, wrongExpectedVersion } from './harness/raw-batch-append.ts';
import { event, events, streamOf, uniqueStream } from './harness/streams.ts';

async function refusedByAppend(
  stream: string,
  expected: Parameters<typeof appendOptions>[1],
): Promise<streams.AppendResp.WrongExpectedVersion> {
  const answer = await rawAppend([optionsRequest(appendOptions(stream, expected)), messageRequest(appendMessage(event()))]);
  if ('error' in answer) throw answer.error;
  const wrong = answer.response.getWrongExpectedVersion();
  if (wrong === undefined) throw new Error('not refused');
  return wrong;
}

test('Append answers a wrong revision with an ordinary response, not with a status', async () => {
  const wrong = await refusedByAppend(await streamOf(events(3)), 0n);
  expect(wrong.getCurrentRevision()).toBe('2');
  expect(wrong.getExpectedRevision()).toBe('0');
});

test('Append fills the legacy fields for exact revisions too', async () => {
  const wrong = await refusedByAppend(await streamOf(events(3)), 7n);
  expect(wrong.getCurrentRevision2060()).toBe(2);
  expect(wrong.getExpectedRevision2060()).toBe(7);
});

test('Append fills the legacy fields for a missing stream too', async () => {
  const wrong = await refusedByAppend(uniqueStream(), 'stream_exists');
  expect(wrong.hasCurrentNoStream()).toBe(true);
  expect(wrong.hasNoStream2060()).toBe(true);
  expect(wrong.hasExpectedStreamExists()).toBe(true);
  expect(wrong.hasStreamExists2060()).toBe(true);
});

test('Append fills the legacy fields when no stream was expected', async () => {
  const wrong = await refusedByAppend(await streamOf(events(2)), 'no_stream');
  expect(wrong.hasExpectedNoStream()).toBe(true);
  expect(wrong.hasExpectedRevision2060()).toBe(true);
  expect(wrong.getCurrentRevision2060()).toBe(1);
});

test('Append fills the legacy fields when any revision was expected', async () => {
  const known = event();
  const stream = await streamOf([known]);
  const answer = await rawAppend([
    optionsRequest(appendOptions(stream, 'any')),
    messageRequest(appendMessage(known)),
    messageRequest(appendMessage(event())),
  ]);
  if ('error' in answer) throw answer.error;
  const wrong = answer.response.getWrongExpectedVersion();
  expect(wrong?.hasExpectedAny()).toBe(true);
  expect(wrong?.hasAny2060()).toBe(true);
});

test.each([
  ['no_stream', (detail: ReturnType<typeof wrongExpectedVersion>) => detail.hasExpectedNoStream()],
  [0n, (detail: ReturnType<typeof wrongExpectedVersion>) => detail.getExpectedStreamPosition() === '0'],
  [9n, (detail: ReturnType<typeof wrongExpectedVersion>) => detail.getExpectedStreamPosition() === '9'],
] as const)('BatchAppend packs the current and the expected revision (%s) into the detail', async (expected, namesExpected) => {
  const stream = await streamOf(events(3));
  const response = await batchAppendOnce(batchOptions(stream, expected), [batchMessage(event())]);
  const detail = wrongExpectedVersion(response);
  expect(detail.getCurrentStreamRevision()).toBe('2');
  expect(namesExpected(detail)).toBe(true);
});

test('BatchAppend packs a missing stream into the detail', async () => {
  const detail = wrongExpectedVersion(await batchAppendOnce(batchOptions(uniqueStream(), 'stream_exists'), [batchMessage(event())]));
  expect(detail.hasCurrentNoStream()).toBe(true);
  expect(detail.hasExpectedStreamExists()).toBe(true);
});

test('BatchAppend names the stream in a refusal', async () => {
  const stream = await streamOf([event()]);
  const response = await batchAppendOnce(batchOptions(stream, 'no_stream'), [batchMessage(event())]);
  expect(errorKind(response)).toBe('WrongExpectedVersion');
  expect(streamName(response.getStreamIdentifier())).toBe(stream);
});

test('BatchAppend names the stream when it is deleted', async () => {
  const stream = await streamOf([event()]);
  await client.tombstoneStream(stream);
  const response = await batchAppendOnce(batchOptions(stream, 'any'), [batchMessage(event())]);
  expect(errorKind(response)).toBe('StreamDeleted');
  expect(streamName(response.getStreamIdentifier())).toBe(stream);
});
