import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerProducer, LedgerProducerOptions } from '@ledgerfold/client';
import { CommandUnroutable, createLedgerProducer, LedgerProblem, LedgerUnreachable, OutcomePending } from '@ledgerfold/client';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { AccountIdSchema } from '../../../src/domain/ids.ts';
import { makeClients } from '../../../src/identity/clients.ts';
import { EXCHANGES } from '../../../src/rabbitmq/topology.ts';
import type { CommandStack } from '../../../test/commands/command-stack.ts';
import { startCommandStack } from '../../../test/commands/command-stack.ts';
import type { BrokerStack } from '../../../test/rabbitmq/broker-stack.ts';
import { startBrokerStack } from '../../../test/rabbitmq/broker-stack.ts';
import type { TestBroker } from '../../../test/stack/rabbitmq.ts';
import { freshVhost } from '../../../test/stack/rabbitmq.ts';
import { startCuttableConnection } from './harness/cuttable-connection.ts';

let commands: CommandStack;
let broker: TestBroker;
let stack: BrokerStack;
beforeAll(async () => {
  commands = await startCommandStack();
  broker = await freshVhost();
  const clients = makeClients(commands.database.db);
  await clients.create('guest', 'producer');
  stack = await startBrokerStack(broker, { clients });
  stack.consume(commands.commands.handle);
});
afterAll(async () => {
  await stack.close();
  await broker.close();
  await commands.close();
});

function producer(options: Partial<LedgerProducerOptions> = {}): LedgerProducer {
  const made = createLedgerProducer({ amqpUrl: broker.guestUrl, ...options });
  onTestFinished(() => made.close());
  return made;
}

async function openAccount(): Promise<string> {
  const accountId = AccountIdSchema.parse(randomUUID());
  const opening = { command: { type: 'open-account', accountId }, key: 'open', actor: randomUUID(), transport: 'rest' } as const;
  expect(await stack.bus.send({ ...opening, correlationId: randomUUID(), dryRun: false })).toMatchObject({ status: 'applied' });
  return accountId;
}

/** The account's events in the log, its opening left out. */
async function eventsOf(
  accountId: string,
): Promise<readonly { readonly type: string; readonly key: string; readonly traceparent: string | undefined }[]> {
  const events = await Array.fromAsync(commands.store.streams.read(`account-${accountId}`, 1n));
  return events.map(({ event, metadata }) => ({ type: event.type, key: metadata.key, traceparent: metadata.traceparent }));
}

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  );

test('a command is applied, and its answer is the one that REST would give', async () => {
  const accountId = await openAccount();
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const paid = await producer().send({ type: 'deposit', accountId, asset: 'USD', amount: '10.00' }, { traceparent });
  expect(paid).toMatchObject({
    status: 'applied',
    hit: false,
    accountId,
    revision: '1',
    balances: [{ asset: 'USD', available: '10.00', held: '0.00' }],
  });
  expect(paid.result.entryId).toMatch(/^[0-9a-f-]{36}$/);
  expect(await eventsOf(accountId)).toEqual([{ type: 'deposited', key: paid.key, traceparent }]);
});

test('a refusal is a LedgerProblem, and the same key again the same refusal', async () => {
  const accountId = await openAccount();
  const made = producer();
  const withdraw = { type: 'withdraw', accountId, asset: 'USD', amount: '1.00' } as const;
  const problem = await errorOf(made.send(withdraw, { key: 'k' }));
  expect(problem).toBeInstanceOf(LedgerProblem);
  expect(problem).toMatchObject({ code: 'insufficient_funds', key: 'k', fields: { requested: '1.00' } });
  expect(await errorOf(made.send(withdraw, { key: 'k' }))).toMatchObject({ code: 'insufficient_funds', revision: '1' });
});

test('published is what the broker has for good, in order', async () => {
  const accountId = await openAccount();
  const made = producer();
  const amounts = Array.from({ length: 100 }, (_, n) => `${n + 1}.00`);
  const published = await Promise.all(amounts.map((amount) => made.publish({ type: 'deposit', accountId, asset: 'USD', amount })));
  const last = await made.send({ type: 'withdraw', accountId, asset: 'USD', amount: '5050.00' });
  expect(last.balances).toMatchObject([{ available: '0.00' }]);
  expect((await eventsOf(accountId)).map(({ key }) => key)).toEqual([...published.map(({ key }) => key), last.key]);
});

