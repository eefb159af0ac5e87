import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { surplusOf } from '../../src/consumers/command-consumer.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { AccountIdSchema } from '../../src/domain/ids.ts';
import { makeClients } from '../../src/identity/clients.ts';
import type { BrokerConnection, ConsumeMessage } from '../../src/rabbitmq/connection.ts';
import { closed, connectBroker } from '../../src/rabbitmq/connection.ts';
import type { PublishOutcome } from '../../src/rabbitmq/publisher.ts';
import { makePublisher } from '../../src/rabbitmq/publisher.ts';
import { DEAD_QUEUE, EXCHANGES } from '../../src/rabbitmq/topology.ts';
import type { CommandStack } from '../commands/command-stack.ts';
import { startCommandStack } from '../commands/command-stack.ts';
import type { BrokerStack } from '../rabbitmq/broker-stack.ts';
import { QUEUES, startBrokerStack } from '../rabbitmq/broker-stack.ts';
import type { TestBroker } from '../stack/rabbitmq.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { waitUntil } from '../stack/waiting.ts';

/** Publishes as a producer's program would. */
function producerAt(connection: BrokerConnection) {
  const publisher = makePublisher(connection);
  const publish = async (
    accountId: AccountId,
    type: string,
    key: string,
    body: Record<string, unknown>,
    headers: Record<string, string> = {},
  ): Promise<PublishOutcome> => {
    await waitUntil(() => publisher.isReady());
    return publisher.publish({
      exchange: EXCHANGES.commands,
      routingKey: accountId,
      content: Buffer.from(JSON.stringify({ accountId, ...body })),
      options: {
        persistent: true,
        mandatory: true,
        contentType: 'application/json',
        messageId: key,
        type,
        userId: connection.user,
        headers,
      },
    });
  };
  const deposit = (accountId: AccountId, key: string, amount = '1.00', headers: Record<string, string> = {}) =>
    publish(accountId, 'deposit', key, { asset: 'USD', amount }, headers);
  return { publish, deposit, close: publisher.close };
}

/** The keys of an account's events, in order. */
async function writtenKeys({ store }: CommandStack, accountId: AccountId): Promise<string[]> {
  const keys: string[] = [];
  for await (const { metadata } of store.streams.read(accountStream(accountId), 0n)) keys.push(metadata.key);
  return keys;
}

