import { describe, expect, test } from 'vitest';
import { waitFor, waitUntil } from '../stack/waiting.ts';
import { client } from './harness/connection.ts';
import { originalEvent } from './harness/raw-read.ts';
import { event, events, nth, recorded, stored, streamOf, uniqueStream } from './harness/streams.ts';
import { record } from './harness/subscription-recorder.ts';

describe('order', () => {
  test('the confirmation comes first, then history, then the caught-up mark, then live events', async () => {
    const stream = await streamOf(events(3));
    await using subscription = record({ stream });
    await subscription.until('caughtUp');
    expect(subscription.kinds()).toEqual(['confirmation', 'event', 'event', 'event', 'caughtUp']);
    await client.appendToStream(stream, events(2));
    await subscription.until('event', 5);
    expect(subscription.kinds().slice(5)).toEqual(['event', 'event']);
    expect(subscription.revisions()).toEqual([0n, 1n, 2n, 3n, 4n]);
  });

  test('the confirmation carries an id', async () => {
    await using subscription = record({ stream: await streamOf([event()]) });
    await subscription.until('confirmation');
    expect(subscription.responses[0]?.getConfirmation()?.getSubscriptionId()).toMatch(/\S/);
  });

  test('a long history comes whole and in order', async () => {
    const stream = await streamOf(events(200));
    await client.appendToStream(stream, events(150, 200));
    await using subscription = record({ stream });
    await subscription.until('caughtUp');
    expect(subscription.revisions()).toEqual(Array.from({ length: 350 }, (_, n) => BigInt(n)));
  });

  test('history and live events meet without a gap or a repetition while others write', async () => {
    const stream = await streamOf(events(100));
    await using subscription = record({ stream });
    for (let n = 0; n < 50; n++) await client.appendToStream(stream, event(n));
    await subscription.until('event', 150);
    expect(subscription.revisions()).toEqual(Array.from({ length: 150 }, (_, n) => BigInt(n)));
    expect(subscription.kinds().filter((kind) => kind === 'confirmation')).toHaveLength(1);
    expect(subscription.kinds()[0]).toBe('confirmation');
  });
});

describe('beginning', () => {
  test('at a revision excludes it', async () => {
    await using subscription = record({ stream: await streamOf(events(5)), from: 2n });
    await subscription.until('caughtUp');
    expect(subscription.revisions()).toEqual([3n, 4n]);
  });

  test('at the last revision yields nothing old and everything new', async () => {
    const stream = await streamOf(events(3));
    await using subscription = record({ stream, from: 2n });
    await subscription.until('caughtUp');
    expect(subscription.revisions()).toEqual([]);
    await client.appendToStream(stream, event());
    await subscription.until('event');
    expect(subscription.revisions()).toEqual([3n]);
  });

  test('at the end yields nothing old and everything new', async () => {
    const stream = await streamOf(events(3));
    await using subscription = record({ stream, from: 'end' });
    await subscription.until('caughtUp');
    expect(subscription.kinds()).toEqual(['confirmation', 'caughtUp']);
    await client.appendToStream(stream, events(2));
    await subscription.until('event', 2);
    expect(subscription.revisions()).toEqual([3n, 4n]);
  });

  test('at the start of a truncated stream yields what is left', async () => {
    const stream = await streamOf(events(5));
    await client.setStreamMetadata(stream, { truncateBefore: 3 });
    await using subscription = record({ stream });
    await subscription.until('caughtUp');
    expect(subscription.revisions()).toEqual([3n, 4n]);
  });
});

