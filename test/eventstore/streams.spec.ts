import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountStream } from '../../src/domain/events.ts';
import type { EventStore } from '../../src/eventstore/client.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { StoreUnavailable } from '../../src/eventstore/errors.ts';
import type { TestEventStore } from '../stack/eventstore.ts';
import { startEventStore } from '../stack/eventstore.ts';
import { collect, deposited, newAccountId, newEvent, opened, withdrawn } from './new-events.ts';

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

const newStream = (): string => accountStream(newAccountId());

describe('append', () => {
  it('appends to a stream that does not exist, then behind its last revision', async () => {
    const stream = newStream();
    const first = await store.streams.append(stream, [newEvent(opened()), newEvent(deposited('1.00'))], { expecting: -1n });
    const second = await store.streams.append(stream, [newEvent(withdrawn('1.00'))], { expecting: 1n });
    expect(first).toMatchObject({ kind: 'appended', lastRevision: 1n });
    expect(second).toMatchObject({ kind: 'appended', lastRevision: 2n });
    expect(second.kind === 'appended' && first.kind === 'appended' && second.position > first.position).toBe(true);
  });

  it('says conflict where the stream stands elsewhere, exists already, or does not exist', async () => {
    const stream = newStream();
    await store.streams.append(stream, [newEvent(opened())], { expecting: -1n });
    expect(await store.streams.append(stream, [newEvent(opened())], { expecting: -1n })).toEqual({ kind: 'conflict' });
    expect(await store.streams.append(stream, [newEvent(opened())], { expecting: 7n })).toEqual({ kind: 'conflict' });
    expect(await store.streams.append(newStream(), [newEvent(opened())], { expecting: 0n })).toEqual({ kind: 'conflict' });
  });

  it('answers the same events sent again with the first result, also after others were appended', async () => {
    const stream = newStream();
    const events = [newEvent(opened()), newEvent(deposited('1.00'))];
    const first = await store.streams.append(stream, events, { expecting: -1n });
    await store.streams.append(stream, [newEvent(withdrawn('1.00'))], { expecting: 1n });
    expect(await store.streams.append(stream, events, { expecting: -1n })).toEqual(first);
  });

  it('says refused, with the reason, for what is too large', async () => {
    const large = newEvent(deposited('1.00', { reference: 'x'.repeat(1_100_000) }));
    const stream = newStream();
    expect(await store.streams.append(stream, [large], { expecting: -1n })).toMatchObject({ kind: 'refused' });
    expect(await collect(store.streams.read(stream, 0n))).toEqual([]);
  });
});

describe('read', () => {
  it('gives back what was written, with its place', async () => {
    const accountId = newAccountId();
    const stream = accountStream(accountId);
    const events = [
      newEvent(opened({ ownerId: 'someone' })),
      newEvent(deposited('9007199254740993.00', { metadata: { n: 1 } }), { effectiveAt: '2025-01-01T00:00:00Z' }),
    ];
    await store.streams.append(stream, events, { expecting: -1n });
    const read = await collect(store.streams.read(stream, 0n));
    expect(read.map(({ eventId, event, metadata, revision }) => ({ eventId, event, metadata, revision }))).toEqual(
      events.map(({ eventId, event, metadata }, index) => ({ eventId, event, metadata, revision: BigInt(index) })),
    );
    expect(read[1]).toMatchObject({ stream, subject: { kind: 'account', accountId } });
    expect(await collect(store.streams.read(stream, 1n))).toEqual(read.slice(1));
    expect(await collect(store.streams.read(stream, 2n))).toEqual([]);
  });

  it('finds nothing in a stream that does not exist', async () => {
    expect(await collect(store.streams.read(newStream(), 0n))).toEqual([]);
  });

  it('may be left early', async () => {
    const stream = newStream();
    await store.streams.append(
      stream,
      Array.from({ length: 100 }, () => newEvent(deposited('1.00'))),
      { expecting: -1n },
    );
    for await (const { revision } of store.streams.read(stream, 0n)) {
      expect(revision).toBe(0n);
      break;
    }
  });
});

describe('the log', () => {
  it('ends in the last event of the ledger’s own streams', async () => {
    const appended = await store.streams.append(newStream(), [newEvent(opened())], { expecting: -1n });
    await store.streams.clockSkew(); // writes to a stream of its own
    expect(await store.streams.head()).toEqual({ position: appended.kind === 'appended' ? appended.position : undefined });
    expect(await store.streams.head()).toEqual({ position: appended.kind === 'appended' ? appended.position : undefined });
  });

  it('has one event at a position, and none where there is no record', async () => {
    const event = newEvent(opened());
    const stream = newStream();
    const appended = await store.streams.append(stream, [event], { expecting: -1n });
    const position = appended.kind === 'appended' ? appended.position : 0n;
    expect(await store.streams.eventAt(position)).toEqual({ stream, revision: 0n, position, eventId: event.eventId });
    expect(await store.streams.eventAt(position + 1_000_000n)).toBeUndefined();
  });

  it('shows how far the clock here runs ahead', async () => {
    // The server runs on the same clock, but tells whole milliseconds.
    const { atLeastMs, atMostMs } = await store.streams.clockSkew();
    expect(atLeastMs).toBeLessThanOrEqual(1);
    expect(atMostMs).toBeGreaterThanOrEqual(-1);
  });
});

