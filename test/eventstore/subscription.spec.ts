import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { EventStore } from '../../src/eventstore/client.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import type { UnreadableEvent } from '../../src/eventstore/errors.ts';
import type { LogSubscription, SubscriptionOptions } from '../../src/eventstore/subscription.ts';
import type { TestEventStore } from '../stack/eventstore.ts';
import { startEventStore } from '../stack/eventstore.ts';
import { startCuttingServer } from './cutting-server.ts';
import { collect, deposited, newAccountId, newEvent, opened, until } from './new-events.ts';

let server: TestEventStore;
let store: EventStore;
beforeAll(async () => {
  server = await startEventStore();
  store = connectEventStore(server.url);
});
afterAll(async () => {
  await store.close();
  await server.close();
});

/** Appends that many events to a new stream, in calls of `perCall`; an outcome that is not known is asked for again. */
async function fill(target: EventStore, count: number, perCall = 50): Promise<string[]> {
  const stream = accountStream(newAccountId());
  const ids: string[] = [];
  while (ids.length < count) {
    const events = Array.from({ length: Math.min(perCall, count - ids.length) }, () =>
      newEvent(ids.length === 0 ? opened() : deposited('1.00')),
    );
    const expecting = BigInt(ids.length) - 1n;
    await until(async () => (await target.streams.append(stream, events, { expecting })).kind === 'appended');
    ids.push(...events.map(({ eventId }) => eventId));
  }
  return ids;
}

/** Everything a subscription hands over. */
function record(target: EventStore, options: Partial<SubscriptionOptions> = {}) {
  const seen: RecordedEvent[] = [];
  const batches: number[] = [];
  const interruptions: Error[] = [];
  const unreadable: UnreadableEvent[] = [];
  const subscription: LogSubscription = target.subscribe({
    after: undefined,
    batchSize: 100,
    batchMs: 0,
    onBatch: async (events) => {
      seen.push(...events);
      batches.push(events.length);
    },
    onUnreadable: async (event) => {
      unreadable.push(event);
    },
    onInterrupted: (error) => interruptions.push(error),
    ...options,
  });
  return { seen, batches, interruptions, unreadable, subscription };
}

const headOf = async (target: EventStore): Promise<bigint> => (await target.streams.head())?.position ?? -1n;
const caughtUp = (seen: readonly RecordedEvent[], head: bigint) => until(() => (seen.at(-1)?.position ?? -1n) >= head);

describe('a subscription', () => {
  it('hands over what is there and what comes, in log order, in batches of at most the size', async () => {
    const after = await headOf(store);
    const before = await fill(store, 250);
    const { seen, batches, subscription } = record(store, { after: after === -1n ? undefined : after });
    await caughtUp(seen, await headOf(store));
    const later = await fill(store, 20, 1);
    await caughtUp(seen, await headOf(store));
    await subscription.stop();
    expect(seen.map(({ eventId }) => eventId)).toEqual([...before, ...later]);
    expect(Math.max(...batches)).toBeLessThanOrEqual(100);
    expect(seen.every(({ position }, index) => index === 0 || position > (seen[index - 1]?.position ?? 0n))).toBe(true);
  });

  it('begins after a position, exclusively, and leaves other streams out', async () => {
    const ids = await fill(store, 10, 1);
    const all = record(store);
    await caughtUp(all.seen, await headOf(store));
    await all.subscription.stop();
    const [tenth, ...last] = all.seen.slice(-5);
    await store.streams.clockSkew(); // an event of no ledger stream
    const rest = record(store, { after: tenth?.position });
    await caughtUp(rest.seen, await headOf(store));
    await rest.subscription.stop();
    expect(rest.seen.map(({ eventId }) => eventId)).toEqual(last.map(({ eventId }) => eventId));
    expect(rest.seen.map(({ eventId }) => eventId)).toEqual(ids.slice(-4));
  });

  it('waits for a full batch where it is told to', async () => {
    const { batches, seen, subscription } = record(store, { after: await headOf(store), batchSize: 10, batchMs: 600_000 });
    const stream = accountStream(newAccountId());
    for (let n = -1n; n < 9n; n += 1n) await store.streams.append(stream, [newEvent(opened())], { expecting: n });
    await caughtUp(seen, await headOf(store));
    await subscription.stop();
    expect(batches).toEqual([10]);
  });

  it('hands a batch over again when it failed, and the next only after it', async () => {
    const after = await headOf(store);
    const ids = await fill(store, 30);
    let attempts = 0;
    let underWay = 0;
    const seen: RecordedEvent[] = [];
    const { subscription, interruptions } = record(store, {
      after,
      onBatch: async (events) => {
        expect(++underWay).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 1));
        underWay -= 1;
        if (++attempts % 2 === 1) throw new Error('not this time');
        seen.push(...events);
      },
    });
    await until(() => seen.length >= 30);
    await subscription.stop();
    expect(seen.map(({ eventId }) => eventId)).toEqual(ids);
    expect(interruptions.length).toBeGreaterThan(0);
  });

  it('goes on where it was after the server was killed and came back: nothing missed, nothing twice', async () => {
    await using own = await startEventStore();
    const target = connectEventStore(own.url);
    const { seen, subscription, interruptions } = record(target);
    const ids: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const filling = fill(target, 200, 20);
      await until(() => seen.length > ids.length);
      await own.kill();
      await own.restart();
      ids.push(...(await filling));
      await caughtUp(seen, await headOf(target));
    }
    await subscription.stop();
    await target.close();
    expect(seen.map(({ eventId }) => eventId)).toEqual(ids);
    expect(interruptions.length).toBeGreaterThanOrEqual(3);
  });

  it('goes on by itself when it is cut off for being slow', async () => {
    await using cutting = await startCuttingServer(32);
    const target = connectEventStore(cutting.url);
    const seen: RecordedEvent[] = [];
    const { subscription, interruptions } = record(target, {
      onBatch: async (events) => {
        seen.push(...events);
        await new Promise((resolve) => setTimeout(resolve, 2));
      },
    });
    const ids: string[] = [];
    // Large appends to a live subscriber are what the server cuts it off for.
    while (interruptions.length < 2) {
      ids.push(...(await fill(target, 1_000, 500)));
      await until(() => seen.length >= ids.length);
    }
    await subscription.stop();
    await target.close();
    expect(seen.map(({ eventId }) => eventId)).toEqual(ids);
  });

  it('stops while a batch is under way, after that batch', async () => {
    const after = await headOf(store);
    await fill(store, 10);
    let isDone = false;
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { subscription } = record(store, {
      after,
      onBatch: async () => {
        begin();
        await new Promise((resolve) => setTimeout(resolve, 50));
        isDone = true;
      },
    });
    await begun;
    await subscription.stop();
    expect(isDone).toBe(true);
  });
});

