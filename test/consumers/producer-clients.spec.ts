// Producers are clients: who is none, who is no longer one, and what happens while nobody can tell.
import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { makeDeadLetters } from '../../src/consumers/dead-letters.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { AccountIdSchema, AssetCodeSchema, openedAccountIdOf, principalUuidOf } from '../../src/domain/ids.ts';
import type { Clients } from '../../src/identity/clients.ts';
import { makeClients } from '../../src/identity/clients.ts';
import type { BrokerConnection } from '../../src/rabbitmq/connection.ts';
import { connectBroker } from '../../src/rabbitmq/connection.ts';
import type { PublishOutcome } from '../../src/rabbitmq/publisher.ts';
import { makePublisher } from '../../src/rabbitmq/publisher.ts';
import { EXCHANGES } from '../../src/rabbitmq/topology.ts';
import { startCommandStack } from '../commands/command-stack.ts';
import { ISSUER, startBrokerStack } from '../rabbitmq/broker-stack.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { waitUntil } from '../stack/waiting.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const commands = opened.adopt(await startCommandStack(), ({ close }) => close());
const broker = opened.use(await freshVhost());
const clients = makeClients(commands.database.db);
/** Set while nobody can look clients up, as when Postgres is away. */
let isAway = false;
const lookUps: string[] = [];
const find: Clients['find'] = async (clientId) => {
  lookUps.push(clientId);
  if (isAway) throw new Error('Postgres is away');
  return clients.find(clientId);
};
const stack = opened.use(await startBrokerStack(broker, { clients: { find } }));
stack.consume(commands.commands.handle);
const deadLetters = makeDeadLetters(stack.connection);

/** Broker users of this file alone: all virtual hosts share them. */
const connectAs = async (name: string): Promise<BrokerConnection> =>
  opened.adopt(connectBroker(await broker.addUser(name)), ({ close }) => close());

/** Publishes as a producer's program would. */
function publisherOf(connection: BrokerConnection) {
  const publisher = opened.adopt(makePublisher(connection), ({ close }) => close());
  return async (type: string, accountId: string, key: string, body: object): Promise<PublishOutcome> => {
    await waitUntil(() => publisher.isReady());
    return publisher.publish({
      exchange: EXCHANGES.commands,
      routingKey: accountId,
      content: Buffer.from(JSON.stringify({ accountId, ...body })),
      options: { persistent: true, mandatory: true, messageId: key, type, userId: connection.user },
    });
  };
}
const USD = { asset: 'USD', amount: '1.00' };
const FIVE = { asset: AssetCodeSchema.parse('USD'), amount: '5.00' };

/** What an operator sends through the API. */
const fromApi = { actor: randomUUID(), transport: 'rest', correlationId: 'c', dryRun: false } as const;
async function openAccount(): Promise<AccountId> {
  const accountId = AccountIdSchema.parse(randomUUID());
  expect(await stack.bus.send({ ...fromApi, command: { type: 'open-account', accountId }, key: 'open' })).toMatchObject({
    status: 'applied',
  });
  return accountId;
}

const isOpened = async (accountId: AccountId): Promise<boolean> =>
  (await Array.fromAsync(commands.store.streams.read(accountStream(accountId), 0n))).length > 0;

/** Key and actor of an account's events, its opening left out. */
async function writtenAt(accountId: AccountId): Promise<readonly (readonly [string, string])[]> {
  const events = await Array.fromAsync(commands.store.streams.read(accountStream(accountId), 1n));
  return events.map(({ metadata: { key, actor } }) => [key, actor] as const);
}

test('a message of a broker user that is no client is dead, says what helps, and is sent again once it is one', async () => {
  const accountId = await openAccount();
  const publish = publisherOf(await connectAs('newcomer'));
  await publish('deposit', accountId, 'early', USD);
  await expect.poll(() => deadLetters.list(10)).toHaveLength(1);
  expect(await deadLetters.list(10)).toMatchObject([{ reason: 'forbidden', user: 'newcomer', key: 'early' }]);
  expect((await deadLetters.list(1))[0]?.detail).toContain('ledger clients create newcomer --role producer');
  expect(await writtenAt(accountId)).toEqual([]);

  await clients.create('newcomer', 'producer');
  await deadLetters.redrive('all');
  await expect.poll(() => writtenAt(accountId)).toEqual([['early', principalUuidOf(ISSUER, 'newcomer')]]);
  expect(await deadLetters.count()).toBe(0);
});

