import { randomUUID } from 'node:crypto';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import timestampPb from 'google-protobuf/google/protobuf/timestamp_pb.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batchMessage, batchOptions, streamName } from './harness/messages.ts';
import { type BatchCall, chunk, errorKind, openBatchAppend, uuidText } from './harness/raw-batch-append.ts';
import { event, events, nth, revisions, stored, streamOf, uniqueStream } from './harness/streams.ts';

let call: BatchCall;
beforeEach(() => {
  call = openBatchAppend();
});
afterEach(() => call.cancel());

const deadline = (fromNowMs: number) => timestampPb.Timestamp.fromDate(new Date(Date.now() + fromNowMs));

/** Sends one whole batch over the call and waits for its answer. */
function batch(options: streams.BatchAppendReq.Options, count = 1): Promise<streams.BatchAppendResp> {
  const correlationId = randomUUID();
  call.send(chunk({ correlationId, options, messages: events(count).map(batchMessage), isFinal: true }));
  return call.answerTo(correlationId);
}

describe('answers', () => {
  test('carry the correlation id, the stream, the revision and the position', async () => {
    const stream = uniqueStream();
    const correlationId = randomUUID();
    call.send(chunk({ correlationId, options: batchOptions(stream, 'no_stream'), messages: events(3).map(batchMessage), isFinal: true }));
    const answer = await call.answerTo(correlationId);
    expect(answer.getCorrelationId()?.getString()).toBe(correlationId);
    expect(streamName(answer.getStreamIdentifier())).toBe(stream);
    expect(answer.getSuccess()?.getCurrentRevision()).toBe('2');
    const position = answer.getSuccess()?.getPosition();
    expect(position?.getCommitPosition()).toBe(position?.getPreparePosition());
    expect(BigInt(position?.getCommitPosition() ?? -1)).toBe(nth(await stored(stream), 2).position);
  });

  test('come exactly once for each correlation id', async () => {
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const stream = uniqueStream();
    for (const correlationId of ids) {
      call.send(chunk({ correlationId, options: batchOptions(stream, 'any'), messages: [batchMessage(event())], isFinal: true }));
    }
    for (const correlationId of ids) await call.answerTo(correlationId);
    const fence = await batch(batchOptions(uniqueStream(), 'any'));
    expect(call.answered().sort()).toEqual([...ids, uuidText(fence.getCorrelationId())].sort());
    expect(await revisions(stream)).toHaveLength(20);
  });

  test('come for refused and accepted batches alike over one call', async () => {
    const stream = await streamOf([event()]);
    expect(errorKind(await batch(batchOptions(stream, 'no_stream')))).toBe('WrongExpectedVersion');
    expect((await batch(batchOptions(stream, 0n))).getSuccess()?.getCurrentRevision()).toBe('1');
    expect(call.ended()).toBeUndefined();
  });
});