test('the spelling of an account does not take a command out of its order', async () => {
  const accountId = await openAccount();
  const paid = await producer().send({ type: 'deposit', accountId: accountId.toUpperCase(), asset: 'USD', amount: '1.00' });
  expect(paid.accountId).toBe(accountId);
});

test('a connection that is lost over and over: every command has one effect, in the order given', async () => {
  const accountId = await openAccount();
  await using connection = await startCuttableConnection(broker.guestUrl);
  const made = producer({ amqpUrl: connection.url });
  const sent: Promise<{ readonly key: string }>[] = [];
  for (let round = 0; round < 6; round += 1) {
    for (let n = 0; n < 50; n += 1) {
      const deposit = { type: 'deposit', accountId, asset: 'USD', amount: '1.00' } as const;
      sent.push(n % 2 === 0 ? made.send(deposit) : made.publish(deposit));
      // Some of what follows arrives, but its confirms and answers are lost.
      if (n === 25) connection.muffle();
      if (n % 10 === 0) await sleep(5);
    }
    connection.cut();
    await sleep(100);
    connection.mend();
  }
  const keys = (await Promise.all(sent)).map(({ key }) => key);
  const final = await made.send({ type: 'deposit', accountId, asset: 'USD', amount: '1.00' });
  expect(final.balances).toMatchObject([{ available: '301.00' }]);
  expect((await eventsOf(accountId)).map(({ key }) => key)).toEqual([...keys, final.key]);
});

test('an answer that was lost with the connection is asked for again', async () => {
  const accountId = await openAccount();
  await using connection = await startCuttableConnection(broker.guestUrl);
  const made = producer({ amqpUrl: connection.url });
  await made.send({ type: 'deposit', accountId, asset: 'USD', amount: '1.00' });
  connection.muffle();
  const unanswered = made.send({ type: 'deposit', accountId, asset: 'USD', amount: '1.00' }, { key: 'again' });
  await expect.poll(async () => (await eventsOf(accountId)).length).toBe(2);
  connection.cut();
  connection.mend();
  expect(await unanswered).toMatchObject({ key: 'again', hit: true, balances: [{ available: '2.00' }] });
  expect(await eventsOf(accountId)).toHaveLength(2);
});

test('where no queue takes commands, and where there is no exchange, nothing was applied', async () => {
  await using elsewhere = await freshVhost();
  const early = producer({ amqpUrl: elsewhere.guestUrl });
  const deposit = { type: 'deposit', accountId: randomUUID(), asset: 'USD', amount: '1.00' } as const;
  expect(await errorOf(early.publish(deposit, { key: 'early' }))).toBeInstanceOf(CommandUnroutable);

  await using ledger = await startBrokerStack(elsewhere);
  const channel = await ledger.connection.openChannel();
  await channel.unbindExchange(EXCHANGES.shard, EXCHANGES.commands, '#');
  const unroutable = await errorOf(producer({ amqpUrl: elsewhere.guestUrl }).send(deposit, { key: 'unroutable' }));
  expect(unroutable).toBeInstanceOf(CommandUnroutable);
  expect(unroutable).toMatchObject({ key: 'unroutable' });
});

test('a command that nobody decides is pending; one that never left is not', async () => {
  await using elsewhere = await freshVhost();
  await using _unconsumed = await startBrokerStack(elsewhere);
  const deposit = { type: 'deposit', accountId: randomUUID(), asset: 'USD', amount: '1.00' } as const;
  const pending = await errorOf(producer({ amqpUrl: elsewhere.guestUrl }).send(deposit, { key: 'k', deadlineMs: 6_000 }));
  expect(pending).toBeInstanceOf(OutcomePending);
  expect(pending).toMatchObject({ key: 'k' });

  const nowhere = await errorOf(producer({ amqpUrl: 'amqp://127.0.0.1:1' }).publish(deposit, { key: 'k', deadlineMs: 300 }));
  expect(nowhere).toBeInstanceOf(LedgerUnreachable);
  expect(nowhere).toMatchObject({ key: 'k', isUnsent: true });
});

test('closing waits for what is under way, and takes nothing more', async () => {
  const accountId = await openAccount();
  const made = createLedgerProducer({ amqpUrl: broker.guestUrl });
  const underWay = made.send({ type: 'deposit', accountId, asset: 'USD', amount: '1.00' });
  await made.close();
  expect(await underWay).toMatchObject({ status: 'applied' });
  expect(await errorOf(made.publish({ type: 'deposit', accountId, asset: 'USD', amount: '1.00' }))).toMatchObject({ isUnsent: true });
});
