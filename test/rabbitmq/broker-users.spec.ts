// Broker users of producers and of those who only listen, made with the very lines of docs/messaging.md: what they can do, and what not.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LedgerEvent } from '@ledgerfold/client';
import { consumeLedgerEvents, createLedgerProducer } from '@ledgerfold/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accountStream } from '../../src/domain/events.ts';
import { AccountIdSchema, principalUuidOf } from '../../src/domain/ids.ts';
import { makeClients } from '../../src/identity/clients.ts';
import type { ConfirmChannel } from '../../src/rabbitmq/connection.ts';
import { closed, connectBroker } from '../../src/rabbitmq/connection.ts';
import { makePublisher } from '../../src/rabbitmq/publisher.ts';
import { DEAD_QUEUE, EXCHANGES } from '../../src/rabbitmq/topology.ts';
import { startCommandStack } from '../commands/command-stack.ts';
import { startManagedRabbitMq } from '../stack/rabbitmq.ts';
import { ISSUER, startBrokerStack } from './broker-stack.ts';

const run = promisify(execFile);
const PASSWORDS = { SHOP_PASSWORD: 'of the shop', STATS_PASSWORD: 'of the statistics' };
const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/messaging.md'), 'utf8');
/** The shell's lines that speak to the broker. */
const LINES = [...DOCUMENT.matchAll(/^```sh\n([^`]*)^```$/gm)].flatMap(([, block = '']) =>
  block.split('\n').filter((line) => line.includes('rabbitmqctl ')),
);

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const commands = opened.adopt(await startCommandStack(), ({ close }) => close());
const node = opened.use(await startManagedRabbitMq());
const clients = makeClients(commands.database.db);
const stack = opened.use(await startBrokerStack(node, { clients, anonymousProducers: false }));
stack.consume(commands.commands.handle);

beforeAll(async () => {
  expect(LINES).toHaveLength(4);
  await run('sh', ['-ec', LINES.join('\n')], { env: { ...node.shellEnvironment, ...PASSWORDS } });
  await clients.create('shop', 'producer');
});

const urlOf = (user: string, password: string): string => {
  const url = new URL(node.amqpUrl);
  url.username = user;
  url.password = password;
  return url.href;
};
const SHOP = urlOf('shop', PASSWORDS.SHOP_PASSWORD);
const STATS = urlOf('stats', PASSWORDS.STATS_PASSWORD);

const OPENING = { actor: 'a', transport: 'rest', correlationId: 'c', dryRun: false, key: 'open' } as const;
async function openAccount() {
  const accountId = AccountIdSchema.parse(randomUUID());
  expect(await stack.bus.send({ ...OPENING, command: { type: 'open-account', accountId } })).toMatchObject({ status: 'applied' });
  return accountId;
}

/** What the broker answers to that on a channel of its own: the code with which it closes the channel, or `done`. */
async function answerTo(url: string, ask: (channel: ConfirmChannel) => unknown): Promise<unknown> {
  const connection = connectBroker(url);
  try {
    const channel = await connection.openConfirmChannel();
    let code: unknown = 'closed';
    channel.once('error', (error: { readonly code?: number }) => {
      code = error.code;
    });
    const lost = closed(channel).then(() => code);
    const asked = async (): Promise<unknown> => {
      await ask(channel);
      await channel.waitForConfirms();
      return 'done';
    };
    return await Promise.race([lost, asked().catch(() => lost)]);
  } finally {
    await connection.close();
  }
}

const REFUSED = 403;
const BODY = Buffer.from('{}');
const publishTo =
  (exchange: string, routingKey = 'x', userId?: string) =>
  (channel: ConfirmChannel): unknown =>
    channel.publish(exchange, routingKey, BODY, userId === undefined ? {} : { userId });
const readFrom = (queue: string) => (channel: ConfirmChannel) => channel.consume(queue, () => undefined);
const OTHERS_QUEUES = ['ledger.commands.00', DEAD_QUEUE, 'ledger.commands.consumers'];

test('a producer sends commands, is answered, and is the actor', async () => {
  const accountId = await openAccount();
  const producer = createLedgerProducer({ amqpUrl: SHOP });
  const paid = await producer.send({ type: 'deposit', accountId, asset: 'USD', amount: '1.00' });
  await producer.close();
  expect(paid.balances).toMatchObject([{ available: '1.00' }]);
  const [event] = await Array.fromAsync(commands.store.streams.read(accountStream(accountId), 1n));
  expect(event?.metadata.actor).toBe(principalUuidOf(ISSUER, 'shop'));
});

test('a producer can do nothing else at the broker', async () => {
  expect(await answerTo(SHOP, publishTo(EXCHANGES.commands))).toBe('done');
  for (const exchange of [EXCHANGES.events, EXCHANGES.dead, EXCHANGES.shard, ''])
    expect([exchange, await answerTo(SHOP, publishTo(exchange))]).toEqual([exchange, REFUSED]);
  for (const queue of OTHERS_QUEUES) {
    expect([queue, await answerTo(SHOP, readFrom(queue))]).toEqual([queue, REFUSED]);
    expect([queue, await answerTo(SHOP, (channel) => channel.get(queue))]).toEqual([queue, REFUSED]);
    expect([queue, await answerTo(SHOP, (channel) => channel.purgeQueue(queue))]).toEqual([queue, REFUSED]);
    expect([queue, await answerTo(SHOP, (channel) => channel.deleteQueue(queue))]).toEqual([queue, REFUSED]);
  }
  expect(await answerTo(SHOP, (channel) => channel.assertQueue('shop.answers'))).toBe(REFUSED);
  expect(await answerTo(SHOP, (channel) => channel.deleteExchange(EXCHANGES.commands))).toBe(REFUSED);
  expect(await answerTo(SHOP, (channel) => channel.unbindExchange(EXCHANGES.shard, EXCHANGES.commands, '#'))).toBe(REFUSED);
});

test('nobody publishes in another’s name', async () => {
  for (const userId of ['ledger', 'guest']) expect(await answerTo(SHOP, publishTo(EXCHANGES.commands, 'x', userId))).toBe(406);
});

test('who only listens hears of everything, and can send nothing', async () => {
  const events: LedgerEvent[] = [];
  const consumer = consumeLedgerEvents({ amqpUrl: STATS, queue: 'stats.events', onEvent: (event) => void events.push(event) });
  const binding = `queues/{vhost}/stats.events/bindings`;
  await expect
    .poll(() => node.administer('GET', binding).catch(() => []))
    .toContainEqual(expect.objectContaining({ source: EXCHANGES.events }));
  // As the ledger's event publisher does.
  const publisher = makePublisher(stack.connection);
  await expect.poll(() => publisher.isReady()).toBe(true);
  const told = { specversion: '1.0', id: randomUUID(), source: '/ledgerfold', type: 'ledger.account.deposited.v1' };
  const published = await publisher.publish({
    exchange: EXCHANGES.events,
    routingKey: 'account.deposited',
    content: Buffer.from(JSON.stringify(told)),
    options: { persistent: true, contentType: 'application/cloudevents+json', messageId: told.id },
  });
  await publisher.close();
  expect(published).toBe('confirmed');
  await expect.poll(() => events).toEqual([told]);
  await consumer.close();

  for (const exchange of [EXCHANGES.commands, EXCHANGES.events, EXCHANGES.dead, ''])
    expect([exchange, await answerTo(STATS, publishTo(exchange))]).toEqual([exchange, REFUSED]);
  for (const queue of OTHERS_QUEUES) expect([queue, await answerTo(STATS, readFrom(queue))]).toEqual([queue, REFUSED]);
});