describe('the command consumer', () => {
  let commands: CommandStack;
  let broker: TestBroker;
  let stack: BrokerStack;
  let connection: BrokerConnection;
  let producer: ReturnType<typeof producerAt>;
  beforeAll(async () => {
    commands = await startCommandStack({
      limits: { mailboxCommands: 5000, queueCommands: 20_000, cachedAccounts: 1000, doubtBudgetMs: 1000, conflictBudgetMs: 30_000 },
    });
    broker = await freshVhost();
    const clients = makeClients(commands.database.db);
    for (const name of ['shop', 'hostile']) await clients.create(name, 'producer');
    stack = await startBrokerStack(broker, { clients });
    connection = connectBroker(await broker.addUser('shop'));
    producer = producerAt(connection);
  });
  afterAll(async () => {
    await producer.close();
    await connection.close();
    await stack.close();
    await broker.close();
    await commands.close();
  });

  const open = async (): Promise<AccountId> => {
    const accountId = AccountIdSchema.parse(randomUUID());
    const command = { type: 'open-account' as const, accountId };
    const answer = await commands.commands.handle({
      command,
      key: 'open',
      actor: 'a',
      transport: 'internal',
      correlationId: 'c',
      dryRun: false,
    });
    expect(answer).toMatchObject({ status: 'applied' });
    return accountId;
  };
  const keysOf = async (accountId: AccountId): Promise<string[]> => (await writtenKeys(commands, accountId)).slice(1);

  it('a message delivered twice has one effect, and is answered alike', async () => {
    const consumer = stack.consume(commands.commands.handle);
    const account = await open();
    const channel = await connection.openChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true });
    const answers: ConsumeMessage[] = [];
    await channel.consume(queue, (message) => message && answers.push(message), { noAck: true });
    const publisher = makePublisher(connection);
    await waitUntil(() => publisher.isReady());
    const publish = (correlationId: string): Promise<PublishOutcome> =>
      publisher.publish({
        exchange: EXCHANGES.commands,
        routingKey: account,
        content: Buffer.from(JSON.stringify({ accountId: account, asset: 'USD', amount: '10.00' })),
        options: { persistent: true, messageId: 'k', type: 'deposit', replyTo: queue, correlationId },
      });
    expect(await Promise.all([publish('one'), publish('two')])).toEqual(['confirmed', 'confirmed']);
    await expect.poll(() => answers.length).toBe(2);
    const bodies = answers.map(({ content }) => JSON.parse(content.toString()));
    expect(bodies[0]).toMatchObject({ status: 'applied', accountId: account, balances: [{ asset: 'USD', available: '10.00' }] });
    expect(bodies[1]).toEqual({ ...bodies[0], position: expect.any(String) });
    expect(answers.map(({ properties }) => [properties.type, properties.correlationId, properties.headers?.['idempotency-hit']])).toEqual([
      ['command-result', 'one', undefined],
      ['command-result', 'two', 'true'],
    ]);
    expect(await keysOf(account)).toEqual(['k']);
    await publisher.close();
    await channel.close();
    await consumer.stop();
  });

  it('a producer that claims to be somebody else is put among the dead letters, and nothing changes', async () => {
    const consumer = stack.consume(commands.commands.handle);
    const account = await open();
    const before = await stack.deadLetters();
    expect(await producer.deposit(account, 'forged', '5.00', { 'x-actor': 'operator' })).toBe('confirmed');
    expect(await producer.publish(account, 'freeze-account', 'frozen', { reason: 'because' })).toBe('confirmed');
    expect(await producer.deposit(account, 'scale', '1.001')).toBe('confirmed');
    await expect.poll(() => stack.deadLetters()).toBe(before + 3);
    expect(await keysOf(account)).toEqual([]);

    const channel = await stack.connection.openChannel();
    const dead = [];
    for (let letter = await channel.get(DEAD_QUEUE, { noAck: true }); letter; letter = await channel.get(DEAD_QUEUE, { noAck: true })) {
      const { headers, messageId, userId } = letter.properties;
      dead.push({ messageId, userId, reason: headers?.['x-reason'], sender: headers?.['x-user-id'], detail: typeof headers?.['x-detail'] });
    }
    await channel.close();
    const letter = { userId: 'ledger', sender: 'shop', detail: 'string' };
    expect(dead).toEqual([
      { ...letter, messageId: 'forged', reason: 'forbidden' },
      { ...letter, messageId: 'frozen', reason: 'forbidden' },
      { ...letter, messageId: 'scale', reason: 'invalid_amount' },
    ]);
    await consumer.stop();
  });

  it('nothing in a message’s headers keeps it from the dead letters, or keeps others waiting', async () => {
    const consumer = stack.consume(commands.commands.handle);
    const account = await open();
    const before = await stack.deadLetters();
    const hostile = connectBroker(await broker.addUser('hostile'));
    const sent = async (headers: Record<string, unknown>): Promise<string> => {
      const channel = await hostile.openConfirmChannel();
      const lost = closed(channel).then(() => 'refused by the broker');
      const content = Buffer.from(JSON.stringify({ accountId: account, asset: 'USD', amount: '1.00' }));
      channel.publish(EXCHANGES.commands, account, content, { messageId: 'odd', type: 'no-command', headers });
      return Promise.race([
        lost,
        channel.waitForConfirms().then(
          () => 'taken',
          () => lost,
        ),
      ]);
    };
    // A table that the client reads, and cannot write.
    expect(await sent({ odd: { '!': 'object', value: { '!': 'nonsense' } } })).toBe('taken');
    // One that it could not even read.
    let deep: unknown = 1;
    for (let level = 0; level < 2000; level += 1) deep = [deep];
    expect(await sent({ deep })).toBe('refused by the broker');
    await hostile.close();
    expect(await producer.deposit(account, 'after')).toBe('confirmed');
    await expect.poll(() => keysOf(account)).toEqual(['after']);
    await expect.poll(() => stack.deadLetters()).toBe(before + 1);
    await discardDeadLetters();
    await consumer.stop();
  });

  /** Publishes deposits to the account one after another, each once the one before is confirmed, until told to end. @returns their keys */
  async function publishUntil(isOver: () => boolean, account: AccountId): Promise<string[]> {
    const keys: string[] = [];
    while (!isOver()) {
      const key = `n-${keys.length}`;
      expect(await producer.deposit(account, key)).toBe('confirmed');
      keys.push(key);
      await sleep(5);
    }
    return keys;
  }

  it('where a producer wants its answer costs nobody else a connection', async () => {
    const publishing = connectBroker(broker.amqpUrl);
    let connections = 0;
    publishing.onConnected(() => {
      connections += 1;
    });
    const consumer = stack.consume(commands.commands.handle, { publishing });
    const account = await open();
    const channel = await connection.openConfirmChannel();
    const content = Buffer.from(JSON.stringify({ accountId: account, asset: 'USD', amount: '1.00' }));
    // As long as such an address is, and none: RabbitMQ 3.10 ends the connection of whoever answers to it.
    const replyTo = 'amq.rabbitmq.reply-to.g1h2AA5yZXBseUAxMjM0NTY3OAAAAAA=.abcdef==';
    for (const messageId of ['a', 'b', 'c']) channel.publish(EXCHANGES.commands, account, content, { messageId, type: 'deposit', replyTo });
    await channel.waitForConfirms();
    await channel.close();
    const before = await stack.deadLetters();
    expect(await producer.deposit(account, 'scale', '1.001')).toBe('confirmed');
    await expect.poll(() => stack.deadLetters()).toBe(before + 1);
    expect(await keysOf(account)).toEqual(['a', 'b', 'c']);
    expect(publishing.isConnected()).toBe(true);
    expect(connections).toBe(1);
    await consumer.stop();
    await publishing.close();
    await discardDeadLetters();
  });

  it('two processes, one of them going and coming: every command once, in the order published', async () => {
    const accounts = await Promise.all(Array.from({ length: 10 }, open));
    const [staying, passing] = [commands.another(), commands.another()];
    const settings = { prefetch: 20, shareEveryMs: 200 };
    const consumer = stack.consume(staying.handle, settings);
    let isOver = false;
    const publishing = Promise.all(accounts.map((account) => publishUntil(() => isOver, account)));
    for (let round = 0; round < 5; round += 1) {
      const other = stack.consume(passing.handle, settings);
      await expect.poll(() => other.active().length).toBeGreaterThan(0);
      await sleep(200);
      await other.stop();
    }
    isOver = true;
    const published = await publishing;
    for (const [n, account] of accounts.entries()) await expect.poll(() => keysOf(account)).toEqual(published[n]);
    expect(await stack.deadLetters()).toBe(0);
    await consumer.stop();
  });

  it('what waits for one account becomes few appends', async () => {
    const account = await open();
    const keys = Array.from({ length: 200 }, (_, n) => `n-${n}`);
    expect(new Set(await Promise.all(keys.map((key) => producer.deposit(account, key))))).toEqual(new Set(['confirmed']));
    const before = commands.seen.appends.length;
    const consumer = stack.consume(commands.commands.handle);
    await expect.poll(() => keysOf(account)).toEqual(keys);
    expect(commands.seen.appends.length - before).toBeLessThan(20);
    await consumer.stop();
  });

  it('processes that are cut off leave what they have in hand to the next, and nothing is decided twice', async () => {
    const accounts = await Promise.all(Array.from({ length: 4 }, open));
    for (const { handle } of [commands.another(), commands.another()]) stack.consume(handle, { prefetch: 8 });
    let isOver = false;
    const publishing = Promise.all(accounts.map((account) => publishUntil(() => isOver, account)));
    for (let cuts = 0; cuts < 6; ) {
      await sleep(100);
      cuts += await cutConsumers();
    }
    isOver = true;
    const published = await publishing;
    for (const [n, account] of accounts.entries()) await expect.poll(() => keysOf(account)).toEqual(published[n]);
  });

  async function discardDeadLetters(): Promise<void> {
    const channel = await stack.connection.openChannel();
    await channel.purgeQueue(DEAD_QUEUE);
    await channel.close();
  }

  /** Closes, over the management API, every connection that consumes, as a broken network would. @returns how many */
  async function cutConsumers(): Promise<number> {
    const connections = Connections.parse(await broker.administer('GET', 'connections'));
    const consuming = connections.filter(({ vhost, user_provided_name }) => vhost === broker.vhost && user_provided_name === 'consumer');
    for (const { name } of consuming) await broker.administer('DELETE', `connections/${encodeURIComponent(name)}`);
    return consuming.length;
  }
});

