import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ReadProgress } from '../../src/audit/read-log.ts';
import { readEvents, readLog } from '../../src/audit/read-log.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { EventStore } from '../../src/eventstore/client.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { StoreUnavailable, UnreadableEvent } from '../../src/eventstore/errors.ts';
import { deposited, newAccountId, newEvent, opened } from '../eventstore/new-events.ts';
import type { TestEventStore } from '../stack/eventstore.ts';
import { startEventStore } from '../stack/eventstore.ts';

let server: TestEventStore;
let store: EventStore;
const stream = accountStream(newAccountId());
const events = [newEvent(opened()), ...Array.from({ length: 3_000 }, (_, n) => newEvent(deposited(`${n + 1}.00`)))];
beforeAll(async () => {
  server = await startEventStore();
  store = connectEventStore(server.url);
  for (let start = 0; start < events.length; start += 500) {
    await store.streams.append(stream, events.slice(start, start + 500), { expecting: BigInt(start) - 1n });
    await store.streams.clockSkew(); // what is not the ledger's stands between
  }
});
afterAll(async () => {
  await store.close();
  await server.close();
});

it('gives every record of the ledger once, in order, as it is stored', async () => {
  const told: ReadProgress[] = [];
  const batches = await Array.fromAsync(readLog(store, { onProgress: (progress) => told.push(progress) }));
  const records = batches.flat();
  expect(batches.every(({ length }) => length > 0 && length <= 1024)).toBe(true);
  expect(records.map(({ eventId }) => eventId)).toEqual(events.map(({ eventId }) => eventId));
  expect(records.map(({ revision }) => revision)).toEqual(events.map((_, index) => BigInt(index)));
  const { type, ...data } = events[7]?.event ?? opened();
  expect(records[7]).toMatchObject({ stream, type, data: JSON.parse(JSON.stringify(data)), metadata: events[7]?.metadata });
  expect(told.at(-1)).toEqual({ events: 3_001, position: records.at(-1)?.position, end: await store.log.end() });
});

it('begins after a position and ends at one, and no later than the log ended when it began', async () => {
  const all = (await Array.fromAsync(readLog(store))).flat();
  const [after, until] = [all[9]?.position, all[19]?.position];
  const part = (await Array.fromAsync(readLog(store, { after, until }))).flat();
  expect(part.map(({ revision }) => revision)).toEqual(all.slice(10, 20).map(({ revision }) => revision));
  const other = accountStream(newAccountId());
  let seen = 0;
  for await (const batch of readLog(store)) {
    if (seen === 0) await store.streams.append(other, [newEvent(opened())], { expecting: -1n });
    seen += batch.length;
  }
  expect(seen).toBe(all.length);
  expect((await Array.fromAsync(readLog(store, { after: all.at(-1)?.position }))).flat().map((record) => record.stream)).toEqual([other]);
});

it('that is left in the middle keeps nothing open', async () => {
  const connection = connectEventStore(server.url);
  for await (const batch of readLog(connection)) if (batch.length > 0) break;
  await connection.close();
  await expect(Array.fromAsync(readLog(connection))).rejects.toThrow(StoreUnavailable);
});

it('of an empty log is nothing; of a server that is away, StoreUnavailable', async () => {
  await using empty = await startEventStore();
  const connection = connectEventStore(empty.url);
  expect(await Array.fromAsync(readLog(connection))).toEqual([]);
  await empty.kill();
  await expect(Array.fromAsync(readLog(connection))).rejects.toThrow(StoreUnavailable);
  await connection.close();
});

it('decoded, hands over what comes before an event that cannot be read, and takes an annulled one for annulled', async () => {
  await using own = await startEventStore();
  const connection = connectEventStore(own.url);
  const account = accountStream(newAccountId());
  const bad = { ...newEvent(deposited('1.00')), eventId: randomUUID() };
  await connection.streams.append(
    account,
    [newEvent(opened()), { ...bad, metadata: { ...bad.metadata, key: '' } }, newEvent(deposited('2.00'))],
    { expecting: -1n },
  );
  const seen: string[] = [];
  const read = async (): Promise<void> => {
    for await (const batch of readEvents(connection)) seen.push(...batch.map(({ event }) => event.type));
  };
  await expect(read()).rejects.toThrow(UnreadableEvent);
  expect(seen).toEqual(['account-opened']);
  await connection.annulments.append({ stream: account, revision: 1n, position: 0n, eventId: bad.eventId, reason: 'no key' });
  seen.length = 0;
  await read();
  expect(seen).toEqual(['account-opened', 'annulled', 'deposited']);
  await connection.close();
});