describe('chunks', () => {
  test('of one correlation id are joined into one append', async () => {
    const stream = uniqueStream();
    const correlationId = randomUUID();
    const written = events(6);
    const parts = [written.slice(0, 2), written.slice(2, 4), written.slice(4)].map((part) => part.map(batchMessage));
    call.send(chunk({ correlationId, options: batchOptions(stream, 'no_stream'), messages: nth(parts, 0), isFinal: false }));
    call.send(chunk({ correlationId, messages: nth(parts, 1), isFinal: false }));
    call.send(chunk({ correlationId, messages: nth(parts, 2), isFinal: true }));
    expect((await call.answerTo(correlationId)).getSuccess()?.getCurrentRevision()).toBe('5');
    expect((await stored(stream)).map((each) => each.id)).toEqual(written.map((each) => each.id));
  });

  test('are not written before the final one', async () => {
    const stream = uniqueStream();
    const correlationId = randomUUID();
    call.send(chunk({ correlationId, options: batchOptions(stream, 'no_stream'), messages: [batchMessage(event())], isFinal: false }));
    await batch(batchOptions(uniqueStream(), 'any'));
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
    call.send(chunk({ correlationId, isFinal: true }));
    expect((await call.answerTo(correlationId)).getSuccess()?.getCurrentRevision()).toBe('0');
  });

  test('of different correlation ids may be interleaved', async () => {
    const batches = Array.from({ length: 4 }, () => ({ correlationId: randomUUID(), stream: uniqueStream(), written: events(3) }));
    for (const [index, isFinal] of [false, false, true].entries()) {
      for (const { correlationId, stream, written } of batches) {
        const messages = [batchMessage(nth(written, index))];
        call.send(chunk({ correlationId, ...(index === 0 ? { options: batchOptions(stream, 'no_stream') } : {}), messages, isFinal }));
      }
    }
    for (const { correlationId, stream, written } of batches) {
      expect((await call.answerTo(correlationId)).getSuccess()?.getCurrentRevision()).toBe('2');
      expect((await stored(stream)).map((each) => each.id)).toEqual(written.map((each) => each.id));
    }
  });

  test('that were never finished leave nothing when the call is cancelled', async () => {
    const stream = uniqueStream();
    call.send(
      chunk({ correlationId: randomUUID(), options: batchOptions(stream, 'any'), messages: [batchMessage(event())], isFinal: false }),
    );
    await batch(batchOptions(uniqueStream(), 'any'));
    call.cancel();
    await streamOf([event()]);
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  test('that add up to more than the limit are refused together', async () => {
    const stream = uniqueStream();
    const correlationId = randomUUID();
    const half = () => batchMessage({ ...event(), contentType: 'application/octet-stream', data: Buffer.alloc(600_000) });
    call.send(chunk({ correlationId, options: batchOptions(stream, 'any'), messages: [half()], isFinal: false }));
    call.send(chunk({ correlationId, messages: [half()], isFinal: true }));
    expect(errorKind(await call.answerTo(correlationId))).toBe('MaximumAppendSizeExceeded');
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });
});

describe('order', () => {
  test('batches sent without waiting are applied in the order sent', async () => {
    const stream = uniqueStream();
    const ids = Array.from({ length: 50 }, () => randomUUID());
    for (const [index, correlationId] of ids.entries()) {
      const options = batchOptions(stream, index === 0 ? 'no_stream' : BigInt(index - 1));
      call.send(chunk({ correlationId, options, messages: [batchMessage(event(index))], isFinal: true }));
    }
    for (const [index, correlationId] of ids.entries()) {
      expect((await call.answerTo(correlationId)).getSuccess()?.getCurrentRevision()).toBe(String(index));
    }
  });
});

describe('a deadline', () => {
  test('in the future lets the batch pass', async () => {
    const answer = await batch(batchOptions(uniqueStream(), 'any').setDeadline(deadline(10_000)));
    expect(answer.getSuccess()?.getCurrentRevision()).toBe('0');
  });

  test('in the past is answered as a timeout, and nothing is written', async () => {
    const stream = uniqueStream();
    const answer = await batch(batchOptions(stream, 'any').setDeadline(deadline(-10_000)));
    expect(errorKind(answer)).toBe('Timeout');
    expect(streamName(answer.getStreamIdentifier())).toBe(stream);
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  test('that passes before the final chunk is answered as a timeout, and what comes later is not written', async () => {
    const stream = uniqueStream();
    const correlationId = randomUUID();
    const options = batchOptions(stream, 'any').setDeadline(deadline(300));
    call.send(chunk({ correlationId, options, messages: [batchMessage(event())], isFinal: false }));
    expect(errorKind(await call.answerTo(correlationId))).toBe('Timeout');
    call.send(chunk({ correlationId, messages: [batchMessage(event())], isFinal: true }));
    await batch(batchOptions(uniqueStream(), 'any'));
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });
});

describe('a malformed batch', () => {
  const broken: [string, (message: streams.BatchAppendReq.ProposedMessage) => void][] = [
    ['without a type', (message) => message.getMetadataMap().del('type')],
    ['without a content type', (message) => message.getMetadataMap().del('content-type')],
    ['with an empty type', (message) => message.getMetadataMap().set('type', '')],
    ['without an id', (message) => message.clearId()],
    ['with an id that is no UUID', (message) => message.getId()?.setString('nonsense')],
  ];

  test.each(broken)('%s is refused as a bad request, and the call goes on', async (_name, breakIt) => {
    const stream = uniqueStream();
    const correlationId = randomUUID();
    const message = batchMessage(event());
    breakIt(message);
    call.send(chunk({ correlationId, options: batchOptions(stream, 'any'), messages: [message], isFinal: true }));
    const answer = await call.answerTo(correlationId);
    expect(errorKind(answer)).toBe('BadRequest');
    expect(streamName(answer.getStreamIdentifier())).toBe(stream);
    expect((await batch(batchOptions(uniqueStream(), 'any'))).hasSuccess()).toBe(true);
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  test('without an expected revision is refused as a bad request', async () => {
    const options = batchOptions(uniqueStream(), 'any');
    options.clearAny();
    expect(errorKind(await batch(options))).toBe('BadRequest');
  });

  test('with options in no chunk is not answered with a success', async () => {
    const correlationId = randomUUID();
    call.send(chunk({ correlationId, messages: [batchMessage(event())], isFinal: true }));
    expect((await batch(batchOptions(uniqueStream(), 'any'))).hasSuccess()).toBe(true);
    expect(call.answersTo(correlationId).filter((answer) => answer.hasSuccess())).toEqual([]);
  });

  test.each(['', '$$'])('to the stream "%s" writes nothing, and the server goes on', async (stream) => {
    const correlationId = randomUUID();
    call.send(chunk({ correlationId, options: batchOptions(stream, 'any'), messages: [batchMessage(event())], isFinal: true }));
    const answer = await call.answerTo(correlationId).catch((error: Error) => error);
    expect(answer instanceof streams.BatchAppendResp && answer.hasSuccess()).toBe(false);
    await streamOf([event()]);
  });
});