describe('an event that cannot be read', () => {
  it('is reported after all before it, read again until it is annulled, and then has no effect', async () => {
    await using own = await startEventStore();
    const target = connectEventStore(own.url);
    const accountId = newAccountId();
    const stream = accountStream(accountId);
    await target.streams.append(stream, [newEvent(opened())], { expecting: -1n });
    await writePastTheLedger(own.url, stream, { type: 'deposited', data: { version: 1, amount: 5 } });
    await target.streams.append(stream, [newEvent(deposited('1.00'))], { expecting: 1n });

    await expect(collect(target.streams.read(stream, 0n))).rejects.toMatchObject({ name: 'UnreadableEvent', stream, revision: 1n });
    const { seen, unreadable, subscription } = record(target, {
      onUnreadable: async (event) => {
        expect(seen.map(({ revision }) => revision)).toEqual([0n]);
        if (unreadable.push(event) === 3) await target.annulments.append({ ...placeOf(event), reason: 'written by hand' });
      },
    });
    await until(() => seen.length === 3);
    await subscription.stop();
    expect(unreadable).toHaveLength(3);
    expect(unreadable[0]?.reason).toContain('amount');
    expect(seen[1]).toMatchObject({ revision: 1n, event: { type: 'annulled' }, subject: { accountId } });
    expect(await collect(target.streams.read(stream, 0n))).toEqual(seen);
    await target.close();
  });

  it('is passed over, once annulled, in a stream that belongs to nothing', async () => {
    await using own = await startEventStore();
    const target = connectEventStore(own.url);
    await writePastTheLedger(own.url, 'account-nobody', { type: 'deposited', data: {} });
    const stream = accountStream(newAccountId());
    await target.streams.append(stream, [newEvent(opened())], { expecting: -1n });
    const { seen, subscription } = record(target, {
      onUnreadable: (event) => target.annulments.append({ ...placeOf(event), reason: 'whose is it?' }),
    });
    await until(() => seen.length === 1);
    await subscription.stop();
    expect(seen[0]?.stream).toBe(stream);
    await target.close();
  });
});

const placeOf = ({ stream, revision, position, eventId }: UnreadableEvent) => ({ stream, revision, position, eventId });

/** Writes with a client of its own, closed before the ledger's is used again: they share one map of pending appends. */
async function writePastTheLedger(url: string, stream: string, event: { type: string; data: Record<string, unknown> }): Promise<void> {
  const client = EventStoreDBClient.connectionString(url);
  await client.appendToStream(stream, jsonEvent(event));
  await client.dispose();
}
