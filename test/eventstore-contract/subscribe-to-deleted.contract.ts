import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../stack/waiting.ts';
import { client } from './harness/connection.ts';
import { trailer } from './harness/raw-append.ts';
import { originalEvent } from './harness/raw-read.ts';
import { event, events, nth, recorded, streamOf, uniqueStream } from './harness/streams.ts';
import { record } from './harness/subscription-recorder.ts';

const largest = 2n ** 63n - 1n;

async function tombstoned(): Promise<string> {
  const stream = await streamOf(events(2));
  await client.tombstoneStream(stream);
  return stream;
}

describe('a missing stream', () => {
  test('is confirmed, and caught up only after its first events', async () => {
    const stream = uniqueStream();
    await using subscription = record({ stream });
    await subscription.until('confirmation');
    expect(subscription.kinds()).toEqual(['confirmation']);
    await client.appendToStream(stream, events(2));
    await subscription.until('caughtUp');
    expect(subscription.kinds()).toEqual(['confirmation', 'event', 'event', 'caughtUp']);
  });

  test('goes live after its first events', async () => {
    const stream = uniqueStream();
    await using subscription = record({ stream });
    await subscription.until('confirmation');
    await client.appendToStream(stream, event());
    await subscription.until('caughtUp');
    await client.appendToStream(stream, events(2));
    await subscription.until('event', 3);
    expect(subscription.revisions()).toEqual([0n, 1n, 2n]);
  });

  test('sends no not-found message and does not end', async () => {
    const stream = uniqueStream();
    await using subscription = record({ stream });
    await subscription.until('confirmation');
    await streamOf([event()]);
    expect(subscription.error()).toBeUndefined();
    expect(subscription.kinds()).toEqual(['confirmation']);
  });
});

describe('a soft-deleted stream', () => {
  test('is confirmed, and caught up only after it is recreated', async () => {
    const stream = await streamOf(events(3));
    await client.deleteStream(stream);
    await using subscription = record({ stream });
    await subscription.until('confirmation');
    expect(subscription.kinds()).toEqual(['confirmation']);
    await client.appendToStream(stream, events(2));
    await subscription.until('caughtUp');
    expect(subscription.kinds()).toEqual(['confirmation', 'event', 'event', 'caughtUp']);
    expect(subscription.revisions()).toEqual([3n, 4n]);
  });

  test('keeps its live subscribers through the deletion', async () => {
    const stream = await streamOf(events(3));
    await using subscription = record({ stream });
    await subscription.until('caughtUp');
    await client.deleteStream(stream);
    await client.appendToStream(stream, event());
    await subscription.until('event', 4);
    expect(subscription.revisions()).toEqual([0n, 1n, 2n, 3n]);
    expect(subscription.error()).toBeUndefined();
  });
});

describe('a tombstoned stream', () => {
  test('is an error without confirmation from the start', async () => {
    const stream = await tombstoned();
    await using subscription = record({ stream });
    const error = await subscription.untilError();
    expect(subscription.kinds()).toEqual([]);
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    expect(trailer(error, 'exception')).toBe('stream-deleted');
    expect(trailer(error, 'stream-name')).toBe(stream);
  });

  test('is confirmed and caught up from the end', async () => {
    await using subscription = record({ stream: await tombstoned(), from: 'end' });
    await subscription.until('caughtUp');
    expect(subscription.kinds()).toEqual(['confirmation', 'caughtUp']);
  });

  test('sends its live subscribers $streamDeleted at revision 2^63-1 and then the error', async () => {
    const stream = await streamOf(events(2));
    await using subscription = record({ stream });
    await subscription.until('caughtUp');
    await client.tombstoneStream(stream);
    const error = await subscription.untilError();
    expect(subscription.kinds()).toEqual(['confirmation', 'event', 'event', 'caughtUp', 'event']);
    expect(originalEvent(nth(subscription.responses, -1)).getMetadataMap().get('type')).toBe('$streamDeleted');
    expect(nth(subscription.revisions(), -1)).toBe(largest);
    expect(trailer(error, 'exception')).toBe('stream-deleted');
    expect(trailer(error, 'stream-name')).toBe(stream);
  });

  test('ends a subscription of the official client with its error', async () => {
    const stream = await streamOf([event()]);
    const seen: bigint[] = [];
    const failure = Promise.withResolvers<Error>();
    const subscription = client.subscribeToStream(stream);
    subscription.on('data', (resolved) => seen.push(recorded(resolved).revision));
    subscription.on('error', failure.resolve);
    await waitFor(() => expect(seen).toEqual([0n]));
    await client.tombstoneStream(stream);
    expect(await failure.promise).toMatchObject({ type: 'stream-deleted', streamName: stream });
  });
});
