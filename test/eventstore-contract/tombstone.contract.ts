import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { callMetadata, client, rawStreams } from './harness/connection.ts';
import { streamIdentifier } from './harness/messages.ts';
import { trailer } from './harness/raw-append.ts';
import { rawRead, readRequest } from './harness/raw-read.ts';
import { collect, event, events, recorded, revisions, streamOf, uniqueStream } from './harness/streams.ts';

const largest = 2n ** 63n - 1n;

async function tombstoned(): Promise<string> {
  const stream = await streamOf(events(3));
  await client.tombstoneStream(stream);
  return stream;
}

const deletedError = (stream: string) => ({ type: 'stream-deleted', streamName: stream });

/** The status of a raw `Tombstone` or `Delete`; undefined for a success. */
function removal(
  rpc: 'tombstone' | 'delete',
  stream: string,
  expect: (options: streams.TombstoneReq.Options) => streams.TombstoneReq.Options,
) {
  const options = expect(new streams.TombstoneReq.Options().setStreamIdentifier(streamIdentifier(stream)));
  return new Promise<ServiceError | undefined>((resolve) => {
    const answer = (error: ServiceError | null) => resolve(error ?? undefined);
    if (rpc === 'tombstone') rawStreams.tombstone(new streams.TombstoneReq().setOptions(options), callMetadata(), answer);
    else {
      const same = streams.DeleteReq.Options.deserializeBinary(options.serializeBinary());
      rawStreams.delete(new streams.DeleteReq().setOptions(same), callMetadata(), answer);
    }
  });
}

describe('a tombstoned stream', () => {
  test('is deleted for every read', async () => {
    const stream = await tombstoned();
    await expect(revisions(stream)).rejects.toMatchObject(deletedError(stream));
    await expect(revisions(stream, { direction: 'backwards', fromRevision: 'end' })).rejects.toMatchObject(deletedError(stream));
    await expect(revisions(stream, { fromRevision: 1n })).rejects.toMatchObject(deletedError(stream));
  });

  test('fails a read with a status and trailers, not with a message', async () => {
    const stream = await tombstoned();
    const { responses, error } = await rawRead(readRequest({ stream }));
    expect(responses).toEqual([]);
    expect(error?.code).toBe(status.FAILED_PRECONDITION);
    expect(error && trailer(error, 'exception')).toBe('stream-deleted');
    expect(error && trailer(error, 'stream-name')).toBe(stream);
  });

  test('is deleted for a deletion and for another tombstone', async () => {
    const stream = await tombstoned();
    await expect(client.deleteStream(stream)).rejects.toMatchObject(deletedError(stream));
    await expect(client.tombstoneStream(stream)).rejects.toMatchObject(deletedError(stream));
  });

  test('has a metastream that is deleted too, by its own name', async () => {
    const stream = await tombstoned();
    await expect(client.getStreamMetadata(stream)).rejects.toMatchObject(deletedError(`$$${stream}`));
    await expect(client.setStreamMetadata(stream, { maxCount: 1 })).rejects.toMatchObject(deletedError(`$$${stream}`));
  });

  test('has $streamDeleted at revision 2^63-1 as its last event in $all', async () => {
    const stream = await streamOf([event()]);
    const { position } = await client.tombstoneStream(stream);
    const [last] = await collect(client.readAll({ fromPosition: position ?? 'start', maxCount: 1 }));
    expect(recorded(last)).toMatchObject({ streamId: stream, type: '$streamDeleted', revision: largest });
  });
});

describe('tombstoning', () => {
  test('at the expected revision succeeds', async () => {
    const stream = await streamOf(events(3));
    await client.tombstoneStream(stream, { expectedRevision: 2n });
    await expect(revisions(stream)).rejects.toMatchObject(deletedError(stream));
  });

  test('at another revision is refused, naming both', async () => {
    const stream = await streamOf(events(3));
    const early = client.tombstoneStream(stream, { expectedRevision: 0n });
    await expect(early).rejects.toMatchObject({
      type: 'wrong-expected-version',
      streamName: stream,
      expectedVersion: 0n,
      actualVersion: 2n,
    });
    expect(await revisions(stream)).toHaveLength(3);
  });

  test('a stream that was expected not to exist is refused with -1', async () => {
    const stream = await streamOf([event()]);
    const tombstone = client.tombstoneStream(stream, { expectedRevision: 'no_stream' });
    await expect(tombstone).rejects.toMatchObject({ type: 'wrong-expected-version', expectedVersion: -1n, actualVersion: 0n });
  });

  test('a soft-deleted stream succeeds', async () => {
    const stream = await streamOf([event()]);
    await client.deleteStream(stream);
    await client.tombstoneStream(stream);
    await expect(revisions(stream)).rejects.toMatchObject(deletedError(stream));
  });

  test('a stream that never was succeeds and keeps it from ever being', async () => {
    const stream = uniqueStream();
    await client.tombstoneStream(stream, { expectedRevision: 'no_stream' });
    await expect(client.appendToStream(stream, event())).rejects.toMatchObject(deletedError(stream));
  });
});

describe.each(['delete', 'tombstone'] as const)('a raw %s', (rpc) => {
  test('is refused at a wrong revision with a failed precondition and its trailers', async () => {
    const stream = await streamOf(events(3));
    const error = await removal(rpc, stream, (options) => options.setRevision('0'));
    if (error === undefined) throw new Error('not refused');
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    expect(trailer(error, 'exception')).toBe('wrong-expected-version');
    expect(trailer(error, 'stream-name')).toBe(stream);
    expect(trailer(error, 'expected-version')).toBe('0');
    expect(trailer(error, 'actual-version')).toBe('2');
  });

  test('writes an expectation of any existing stream as -4', async () => {
    const error = await removal(rpc, uniqueStream(), (options) => options.setStreamExists(new shared.Empty()));
    expect(error && trailer(error, 'expected-version')).toBe('-4');
  });

  test('expecting the stream to exist succeeds on one that does', async () => {
    const stream = await streamOf([event()]);
    expect(await removal(rpc, stream, (options) => options.setStreamExists(new shared.Empty()))).toBeUndefined();
  });

  test('is refused without an expected revision, as an invalid argument', async () => {
    const stream = await streamOf([event()]);
    const error = await removal(rpc, stream, (options) => options);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(await revisions(stream)).toEqual([0n]);
  });

  test('is refused without a stream, and the server goes on', async () => {
    const error = await removal(rpc, '', (options) => options.setAny(new shared.Empty()));
    expect(error).toBeDefined();
    await streamOf([event()]);
  });
});