test('a client that was revoked is refused, within seconds', async () => {
  const accountId = await openAccount();
  await clients.create('leaver', 'producer');
  const publish = publisherOf(await connectAs('leaver'));
  await publish('deposit', accountId, 'first', USD);
  await expect.poll(() => writtenAt(accountId)).toHaveLength(1);
  await clients.revoke('leaver');
  let sent = 0;
  const isDead = async (): Promise<boolean> => {
    sent += 1;
    await publish('deposit', accountId, `late-${sent}`, USD);
    return (await deadLetters.count()) > 0;
  };
  await expect.poll(isDead, { interval: 300 }).toBe(true);
  expect(await deadLetters.list(1)).toMatchObject([{ reason: 'forbidden', user: 'leaver' }]);
  await expect.poll(async () => (await writtenAt(accountId)).length + (await deadLetters.count())).toBe(1 + sent);
  await deadLetters.drop('all');
});

test('a role of one’s own: a user opens the account that REST would, and reaches no other', async () => {
  const others = await openAccount();
  await clients.create('till', 'user');
  const till = principalUuidOf(ISSUER, 'till');
  const own = openedAccountIdOf(till, 'mine');
  const connection = await connectAs('till');
  const publish = publisherOf(connection);
  await publish('open-account', own, 'mine', {});
  await expect.poll(() => isOpened(own)).toBe(true);
  const bookedFor = await stack.bus.send({ ...fromApi, command: { type: 'deposit', accountId: own, ...FIVE }, key: 'd' });
  expect(bookedFor).toMatchObject({ status: 'applied' });
  await publish('withdraw', own, 'w', USD);
  await expect.poll(() => writtenAt(own)).toContainEqual(['w', till]);

  const channel = await connection.openChannel();
  const answers: unknown[] = [];
  const replyTo = 'amq.rabbitmq.reply-to';
  await channel.consume(replyTo, (message) => message && answers.push(JSON.parse(message.content.toString())), { noAck: true });
  const nowhere = randomUUID();
  for (const accountId of [others, nowhere]) {
    const content = Buffer.from(JSON.stringify({ accountId, ...USD }));
    channel.publish(EXCHANGES.commands, accountId, content, { messageId: 'w', type: 'withdraw', userId: 'till', replyTo });
  }
  await expect.poll(() => answers.length).toBe(2);
  for (const accountId of [others, nowhere])
    expect(answers).toContainEqual(
      expect.objectContaining({ accountId, status: 'rejected', problem: expect.objectContaining({ code: 'account_not_found' }) }),
    );
  await channel.close();
  expect(await writtenAt(others)).toEqual([]);
  expect(await deadLetters.count()).toBe(0);
});

test('while nobody can tell who is a client, messages wait in their order, and other senders go on', async () => {
  const [accountId, free] = [await openAccount(), await openAccount()];
  await clients.create('patient', 'producer');
  const publish = publisherOf(await connectAs('patient'));
  isAway = true;
  const keys = Array.from({ length: 60 }, (_, n) => `n-${n}`);
  for (const key of keys) expect(await publish('deposit', accountId, key, USD)).toBe('confirmed');
  await expect.poll(() => lookUps.filter((id) => id === 'patient').length).toBeGreaterThan(1);
  // Of the same account and from the API: it stands behind them.
  const last = stack.bus.send({ ...fromApi, command: { type: 'freeze-account', accountId, reason: 'over' }, key: 'last' });
  const elsewhere = { type: 'freeze-account', accountId: free, reason: 'over' } as const;
  expect(await stack.bus.send({ ...fromApi, command: elsewhere, key: 'free' })).toMatchObject({ status: 'applied' });
  expect(await writtenAt(accountId)).toEqual([]);
  isAway = false;
  expect(await last).toMatchObject({ status: 'applied' });
  const patient = principalUuidOf(ISSUER, 'patient');
  expect(await writtenAt(accountId)).toEqual([...keys.map((key) => [key, patient]), ['last', fromApi.actor]]);
  expect(await deadLetters.count()).toBe(0);
});

test('what comes from a client that is looked up anew is overtaken by nothing, and few look-ups do for many messages', async () => {
  const accountId = await openAccount();
  const publish = await Promise.all(
    ['one', 'two', 'three'].map(async (name) => {
      await clients.create(name, 'producer');
      return publisherOf(await connectAs(name));
    }),
  );
  const before = lookUps.length;
  const keys = Array.from({ length: 150 }, (_, n) => `n-${n}`);
  // Each is confirmed before the next is published, so that there is an order among them.
  for (const [n, key] of keys.entries()) await publish[n % publish.length]?.('deposit', accountId, key, USD);
  await expect.poll(async () => (await writtenAt(accountId)).map(([key]) => key)).toEqual(keys);
  expect(lookUps.length - before).toBeLessThan(keys.length / 5);
});
