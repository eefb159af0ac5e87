import { binaryEvent, type EventData } from '@eventstore/db-client';
import { describe, expect, test } from 'vitest';
import { appenders } from './harness/appenders.ts';
import { client } from './harness/connection.ts';
import { batchMessage, batchOptions, streamName } from './harness/messages.ts';
import { batchAppendOnce, errorKind } from './harness/raw-batch-append.ts';
import { collect, event, recorded, revisions, uniqueStream } from './harness/streams.ts';

const limit = 1_048_576;

function bytes(size: number, metadata?: Uint8Array): EventData {
  return binaryEvent({ type: 'contract-bytes', data: Buffer.alloc(size, 7), ...(metadata === undefined ? {} : { metadata }) });
}

describe.each(appenders)('%s', (_name, append) => {
  test('accepts one event of exactly 1,048,576 bytes', async () => {
    const stream = uniqueStream();
    expect(await append(stream, [bytes(limit)], 'no_stream')).toMatchObject({ result: 'written', revision: 0n });
    const [only] = await collect(client.readStream(stream));
    expect(recorded(only).data).toHaveLength(limit);
  });

  test('refuses one byte more, naming the limit', async () => {
    const stream = uniqueStream();
    expect(await append(stream, [bytes(limit + 1)], 'no_stream')).toEqual({ result: 'too-large', limit });
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  test('adds up the events of one call', async () => {
    const stream = uniqueStream();
    expect(await append(stream, [bytes(limit / 2), bytes(limit / 2)], 'no_stream')).toMatchObject({ result: 'written', revision: 1n });
    expect(await append(stream, [bytes(limit / 2), bytes(limit / 2), bytes(1)], 1n)).toEqual({ result: 'too-large', limit });
    expect(await revisions(stream)).toEqual([0n, 1n]);
  });

  test('counts the data alone, not the metadata', async () => {
    const outcome = await append(uniqueStream(), [bytes(limit, Buffer.alloc(50_000, 1))], 'no_stream');
    expect(outcome).toMatchObject({ result: 'written', revision: 0n });
  });

  test('goes on serving after a refusal', async () => {
    await append(uniqueStream(), [bytes(limit + 1)], 'any');
    expect(await append(uniqueStream(), [event()], 'no_stream')).toMatchObject({ result: 'written', revision: 0n });
  });
});

test('BatchAppend names the stream of an append that is too large', async () => {
  const stream = uniqueStream();
  const response = await batchAppendOnce(batchOptions(stream, 'any'), [batchMessage(bytes(limit + 1))]);
  expect(errorKind(response)).toBe('MaximumAppendSizeExceeded');
  expect(streamName(response.getStreamIdentifier())).toBe(stream);
});
