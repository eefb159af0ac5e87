import { afterAll, expect, it } from 'vitest';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { makeAnnulments } from '../../src/eventstore/annulments.ts';
import { openConnection } from '../../src/eventstore/connection.ts';
import { makeLogWindow } from '../../src/eventstore/log-window.ts';
import { makeStreams } from '../../src/eventstore/streams.ts';
import { subscribeToLog } from '../../src/eventstore/subscription.ts';
import { startEventStore } from '../stack/eventstore.ts';
import { deposited, newAccountId, newEvent, opened, until } from './new-events.ts';

/** Of the window, so that it is soon left behind. */
const KEPT = 10;
const server = await startEventStore();
const connection = openConnection(server.url);
const annulments = makeAnnulments(connection);
const window = makeLogWindow(connection, annulments, KEPT);
const streams = makeStreams(connection, annulments);
afterAll(async () => {
  await connection.close();
  await server.close();
});

interface Writer {
  /** Appends so many events to the stream; an outcome that is not known is asked for again. @returns their ids. */
  write(count: number): Promise<readonly string[]>;
}

function newStream(accountId: AccountId = newAccountId()): Writer {
  let expecting = -1n;
  return {
    async write(count) {
      const events = Array.from({ length: count }, (_, n) => newEvent(expecting === -1n && n === 0 ? opened() : deposited('1.00')));
      await until(async () => (await streams.append(accountStream(accountId), events, { expecting })).kind === 'appended');
      expecting += BigInt(count);
      return events.map(({ eventId }) => eventId);
    },
  };
}

function follow(gate: () => Promise<void> = async () => undefined) {
  const seen: RecordedEvent[] = [];
  const interruptions: Error[] = [];
  const subscription = subscribeToLog(
    { connection, annulments, window },
    {
      after: undefined,
      batchSize: 5,
      batchMs: 0,
      onBatch: async (events) => {
        await gate();
        seen.push(...events);
      },
      onUnreadable: async () => undefined,
      onInterrupted: (error) => interruptions.push(error),
    },
  );
  return { seen, interruptions, ids: () => seen.map(({ eventId }) => eventId), stop: subscription.stop };
}

/** Writes until the next event reaches both as one: they read from the window then. */
async function untilShared(writer: Writer, one: readonly RecordedEvent[], other: readonly RecordedEvent[]): Promise<readonly string[]> {
  const written: string[] = [];
  await until(async () => {
    const before = one.length;
    written.push(...(await writer.write(1)));
    await until(() => one.length > before && other.length === one.length);
    return one.at(-1) === other.at(-1);
  });
  return written;
}

it('everybody who follows the log gets all of it in order, and at its end each event is decoded once for all', async () => {
  const writer = newStream();
  const written = [...(await writer.write(40))];
  const [one, other] = [follow(), follow()];
  await until(() => one.seen.length === 40 && other.seen.length === 40);
  written.push(...(await untilShared(writer, one.seen, other.seen)));
  const shared = one.seen.length;
  written.push(...(await writer.write(30)));
  await until(() => one.seen.length === written.length && other.seen.length === written.length);
  expect([one.ids(), other.ids()]).toEqual([written, written]);
  for (const [n, event] of one.seen.slice(shared).entries()) expect(other.seen[shared + n]).toBe(event);
  await Promise.all([one.stop(), other.stop()]);
});

it('who falls behind its beginning misses nothing, holds nobody up, and comes back to it', async () => {
  const writer = newStream();
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  const [quick, slow] = [follow(), follow(() => gate.promise)];
  await writer.write(1);
  await until(() => quick.seen.length > 0 && slow.seen.length === quick.seen.length);
  await untilShared(writer, quick.seen, slow.seen);

  gate = Promise.withResolvers();
  const before = quick.seen.length;
  const missed = await writer.write(20 * KEPT);
  await until(() => quick.seen.length === before + missed.length);
  expect(slow.seen.length).toBe(before);
  gate.resolve();
  await until(() => slow.seen.length === quick.seen.length);
  await untilShared(writer, quick.seen, slow.seen);
  expect(slow.ids()).toEqual(quick.ids());
  expect(slow.interruptions).toEqual([]);
  await Promise.all([quick.stop(), slow.stop()]);
});

it('who leaves while it is being opened does not close it under those who come', async () => {
  const opening = makeLogWindow(connection, annulments, KEPT);
  const left = [opening.enter(), opening.enter()].map((leave) => leave());
  const leave = [opening.enter(), opening.enter()];
  await Promise.all(left);
  await until(() => opening.reachesBackTo(BigInt(Number.MAX_SAFE_INTEGER)));
  await Promise.all(leave.map((goes) => goes()));
  expect(opening.reachesBackTo(BigInt(Number.MAX_SAFE_INTEGER))).toBe(false);
});

it('when the server is killed and comes back, everybody hears of it, goes on where they were, and shares again', async () => {
  const writer = newStream();
  const [one, other] = [follow(), follow()];
  await writer.write(1);
  await until(() => one.seen.length > 0 && other.seen.length === one.seen.length);
  for (let round = 0; round < 2; round += 1) {
    await untilShared(writer, one.seen, other.seen);
    const interruptions = one.interruptions.length + other.interruptions.length;
    await server.kill();
    await until(() => one.interruptions.length + other.interruptions.length >= interruptions + 2);
    await server.restart();
    const all = one.seen.length + (await writer.write(15)).length;
    await until(() => one.seen.length === all && other.seen.length === all);
  }
  await untilShared(writer, one.seen, other.seen);
  expect(one.ids()).toEqual(other.ids());
  expect(new Set(one.ids()).size).toBe(one.seen.length);
  await Promise.all([one.stop(), other.stop()]);
});
