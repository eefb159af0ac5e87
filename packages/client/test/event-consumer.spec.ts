import { randomUUID } from 'node:crypto';
import type { LedgerClient, LedgerEvent, LedgerEventsOptions } from '@ledgerfold/client';
import { consumeLedgerEvents, createLedgerClient } from '@ledgerfold/client';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { LedgerProcess } from '../../../test/stack/ledger-process.ts';
import { spawnLedger } from '../../../test/stack/ledger-process.ts';
import type { TestBroker } from '../../../test/stack/rabbitmq.ts';
import { freshVhost } from '../../../test/stack/rabbitmq.ts';
import type { TestStores } from '../../../test/stack/stores.ts';
import { startStores } from '../../../test/stack/stores.ts';
import { startCuttableConnection } from './harness/cuttable-connection.ts';

let stores: TestStores;
let broker: TestBroker;
let process: LedgerProcess;
let ledger: LedgerClient;
beforeAll(async () => {
  stores = await startStores();
  broker = await freshVhost();
  process = await spawnLedger({ ...stores.environment, AMQP_URL: broker.amqpUrl });
  ledger = createLedgerClient({ url: process.apiUrl, token: process.operatorToken });
});
afterAll(async () => {
  await process.close();
  await broker.close();
  await stores.close();
});

/** Consumes from a queue of its own, which is bound before anything is done. */
async function consume(options: Partial<LedgerEventsOptions> = {}): Promise<{ readonly events: LedgerEvent[]; close(): Promise<void> }> {
  const events: LedgerEvent[] = [];
  const queue = `test.${randomUUID()}`;
  const consumer = consumeLedgerEvents({ amqpUrl: broker.guestUrl, queue, onEvent: (event) => void events.push(event), ...options });
  onTestFinished(() => consumer.close());
  const path = `queues/{vhost}/${encodeURIComponent(options.queue ?? queue)}/bindings`;
  await expect.poll(async () => JSON.stringify(await broker.administer('GET', path).catch(() => ''))).toContain('ledger.events');
  return { events, close: consumer.close };
}

test('events come in the order of the account, typed by what happened', async () => {
  const { events } = await consume();
  const { accountId } = await ledger.openAccount();
  const paid = await ledger.deposit(accountId, { asset: 'USD', amount: '5.00', reference: 'rent' });
  await expect(ledger.withdraw(accountId, { asset: 'USD', amount: '9.00' })).rejects.toThrow('insufficient_funds');

  await expect.poll(() => events.length).toBe(3);
  expect(events.map(({ type }) => type)).toEqual([
    'ledger.account.account-opened.v1',
    'ledger.account.deposited.v1',
    'ledger.account.command-rejected.v1',
  ]);
  const [, deposited] = events;
  if (deposited?.type !== 'ledger.account.deposited.v1') throw new Error('the second is the deposit');
  const { amount, reference, balances, key } = deposited.data;
  expect({ amount, reference, balances, key }).toEqual({
    amount: '5.00',
    reference: 'rent',
    balances: [{ asset: 'USD', available: '5.00', held: '0.00' }],
    key: paid.key,
  });
  expect(deposited.subject).toBe(accountId);
});

test('only the types that are asked for', async () => {
  const { events } = await consume({ types: ['withdrawn'] });
  const { accountId } = await ledger.openAccount();
  await ledger.deposit(accountId, { asset: 'USD', amount: '5.00' });
  await ledger.withdraw(accountId, { asset: 'USD', amount: '1.00' });
  await expect.poll(() => events.map(({ type }) => type)).toEqual(['ledger.account.withdrawn.v1']);
});

test('an event whose handler fails is tried again, and the others wait for it', async () => {
  const seen: string[] = [];
  let failures = 2;
  await consume({
    onEvent: async ({ type }) => {
      if (type === 'ledger.account.deposited.v1' && failures-- > 0) throw new Error('not now');
      seen.push(type);
    },
  });
  const { accountId } = await ledger.openAccount();
  await ledger.deposit(accountId, { asset: 'USD', amount: '5.00' });
  await ledger.withdraw(accountId, { asset: 'USD', amount: '1.00' });
  await expect.poll(() => seen).toEqual(['ledger.account.account-opened.v1', 'ledger.account.deposited.v1', 'ledger.account.withdrawn.v1']);
});

test('nothing is lost with a connection, nor between two consumers of a queue', async () => {
  await using connection = await startCuttableConnection(broker.guestUrl);
  const queue = `test.${randomUUID()}`;
  const first = await consume({ amqpUrl: connection.url, queue });
  // An acknowledgement can go down with the connection: the event comes again, and is known by its id.
  const distinct = (events: readonly LedgerEvent[]): string[] => [...new Map(events.map(({ id, data }) => [id, data.revision])).values()];
  const { accountId } = await ledger.openAccount();
  await ledger.deposit(accountId, { asset: 'USD', amount: '1.00' });
  await expect.poll(() => distinct(first.events)).toEqual(['0', '1']);
  connection.cut();
  await ledger.deposit(accountId, { asset: 'USD', amount: '2.00' });
  connection.mend();
  await expect.poll(() => distinct(first.events)).toEqual(['0', '1', '2']);
  await first.close();
  await ledger.deposit(accountId, { asset: 'USD', amount: '3.00' });

  const second = await consume({ queue });
  await expect.poll(() => distinct([...first.events, ...second.events])).toEqual(['0', '1', '2', '3']);
});
