import { randomUUID } from 'node:crypto';
import { streamNameFilter } from '@eventstore/db-client';
import { describe, expect, test } from 'vitest';
import { waitFor } from '../stack/waiting.ts';
import { client } from './harness/connection.ts';
import { rawRead, readRequest, revisionsIn } from './harness/raw-read.ts';
import { at, collect, event, events, nth, positionOf, recorded, stored, streamOf } from './harness/streams.ts';
import { record } from './harness/subscription-recorder.ts';

const uniquePrefix = () => `contract-${randomUUID()}-`;

/** How many records the log holds after one position, up to and including another. */
async function recordsBetween(after: bigint, upTo: bigint): Promise<number> {
  const read = await collect(client.readAll({ fromPosition: at(after), maxCount: 10_000 }));
  return read.map(positionOf).filter((position) => position > after && position <= upTo).length;
}

describe('a filtered subscription', () => {
  test.each([
    ['a stream prefix', (prefix: string) => ({ on: 'stream', prefixes: [prefix] }) as const],
    ['a regular expression', (prefix: string) => ({ on: 'stream', regex: `^${prefix}` }) as const],
    ['an event type', (prefix: string) => ({ on: 'type', prefixes: [`${prefix}type`] }) as const],
  ])('by %s yields matching history and matching live events, and no others', async (_name, filterOf) => {
    const prefix = uniquePrefix();
    const type = `${prefix}type`;
    await client.appendToStream(`${prefix}a`, events(2, 0, type));
    await streamOf(events(3));
    const from = nth(await stored(`${prefix}a`), 0).position;
    await using subscription = record({ from, filter: filterOf(prefix) });
    await subscription.until('caughtUp');
    await streamOf(events(3));
    await client.appendToStream(`${prefix}b`, events(2, 0, type));
    await subscription.until('event', 3);
    expect(subscription.revisions()).toEqual([1n, 0n, 1n]);
    expect(subscription.kinds().filter((kind) => kind !== 'checkpoint')).toEqual(['confirmation', 'event', 'caughtUp', 'event', 'event']);
  });

  test('from the end yields new matching events alone', async () => {
    const prefix = uniquePrefix();
    await client.appendToStream(`${prefix}a`, events(2));
    await using subscription = record({ from: 'end', filter: { on: 'stream', prefixes: [prefix] } });
    await subscription.until('caughtUp');
    await client.appendToStream(`${prefix}a`, event());
    await subscription.until('event');
    expect(subscription.revisions()).toEqual([2n]);
  });

  test('from a position of an event that does not match takes up from there', async () => {
    const prefix = uniquePrefix();
    const other = await streamOf([event()]);
    await client.appendToStream(`${prefix}a`, events(2));
    await using subscription = record({ from: nth(await stored(other), 0).position, filter: { on: 'stream', prefixes: [prefix] } });
    await subscription.until('event', 2);
    expect(subscription.revisions()).toEqual([0n, 1n]);
  });
});