describe('an event store that is away', () => {
  it('leaves the outcome of every append in flight known or unknown, and never wrong', async () => {
    await using away = await startEventStore();
    // A connection of its own would break the other one's appends: nothing else is in flight here.
    const lost = connectEventStore(away.url);
    const streams = Array.from({ length: 200 }, newStream);
    const events = new Map(streams.map((stream) => [stream, [newEvent(opened()), newEvent(deposited('1.00'))]]));
    await lost.streams.append(newStream(), [newEvent(opened())], { expecting: -1n });
    const appending = Promise.all(
      streams.map(async (stream) => [stream, await lost.streams.append(stream, events.get(stream) ?? [], { expecting: -1n })] as const),
    );
    await away.kill();
    const outcomes = await appending;
    expect(new Set(outcomes.map(([, { kind }]) => kind)).difference(new Set(['appended', 'unknown']))).toEqual(new Set());
    expect(await lost.streams.append(newStream(), [newEvent(opened())], { expecting: -1n })).toMatchObject({ kind: 'unknown' });
    await expect(collect(lost.streams.read(newStream(), 0n))).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(lost.streams.head()).rejects.toBeInstanceOf(StoreUnavailable);

    await away.restart();
    for (const [stream, outcome] of outcomes) {
      const again = await settled(() => lost.streams.append(stream, events.get(stream) ?? [], { expecting: -1n }));
      expect(again).toMatchObject({ kind: 'appended', lastRevision: 1n });
      if (outcome.kind === 'appended') expect(again).toEqual(outcome);
      expect(await collect(lost.streams.read(stream, 0n))).toHaveLength(2);
    }
    await lost.close();
  });

  it('does not take the process with it when it goes while more is being sent than it takes in', async () => {
    await using stuck = await startEventStore();
    const lost = connectEventStore(stuck.url);
    await lost.streams.append(newStream(), [newEvent(opened())], { expecting: -1n });
    process.kill(stuck.pid, 'SIGSTOP');
    // Far more than the connection buffers: unmended, the client would leave rejections behind that nobody can catch.
    const large = deposited('1.00', { reference: 'x'.repeat(50_000) });
    const appending = Promise.all(
      Array.from({ length: 200 }, () => lost.streams.append(newStream(), [newEvent(large)], { expecting: -1n })),
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    await stuck.kill();
    expect(new Set((await appending).map(({ kind }) => kind))).toEqual(new Set(['unknown']));
    await lost.close();
  });

  it('waits for appends under way before it lets go of the connection, and refuses new ones', async () => {
    await using own = await startEventStore();
    const closing = connectEventStore(own.url);
    const appending = Promise.all(
      Array.from({ length: 50 }, () => closing.streams.append(newStream(), [newEvent(opened())], { expecting: -1n })),
    );
    await closing.close();
    expect(new Set((await appending).map(({ kind }) => kind))).toEqual(new Set(['appended']));
    expect(await closing.streams.append(newStream(), [newEvent(opened())], { expecting: -1n })).toMatchObject({ kind: 'unknown' });
    await expect(closing.streams.head()).rejects.toBeInstanceOf(StoreUnavailable);
  });
});

describe('a server that stops answering, though its connection stands', () => {
  it('is given up by whoever reads, and read again when it goes on', async () => {
    await using stuck = await startEventStore();
    const held = connectEventStore(stuck.url);
    const stream = newStream();
    await held.streams.append(stream, [newEvent(opened())], { expecting: -1n });
    process.kill(stuck.pid, 'SIGSTOP');
    await expect(collect(held.streams.read(stream, 0n))).rejects.toBeInstanceOf(StoreUnavailable);
    process.kill(stuck.pid, 'SIGCONT');
    expect(await collect(held.streams.read(stream, 0n))).toHaveLength(1);
    await held.close();
  });
});

/** The first outcome that is known; the client needs a moment to find a server that came back. */
async function settled<Outcome extends { readonly kind: string }>(attempt: () => Promise<Outcome>): Promise<Outcome> {
  for (;;) {
    const outcome = await attempt();
    if (outcome.kind !== 'unknown') return outcome;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