describe('events', () => {
  test('carry the positions of the log, in history and live', async () => {
    const stream = await streamOf([event()]);
    await using subscription = record({ stream });
    await subscription.until('caughtUp');
    await client.appendToStream(stream, event());
    await subscription.until('event', 2);
    expect(subscription.positions()).toEqual((await stored(stream)).map((each) => each.position));
  });

  test('of other streams do not come', async () => {
    const [stream, other] = [await streamOf([event()]), await streamOf([event()])];
    await using subscription = record({ stream });
    await subscription.until('caughtUp');
    await client.appendToStream(other, events(3));
    await client.appendToStream(stream, event());
    await subscription.until('event', 2);
    const names = subscription.responses.filter((response) => response.hasEvent()).map((response) => originalEvent(response));
    expect(names.map((each) => Buffer.from(each.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString())).toEqual([stream, stream]);
  });

  test('come to every subscriber', async () => {
    const stream = await streamOf([event()]);
    await using first = record({ stream });
    await using second = record({ stream, from: 'end' });
    await Promise.all([first.until('caughtUp'), second.until('caughtUp')]);
    await client.appendToStream(stream, events(3));
    await Promise.all([first.until('event', 4), second.until('event', 3)]);
    expect(first.revisions()).toEqual([0n, 1n, 2n, 3n]);
    expect(second.revisions()).toEqual([1n, 2n, 3n]);
  });
});

describe('the official client', () => {
  test('is confirmed, catches up and goes live', async () => {
    const stream = await streamOf(events(2));
    const subscription = client.subscribeToStream(stream);
    const seen: bigint[] = [];
    const marks: string[] = [];
    subscription.on('confirmation', () => marks.push('confirmation'));
    subscription.on('caughtUp', () => marks.push('caughtUp'));
    subscription.on('data', (resolved) => seen.push(recorded(resolved).revision));
    await waitFor(() => expect(marks).toEqual(['confirmation', 'caughtUp']));
    await client.appendToStream(stream, event());
    await waitFor(() => expect(seen).toEqual([0n, 1n, 2n]));
    expect(subscription.id).toMatch(/\S/);
    await subscription.unsubscribe();
  });

  test('takes a subscription up again after the last event it saw', async () => {
    const written = events(6);
    const stream = await streamOf(written.slice(0, 4));
    const seen: string[] = [];
    let last = -1n;
    for (const stopAt of [1n, 3n, 5n]) {
      if (stopAt === 5n) await client.appendToStream(stream, written.slice(4));
      const subscription = client.subscribeToStream(stream, { fromRevision: last < 0n ? 'start' : last });
      for await (const resolved of subscription) {
        seen.push(recorded(resolved).id);
        last = recorded(resolved).revision;
        if (last === stopAt) break;
      }
      await subscription.unsubscribe();
    }
    expect(seen).toEqual(written.map((each) => each.id));
  });
});

test('a subscriber that is cut off for being slow loses nothing when it takes up where it was', async () => {
  const stream = await streamOf([event()]);
  const seen: bigint[] = [];
  let appended = false;
  while (seen.length < 1_001) {
    await using subscription = record({ stream, from: seen.at(-1) ?? 'start' });
    if (!appended) {
      await subscription.until('caughtUp');
      await client.appendToStream(stream, events(1_000, 1));
      appended = true;
    }
    await waitUntil(() => seen.length + subscription.revisions().length >= 1_001 || subscription.error() !== undefined);
    const error = subscription.error();
    if (error !== undefined) expect(error.details).toContain('Consumer too slow');
    seen.push(...subscription.revisions());
  }
  expect(seen).toEqual(Array.from({ length: 1_001 }, (_, n) => BigInt(n)));
  expect(nth(seen, -1)).toBe(1_000n);
});

test('a subscription that was given up leaves the stream writable and others subscribed', async () => {
  const stream = await streamOf([event()]);
  await using staying = record({ stream });
  for (let n = 0; n < 10; n++) {
    await using leaving = record({ stream });
    await leaving.until('confirmation');
  }
  await staying.until('caughtUp');
  await client.appendToStream(stream, event());
  await staying.until('event', 2);
  expect(staying.error()).toBeUndefined();
});

test('a metastream can be subscribed to', async () => {
  const stream = uniqueStream();
  await client.setStreamMetadata(stream, { maxCount: 1 });
  await using subscription = record({ stream: `$$${stream}` });
  await subscription.until('caughtUp');
  await client.setStreamMetadata(stream, { maxCount: 2 });
  await subscription.until('event', 2);
  expect(subscription.revisions()).toEqual([0n, 1n]);
});
