import streams from '@eventstore/db-client/generated/streams_pb.js';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { appendMessage, appendOptions, uuid } from './harness/messages.ts';
import { messageRequest, optionsRequest, rawAppend, trailer } from './harness/raw-append.ts';
import { event, revisions, streamOf, uniqueStream } from './harness/streams.ts';

/** Sends malformed requests, checks that nothing was lost but the call, and returns the status. */
async function refusal(requests: streams.AppendReq[]) {
  const answer = await rawAppend(requests);
  if (!('error' in answer)) throw new Error('a malformed request was accepted');
  expect([status.UNAVAILABLE, status.CANCELLED, status.DEADLINE_EXCEEDED, status.UNIMPLEMENTED]).not.toContain(answer.error.code);
  await streamOf([event()]);
  return answer.error;
}

const good = () => appendMessage(event());

function without(property: 'type' | 'content-type'): streams.AppendReq.ProposedMessage {
  const message = good();
  message.getMetadataMap().del(property);
  return message;
}

describe('Append is refused', () => {
  test('without any message', async () => {
    await refusal([]);
  });

  test('without options', async () => {
    await refusal([messageRequest(good())]);
  });

  test('without a stream', async () => {
    const options = appendOptions('x', 'any');
    options.clearStreamIdentifier();
    await refusal([optionsRequest(options), messageRequest(good())]);
  });

  test('with an empty stream name', async () => {
    await refusal([optionsRequest(appendOptions('', 'any')), messageRequest(good())]);
  });

  test('with a metastream of nothing', async () => {
    await refusal([optionsRequest(appendOptions('$$', 'any')), messageRequest(good())]);
  });

  test('without an expected revision, as an invalid argument', async () => {
    const stream = uniqueStream();
    const options = appendOptions(stream, 'any');
    options.clearAny();
    expect((await refusal([optionsRequest(options), messageRequest(good())])).code).toBe(status.INVALID_ARGUMENT);
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  test.each(['type', 'content-type'] as const)('without the metadata %s, naming what is required', async (property) => {
    const stream = uniqueStream();
    const error = await refusal([optionsRequest(appendOptions(stream, 'any')), messageRequest(without(property))]);
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(trailer(error, 'exception')).toBe('missing-required-metadata-property');
    expect(trailer(error, 'required-metadata-properties')?.split(',')).toEqual(expect.arrayContaining(['type', 'content-type']));
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  test('with an empty type', async () => {
    const message = good();
    message.getMetadataMap().set('type', '');
    await refusal([optionsRequest(appendOptions(uniqueStream(), 'any')), messageRequest(message)]);
  });

  test.each(['', 'not-a-uuid', '12345678-1234-1234-1234-12345678901'])('with the id "%s"', async (id) => {
    const message = good().setId(uuid(id));
    await refusal([optionsRequest(appendOptions(uniqueStream(), 'any')), messageRequest(message)]);
  });

  test('without an id', async () => {
    const message = good();
    message.clearId();
    await refusal([optionsRequest(appendOptions(uniqueStream(), 'any')), messageRequest(message)]);
  });

  test('with options in the place of an event', async () => {
    const stream = uniqueStream();
    const options = optionsRequest(appendOptions(stream, 'any'));
    await refusal([options, messageRequest(good()), options]);
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  test('with an empty request in the place of an event', async () => {
    await refusal([optionsRequest(appendOptions(uniqueStream(), 'any')), new streams.AppendReq()]);
  });

  test('as a whole when one of its events is malformed', async () => {
    const stream = uniqueStream();
    await refusal([optionsRequest(appendOptions(stream, 'any')), messageRequest(good()), messageRequest(without('type'))]);
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });
});
