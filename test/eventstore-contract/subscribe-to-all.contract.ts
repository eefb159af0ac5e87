import { randomUUID } from 'node:crypto';
import { streamNameFilter } from '@eventstore/db-client';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../stack/waiting.ts';
import { client } from './harness/connection.ts';
import { originalEvent } from './harness/raw-read.ts';
import { at, event, events, nth, recorded, stored, streamOf } from './harness/streams.ts';
import { record, type SubscriptionRecorder } from './harness/subscription-recorder.ts';

/** The ids of the events of one stream among what a subscription to everything received. */
function idsOf(subscription: SubscriptionRecorder, stream: string): string[] {
  return subscription.responses
    .filter((response) => response.hasEvent())
    .map(originalEvent)
    .filter((each) => Buffer.from(each.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString() === stream)
    .map((each) => each.getId()?.getString() ?? '');
}

async function untilIds(subscription: SubscriptionRecorder, stream: string, ids: string[]): Promise<void> {
  await waitFor(() => expect(idsOf(subscription, stream)).toEqual(ids));
}

describe('everything', () => {
  test('from a position excludes the event there', async () => {
    const stream = await streamOf(events(3));
    const written = await stored(stream);
    await using subscription = record({ from: nth(written, 0).position });
    await untilIds(subscription, stream, [nth(written, 1).id, nth(written, 2).id]);
    expect(subscription.positions()[0]).toBe(nth(written, 1).position);
  });

  test('is confirmed first, then history, then the caught-up mark', async () => {
    const stream = await streamOf(events(3));
    const from = nth(await stored(stream), 0).position;
    await using subscription = record({ from });
    await subscription.until('caughtUp');
    expect(subscription.kinds()[0]).toBe('confirmation');
    expect(subscription.kinds().slice(1, 3)).toEqual(['event', 'event']);
    expect(subscription.kinds().filter((kind) => kind === 'confirmation')).toHaveLength(1);
  });

  test('from the end yields nothing old and everything new', async () => {
    const old = await streamOf(events(3));
    await using subscription = record({ from: 'end' });
    await subscription.until('caughtUp');
    const written = events(3);
    const stream = await streamOf(written);
    await untilIds(
      subscription,
      stream,
      written.map((each) => each.id),
    );
    expect(idsOf(subscription, old)).toEqual([]);
  });

  test('comes in the order of the log, each event once', async () => {
    const from = nth(await stored(await streamOf([event()])), 0).position;
    await using subscription = record({ from });
    const streams = await Promise.all(Array.from({ length: 5 }, () => streamOf(events(2))));
    for (const stream of streams) {
      const ids = (await stored(stream)).map((each) => each.id);
      await untilIds(subscription, stream, ids);
    }
    const positions = subscription.positions();
    for (const [index, position] of positions.slice(1).entries()) expect(position).toBeGreaterThan(nth(positions, index));
  });

  test('holds metadata and tombstones too', async () => {
    await using subscription = record({ from: 'end' });
    await subscription.until('caughtUp');
    const stream = await streamOf([event()]);
    await client.setStreamMetadata(stream, { maxCount: 1 });
    await client.tombstoneStream(stream);
    const types = () => {
      const originals = subscription.responses.filter((response) => response.hasEvent()).map(originalEvent);
      const ours = originals.filter((each) =>
        Buffer.from(each.getStreamIdentifier()?.getStreamName_asU8() ?? [])
          .toString()
          .endsWith(stream),
      );
      return ours.map((each) => each.getMetadataMap().get('type'));
    };
    await waitFor(() => expect(types()).toEqual(['contract-event', '$metadata', '$streamDeleted']));
  });
});

describe('the official client', () => {
  test('subscribes with a filter from a position and goes live', async () => {
    const prefix = `contract-${randomUUID()}-`;
    const seen: string[] = [];
    await client.appendToStream(`${prefix}a`, events(3));
    const first = nth(await stored(`${prefix}a`), 0);
    let caughtUp = false;
    const subscription = client.subscribeToAll({ fromPosition: at(first.position), filter: streamNameFilter({ prefixes: [prefix] }) });
    subscription.on('caughtUp', () => {
      caughtUp = true;
    });
    subscription.on('data', (resolved) => seen.push(`${recorded(resolved).streamId.slice(prefix.length)}@${recorded(resolved).revision}`));
    await waitFor(() => expect(caughtUp).toBe(true));
    await client.appendToStream(`${prefix}b`, event());
    await waitFor(() => expect(seen).toEqual(['a@1', 'a@2', 'b@0']));
    await subscription.unsubscribe();
  });
});