const Connections = z.array(z.object({ name: z.string(), vhost: z.string().optional(), user_provided_name: z.string().optional() }));

describe('with the event store away', () => {
  it('consumption waits and goes on by itself; order holds and nothing is dead-lettered', async () => {
    const commands = await startCommandStack({
      limits: { mailboxCommands: 5000, queueCommands: 20_000, cachedAccounts: 1000, doubtBudgetMs: 500, conflictBudgetMs: 30_000 },
    });
    await using broker = await freshVhost();
    await using stack = await startBrokerStack(broker, { waitMs: 90_000 });
    const consumer = stack.consume(commands.commands.handle);
    const accountId = AccountIdSchema.parse(randomUUID());
    const envelope = { actor: 'a', transport: 'rest' as const, correlationId: 'c', dryRun: false };
    await stack.bus.send({ ...envelope, command: { type: 'open-account', accountId }, key: 'open' });
    const producer = producerAt(stack.connection);
    const keys = Array.from({ length: 120 }, (_, n) => `n-${n}`);
    const publish = async (from: number, to: number): Promise<void> => {
      for (const key of keys.slice(from, to)) expect(await producer.deposit(accountId, key)).toBe('confirmed');
    };
    await publish(0, 40);
    await commands.stores.eventStore.kill();
    await publish(40, 80);
    await sleep(4000);
    await commands.stores.eventStore.restart();
    await publish(80, 120);
    // It stands behind all the others, and is answered when they are.
    const last = await stack.bus.send({
      ...envelope,
      command: { type: 'close-account', accountId },
      key: 'close',
    });
    expect(last).toMatchObject({ status: 'rejected', rejection: { code: 'account_not_empty' }, revision: BigInt(keys.length + 1) });
    expect(await writtenKeys(commands, accountId)).toEqual(['open', ...keys, 'close']);
    expect(await stack.deadLetters()).toBe(0);
    await producer.close();
    await consumer.stop();
    await commands.close();
  });
});

