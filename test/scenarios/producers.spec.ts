// Producers speak AMQP to the ledger: what they send twice has one effect, and whom they claim to be does not count.
import { createLedgerProducer } from '@ledgerfold/client';
import { afterAll, expect, test } from 'vitest';
import { readEnv } from '../../src/config.ts';
import { principalUuidOf } from '../../src/domain/ids.ts';
import { connectBroker } from '../../src/rabbitmq/connection.ts';
import type { OutgoingMessage } from '../../src/rabbitmq/publisher.ts';
import { makePublisher } from '../../src/rabbitmq/publisher.ts';
import { createClient } from '../stack/clients.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';
import { expectBalancedBooks } from './books.ts';
import { deadLetters, keysOf } from './brokers.ts';
import { atOnce, balanceOf, openAccount } from './clients.ts';
import { eventually } from './eventually.ts';
import { readAccount } from './log.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const stores = opened.use(await startStores());
const broker = opened.use(await freshVhost());
const environment = { ...stores.environment, AMQP_URL: broker.amqpUrl };
const metrics = async (): Promise<string> => (await fetch(`${apiUrl}/metrics`)).text();
const audit = { eventStoreUrl: stores.environment.EVENTSTORE_URL, databaseUrl: stores.environment.DATABASE_URL };
const { apiUrl } = opened.use(await spawnLedger(environment));
await createClient(audit.databaseUrl, 'guest');

test('every message delivered twice: the books are as if once', async () => {
  const accounts = await atOnce(5, () => openAccount(apiUrl, { asset: 'USD', amount: '10.00' }));
  const producer = opened.adopt(createLedgerProducer({ amqpUrl: broker.guestUrl }), ({ close }) => close());
  const commands = Array.from({ length: 500 }, (_, n) => ({
    // Withdrawals are refused sometimes: that is an outcome like any other.
    type: n % 3 === 0 ? ('withdraw' as const) : ('deposit' as const),
    accountId: accounts[n % accounts.length] ?? '',
    asset: 'USD',
    amount: n % 3 === 0 ? '7.00' : '3.00',
  }));
  await Promise.all(
    commands.flatMap((command, n) => [producer.publish(command, { key: `twice-${n}` }), producer.publish(command, { key: `twice-${n}` })]),
  );
  // Each stands behind all others of its account.
  await Promise.all(accounts.map((accountId) => producer.send({ type: 'deposit', accountId, asset: 'USD', amount: '1.00' })));

  const { log } = await expectBalancedBooks(audit);
  const twice = log.filter(({ metadata }) => String(metadata['key']).startsWith('twice-'));
  const keys = twice.map(({ metadata }) => String(metadata['key']));
  // The client that the broker user is, as its tokens name it over REST.
  const client = principalUuidOf(readEnv({}).jwtIssuer, 'guest');
  expect(new Set(twice.map(({ metadata }) => metadata['actor']))).toEqual(new Set([client]));
  expect(keys.toSorted()).toEqual(commands.map((_, n) => `twice-${n}`).toSorted());
  for (const accountId of accounts) {
    const ours = keysOf(log, accountId).filter((key) => key.startsWith('twice-'));
    expect(ours).toEqual(commands.flatMap((command, n) => (command.accountId === accountId ? [`twice-${n}`] : [])));
  }
  expect(await deadLetters(broker)).toEqual([]);
});

test('a producer that claims to be an operator is dead-lettered, and the books do not change', async () => {
  const accountId = await openAccount(apiUrl, { asset: 'USD', amount: '10.00' });
  const connection = opened.adopt(connectBroker(broker.guestUrl), ({ close }) => close());
  const publisher = opened.adopt(makePublisher(connection), ({ close }) => close());
  await eventually('the producer is connected', () => publisher.isReady());
  const claiming = (type: string, headers: object): OutgoingMessage => ({
    exchange: 'ledger.commands',
    routingKey: accountId,
    content: Buffer.from(JSON.stringify({ accountId, reason: 'I say so' })),
    options: {
      persistent: true,
      mandatory: true,
      contentType: 'application/json',
      messageId: `${type} claimed`,
      type,
      userId: 'guest',
      headers,
    },
  });
  const before = await readAccount(audit.eventStoreUrl, accountId);
  const claims = { 'x-actor': 'operator', 'x-transport': 'rest', 'x-correlation-id': 'forged' };
  expect(await publisher.publish(claiming('freeze-account', { 'x-actor': 'operator' }))).toBe('confirmed');
  expect(await publisher.publish(claiming('close-account', claims))).toBe('confirmed');

  const letters = await eventually('both are dead letters', async () => {
    const found = await deadLetters(broker);
    return found.length === 2 && found;
  });
  expect(letters.map(({ headers }) => headers['x-reason'])).toEqual(['forbidden', 'forbidden']);
  for (const { headers } of letters) expect(headers['x-detail']).toContain('x-actor');
  await eventually('they are counted', async () => (await metrics()).includes('ledger_dead_letters 2\n'));
  expect(await metrics()).toContain('ledger_commands_total{type="deposit",outcome="applied",transport="amqp"}');
  expect(await readAccount(audit.eventStoreUrl, accountId)).toEqual(before);
  expect((await balanceOf(apiUrl, accountId, 'USD', String(before.at(-1)?.position))).available).toBe('10.00');
  await expectBalancedBooks(audit);
});