describe('checkpoints', () => {
  test('come while nothing matches, at positions that only increase', async () => {
    await using subscription = record({ from: 'end', filter: { on: 'stream', prefixes: [uniquePrefix()], max: 4 } });
    await subscription.until('caughtUp');
    const stream = await streamOf(events(10));
    await client.appendToStream(stream, events(10));
    await subscription.until('checkpoint', 4);
    const checkpoints = subscription.checkpoints();
    for (const [index, checkpoint] of checkpoints.slice(1).entries()) expect(checkpoint).toBeGreaterThan(nth(checkpoints, index));
    expect(subscription.revisions()).toEqual([]);
  });

  test.each([
    [4, 1, 4],
    [2, 3, 6],
    [5, 2, 10],
  ])('follow every window (%d) times multiplier (%d) = %d considered events', async (max, checkpointMultiplier, interval) => {
    await using subscription = record({ from: 'end', filter: { on: 'stream', prefixes: [uniquePrefix()], max, checkpointMultiplier } });
    await subscription.until('caughtUp');
    const stream = await streamOf(events(12));
    for (let call = 0; call < 3; call++) await client.appendToStream(stream, events(12));
    await subscription.until('checkpoint', 4);
    const checkpoints = subscription.checkpoints();
    for (const [index, checkpoint] of checkpoints.slice(1).entries()) {
      expect(await recordsBetween(nth(checkpoints, index), checkpoint)).toBe(interval);
    }
  });

  test('follow every 32 considered events by default', async () => {
    await using subscription = record({ from: 'end', filter: { on: 'stream', prefixes: [uniquePrefix()] } });
    await subscription.until('caughtUp');
    const stream = await streamOf(events(20));
    for (let call = 0; call < 5; call++) await client.appendToStream(stream, events(20));
    await subscription.until('checkpoint', 3);
    const checkpoints = subscription.checkpoints();
    for (const [index, checkpoint] of checkpoints.slice(1).entries()) {
      expect(await recordsBetween(nth(checkpoints, index), checkpoint)).toBe(32);
    }
  });

  test('count events that match as well', async () => {
    const prefix = uniquePrefix();
    await using subscription = record({ from: 'end', filter: { on: 'stream', prefixes: [prefix], max: 4 } });
    await subscription.until('caughtUp');
    await client.appendToStream(`${prefix}a`, events(16));
    await subscription.until('event', 16);
    await subscription.until('checkpoint', 3);
    for (const checkpoint of subscription.checkpoints()) {
      const [there] = await collect(client.readAll({ fromPosition: at(checkpoint), maxCount: 1 }));
      expect(positionOf(there)).toBe(checkpoint);
    }
  });

  test('follow the matching events that they cover', async () => {
    const prefix = uniquePrefix();
    await using subscription = record({ from: 'end', filter: { on: 'stream', prefixes: [prefix], max: 2 } });
    await subscription.until('caughtUp');
    for (let n = 0; n < 10; n++) await client.appendToStream(`${prefix}a`, event(n));
    await subscription.until('event', 10);
    await subscription.until('checkpoint', 2);
    let covered = 0n;
    for (const response of subscription.responses) {
      if (response.hasCheckpoint()) covered = BigInt(response.getCheckpoint()?.getCommitPosition() ?? -1);
      else if (response.hasEvent()) expect(BigInt(response.getEvent()?.getCommitPosition() ?? -1)).toBeGreaterThan(covered);
    }
  });

  test('also come while history is read', async () => {
    const stream = await streamOf(events(100));
    await client.appendToStream(stream, events(100));
    const from = nth(await stored(stream), 0).position;
    await using subscription = record({ from, filter: { on: 'stream', prefixes: [uniquePrefix()], max: 10 } });
    await subscription.until('caughtUp');
    const caughtUp = subscription.kinds().indexOf('caughtUp');
    expect(subscription.kinds().slice(0, caughtUp)).toContain('checkpoint');
  });

  test('are positions from which a later subscription misses nothing', async () => {
    const prefix = uniquePrefix();
    const filter = { on: 'stream', prefixes: [prefix], max: 3 } as const;
    let checkpoint: bigint;
    {
      await using subscription = record({ from: 'end', filter });
      await subscription.until('caughtUp');
      await streamOf(events(12));
      await subscription.until('checkpoint', 2);
      checkpoint = nth(subscription.checkpoints(), -1);
    }
    await client.appendToStream(`${prefix}a`, events(3));
    await using later = record({ from: checkpoint, filter });
    await later.until('event', 3);
    expect(later.revisions()).toEqual([0n, 1n, 2n]);
  });

  test('are positions at which $all can be read', async () => {
    await using subscription = record({ from: 'end', filter: { on: 'stream', prefixes: [uniquePrefix()], max: 5 } });
    await subscription.until('caughtUp');
    await streamOf(events(12));
    await subscription.until('checkpoint', 2);
    const { responses, error } = await rawRead(readRequest({ from: nth(subscription.checkpoints(), 0), count: 1 }));
    expect(error).toBeUndefined();
    expect(revisionsIn(responses)).toHaveLength(1);
  });

  test('reach the official client through its callback', async () => {
    const prefix = uniquePrefix();
    const reached: bigint[] = [];
    const filter = streamNameFilter({
      prefixes: [prefix],
      maxSearchWindow: 3,
      checkpointInterval: 2,
      checkpointReached: (_subscription, position) => {
        expect(position.commit).toBe(position.prepare);
        reached.push(position.commit);
      },
    });
    const seen: bigint[] = [];
    let caughtUp = false;
    const subscription = client.subscribeToAll({ fromPosition: 'end', filter });
    subscription.on('data', (resolved) => seen.push(recorded(resolved).revision));
    subscription.on('caughtUp', () => {
      caughtUp = true;
    });
    await waitFor(() => expect(caughtUp).toBe(true));
    await streamOf(events(14));
    await client.appendToStream(`${prefix}a`, events(2));
    await waitFor(() => expect(reached.length).toBeGreaterThanOrEqual(2));
    await waitFor(() => expect(seen).toEqual([0n, 1n]));
    await subscription.unsubscribe();
  });
});
