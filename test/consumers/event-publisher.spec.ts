import { PassThrough } from 'node:stream';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { connect } from 'amqplib';
import { HTTP } from 'cloudevents';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventPublisher, EventPublisherOptions } from '../../src/consumers/event-publisher.ts';
import { makeEventPublisher } from '../../src/consumers/event-publisher.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { accountStream, assetStream } from '../../src/domain/events.ts';
import { sampleOf } from '../../src/domain-reference.ts';
import { connectEventStore, type EventStore } from '../../src/eventstore/client.ts';
import { type LeasesTable, makeLease } from '../../src/postgres/leases.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Database, openDatabase } from '../../src/postgres/pool.ts';
import { CheckpointMismatch } from '../../src/projections/errors.ts';
import { type BrokerConnection, connectBroker } from '../../src/rabbitmq/connection.ts';
import { BTC, deposited, newAccountId, newEvent, opened, until } from '../eventstore/new-events.ts';
import { startEventStore } from '../stack/eventstore.ts';
import { freshVhost, startRabbitMq, type TestBroker } from '../stack/rabbitmq.ts';
import { startStores, type TestStores } from '../stack/stores.ts';

let opening: AsyncDisposableStack;
let stores: TestStores;
let store: EventStore;
let database: Database;
let broker: TestBroker;
let connection: BrokerConnection;
beforeEach(async () => {
  opening = new AsyncDisposableStack();
  stores = opening.use(await startStores());
  database = opening.adopt(openDatabase(stores.database.url, { maxConnections: 4 }), ({ close }) => close());
  await migrate(database.db, 'identity');
  store = opening.adopt(connectEventStore(stores.eventStore.url), ({ close }) => close());
  broker = opening.use(await freshVhost());
  connection = opening.adopt(connectBroker(broker.amqpUrl), ({ close }) => close());
});
afterEach(() => opening.disposeAsync());

function started(options: Partial<EventPublisherOptions> = {}): EventPublisher {
  const publisher = makeEventPublisher({
    db: database.db,
    store,
    connection,
    owner: 'test',
    leaseMs: 2_000,
    logger: pino({ level: process.env['LEDGER_TEST_LOG'] ?? 'silent' }),
    ...options,
  });
  opening.defer(() => publisher.stop());
  publisher.start();
  return publisher;
}

/** Appends the events to a stream of their own. @returns their ids, in the order of the log */
async function append(...events: readonly StoredEvent[]): Promise<string[]> {
  return appendTo(accountStream(newAccountId()), events);
}
async function appendTo(stream: string, events: readonly StoredEvent[]): Promise<string[]> {
  const made = events.map((event) => newEvent(event));
  expect((await store.streams.append(stream, made, { expecting: -1n })).kind).toBe('appended');
  return made.map(({ eventId }) => eventId);
}
const deposits = (count: number): StoredEvent[] => Array.from({ length: count }, (_, n) => deposited(`${n + 1}.00`));
const head = async (): Promise<bigint> => (await store.streams.head())?.position ?? -1n;
const leases = () => database.db.withTables<{ leases: LeasesTable }>();
const saved = () => leases().selectFrom('leases').select(['position', 'event_id']).executeTakeFirst();

/** Fills a queue that refuses messages when it is full, until it does. */
async function fill(queue: string): Promise<void> {
  const client = await connect(broker.guestUrl);
  const channel = await client.createConfirmChannel();
  const isTaken = (): Promise<boolean> =>
    new Promise((resolve) => channel.publish('', queue, Buffer.from('filler'), {}, (error: unknown) => resolve(error === null)));
  for (let isFull = false; !isFull; ) isFull = !(await isTaken());
  await client.close();
}

interface Subscriber {
  readonly received: ConsumeMessage[];
  ids(): string[];
  /** From here on, messages are taken. */
  consume(): Promise<void>;
}

/** A service that listens to integration events, with a durable queue of its own. */
async function subscriber(url: string, { maxLength, key = 'account.#' }: { maxLength?: number; key?: string } = {}): Promise<Subscriber> {
  const client: ChannelModel = await connect(url);
  client.on('error', () => undefined);
  opening.defer(() => client.close().catch(() => undefined));
  const channel = await client.createChannel();
  await channel.assertExchange('ledger.events', 'topic', { durable: true });
  const limit = maxLength === undefined ? {} : { 'x-max-length': maxLength, 'x-overflow': 'reject-publish' };
  await channel.assertQueue('listener', { durable: true, arguments: { 'x-queue-type': 'quorum', ...limit } });
  await channel.bindQueue('listener', 'ledger.events', key);
  const received: ConsumeMessage[] = [];
  return {
    received,
    ids: () => received.map(({ properties }) => String(properties.messageId)),
    consume: async () => {
      await channel.consume('listener', (message) => {
        if (message === null) return;
        received.push(message);
        channel.ack(message);
      });
    },
  };
}