describe('sharing', () => {
  it('leaves every process with its share at most, and no queue with nobody', () => {
    expect([
      surplusOf(8, 8, 1),
      surplusOf(8, 8, 2),
      surplusOf(6, 8, 3),
      surplusOf(2, 8, 3),
      surplusOf(8, 8, 20),
      surplusOf(4, 8, 0),
    ]).toEqual([0, 4, 3, 0, 7, 0]);
  });

  it('a second process gets its share of the queues', async () => {
    const commands = await startCommandStack();
    await using broker = await freshVhost();
    await using stack = await startBrokerStack(broker);
    const send = (): Promise<unknown> =>
      stack.bus.send({
        command: { type: 'open-account', accountId: AccountIdSchema.parse(randomUUID()) },
        key: 'open',
        actor: 'a',
        transport: 'rest',
        correlationId: 'c',
        dryRun: false,
      });
    const settings = { shareEveryMs: 300 };
    const first = stack.consume(commands.commands.handle, settings);
    const traffic = (): Promise<unknown> => Promise.all(Array.from({ length: 40 }, send));
    await traffic();
    expect(first.active()).toHaveLength(QUEUES);
    const second = stack.consume(commands.another().handle, settings);
    await expect
      .poll(async () => {
        await traffic();
        return [first.active().length, second.active().length];
      })
      .toEqual([QUEUES / 2, QUEUES / 2]);
    await first.stop();
    await expect
      .poll(async () => {
        await traffic();
        return second.active().length;
      })
      .toBe(QUEUES);
    await second.stop();
    await commands.close();
  });
});