describe('the event publisher', () => {
  it('tells what happened, in the order of the log, in messages that others can read', async () => {
    const listener = await subscriber(broker.guestUrl);
    await listener.consume();
    const before = await append(opened(), ...deposits(700));
    const publisher = started();
    await until(() => listener.received.length === before.length);
    await appendTo(assetStream(BTC), [sampleOf('asset-registered')]);
    const after = await append(opened(), sampleOf('fill-repeated'), sampleOf('order-filled'));
    await until(async () => publisher.status().position >= (await head()));
    await until(() => listener.received.length === before.length + 2);
    expect(listener.ids()).toEqual([...before, after[0], after[2]]);

    const last = listener.received.at(-1);
    expect(last?.fields).toMatchObject({ exchange: 'ledger.events', routingKey: 'account.order-filled' });
    expect(last?.properties).toMatchObject({ contentType: 'application/cloudevents+json', deliveryMode: 2, messageId: after[2] });
    const read = HTTP.toEvent({ headers: { 'content-type': String(last?.properties.contentType) }, body: String(last?.content) });
    expect(read).toMatchObject({ id: after[2], specversion: '1.0', type: 'ledger.account.order-filled.v1', data: { revision: '2' } });
  });

  it('goes on where it stopped, and does not repeat itself', async () => {
    const listener = await subscriber(broker.guestUrl);
    await listener.consume();
    const first = await append(opened(), ...deposits(20));
    const publisher = started();
    await until(() => listener.received.length === first.length);
    await publisher.stop();
    expect((await saved())?.event_id).toBe(first.at(-1));
    const second = await append(opened());
    const next = started();
    await until(async () => next.status().position >= (await head()));
    await until(() => listener.received.length > first.length);
    expect(listener.ids()).toEqual([...first, ...second]);
  });

  it('moves its checkpoint over what is confirmed, and never past a message that the broker did not take', async () => {
    const listener = await subscriber(broker.guestUrl, { maxLength: 15 });
    const taken = await append(...deposits(10));
    const attempts = new PassThrough({ encoding: 'utf8' });
    const publisher = started({ logger: pino({ level: 'debug' }, attempts) });
    await until(async () => (await saved())?.event_id === taken.at(-1));
    await fill('listener');
    const refused = await append(...deposits(40));
    let log = '';
    attempts.on('data', (text: string) => {
      log += text;
    });
    await until(() => log.split('published again').length > 3);
    await publisher.stop();
    expect((await saved())?.event_id).toBe(taken.at(-1));
    await listener.consume();
    started();
    await until(() => refused.every((id) => listener.ids().includes(id)));
    await until(async () => (await saved())?.event_id === refused.at(-1));
  });

  it('waits for a broker that is away, and loses nothing when it is killed', async () => {
    await using node = await startRabbitMq();
    await subscriber(node.amqpUrl);
    const own = opening.adopt(connectBroker(node.amqpUrl), ({ close }) => close());
    // Whoever kills a broker in the moments after a queue was declared may find it without that queue.
    await node.stop();
    await node.restart();
    const publisher = started({ connection: own });
    const ids = await append(...deposits(300));
    await until(() => publisher.status().position >= 0n);
    await node.kill();
    ids.push(...(await append(...deposits(300))));
    expect(publisher.status().position).toBeLessThan(await head());
    await node.restart();
    await until(async () => publisher.status().position >= (await head()));
    await publisher.stop();
    const again = await subscriber(node.amqpUrl);
    await again.consume();
    await until(() => new Set(again.ids()).size === 600);
    // Some come twice; each comes first where it belongs.
    expect([...new Set(again.ids())]).toEqual(ids);
  });

  it('takes over when the other one stops, and stands by when its own lease is lost', async () => {
    const first = started();
    await until(() => first.status().state === 'running');
    const second = started();
    await until(() => second.status().state === 'standby');
    await first.stop();
    expect(first.status().state).toBe('stopped');
    await until(() => second.status().state === 'running');
    await leases().updateTable('leases').set({ owner: null, lease_until: null }).execute();
    await makeLease(database.db, { name: 'event-publisher', owner: 'rival', leaseMs: 200_000 }).take();
    await until(() => second.status().state === 'standby');
  });

  it('refuses to go on over a log that has another event at its checkpoint, or none, and says so', async () => {
    await append(opened());
    const publisher = started();
    await until(async () => publisher.status().position >= (await head()));
    await publisher.stop();
    await using restored = await startEventStore();
    const other = opening.adopt(connectEventStore(restored.url), ({ close }) => close());
    const refused = started({ store: other });
    await until(() => refused.status().state === 'refused');
    expect(refused.status().refusal).toBeInstanceOf(CheckpointMismatch);
    expect(refused.status().refusal?.message).toContain("DELETE FROM leases WHERE name = 'event-publisher'");
  });

  it('waits at an event that cannot be read, until that is annulled', async () => {
    const listener = await subscriber(broker.guestUrl);
    await listener.consume();
    const accountId = newAccountId();
    const stream = accountStream(accountId);
    const [first] = await append(opened());
    const past = opening.adopt(EventStoreDBClient.connectionString(stores.eventStore.url), (client) => client.dispose());
    const { position } = await past.appendToStream(stream, [jsonEvent({ type: 'written-past-the-ledger', data: {} })]);
    const [after] = await append(opened());
    const publisher = started();
    await until(() => publisher.status().waitingAt !== undefined);
    expect(publisher.status().waitingAt).toMatchObject({ stream, revision: 0n, position: position?.commit });
    expect(listener.ids()).toEqual([first]);
    const place = publisher.status().waitingAt;
    if (place === undefined) throw new Error('it does not wait');
    await store.annulments.append({ ...place, reason: 'written past the ledger' });
    await until(() => listener.received.length === 2);
    expect(listener.ids()).toEqual([first, after]);
    expect(publisher.status()).not.toHaveProperty('waitingAt');
  });
});
