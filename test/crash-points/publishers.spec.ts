// With a broker: processes that take requests, and those that tell others what happened, are killed at every point.
import type { ConsumeMessage } from 'amqplib';
import { connect } from 'amqplib';
import { afterAll, describe, expect, it, test } from 'vitest';
import { expectBalancedBooks } from '../scenarios/books.ts';
import { keysOf } from '../scenarios/brokers.ts';
import { openAccount, send } from '../scenarios/clients.ts';
import { eventually } from '../scenarios/eventually.ts';
import { readAccount, readLog } from '../scenarios/log.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';
import { operatorAt } from '../stack/tokens.ts';
import { BROKERED_REQUESTS, PUBLISHERS, runVictim, spawnVictim } from './victims.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const broker = opened.use(await freshVhost());
const { environment } = opened.use(await startStores());
const settings = { ...environment, AMQP_URL: broker.amqpUrl, LEDGER_LEASE_SECONDS: '1' };
const stores = { eventStoreUrl: environment.EVENTSTORE_URL, databaseUrl: environment.DATABASE_URL };
const other = opened.use(await spawnLedger({ ...settings, LEDGER_ROLES: 'api,consumer,projector' }));
const commandsOf = async (accountId: string): Promise<readonly string[]> =>
  keysOf(await readAccount(stores.eventStoreUrl, accountId), accountId).slice(1);

/** Whoever listens to all accounts, from before the first event is told. */
const received: ConsumeMessage[] = [];
const listener = await connect(broker.guestUrl);
opened.defer(() => listener.close());
const channel = await listener.createChannel();
await channel.assertExchange('ledger.events', 'topic', { durable: true });
const { queue } = await channel.assertQueue('', { exclusive: true });
await channel.bindQueue(queue, 'ledger.events', 'account.#');
await channel.consume(queue, (message) => void (message && received.push(message)), { noAck: true });

const post = (apiUrl: string, accountId: string, isAsync: boolean): Promise<Response> =>
  fetch(`${apiUrl}/v1/accounts/${accountId}/deposits`, {
    method: 'POST',
    headers: {
      ...operatorAt(apiUrl),
      'content-type': 'application/json',
      'idempotency-key': 'cut-off',
      ...(isAsync ? { prefer: 'respond-async' } : {}),
    },
    body: JSON.stringify({ asset: 'USD', amount: '5.00' }),
  });

describe('a process that takes requests', () => {
  it.each(BROKERED_REQUESTS)(
    'killed at "$point" (respond-async: $isAsync), leaves one effect of the command at most, and one after a retry',
    async (row) => {
      const accountId = await openAccount(other.apiUrl);
      const victim = await spawnVictim(row, { ...settings, LEDGER_ROLES: 'api' });
      const answered = await post(victim.apiUrl, accountId, row.isAsync).then(
        ({ status }) => status,
        () => undefined,
      );
      await victim.killed();
      expect(answered).toBe(row.point === 'response written' ? 202 : undefined);
      if (row.isPublished) await eventually('it is decided, for the broker has it', async () => (await commandsOf(accountId)).length === 1);
      else expect(await commandsOf(accountId)).toEqual([]);

      const retried = await send(other.apiUrl, { type: 'deposit', key: 'cut-off', accountId, asset: 'USD', amount: '5.00' });
      expect(retried).toMatchObject({ isHit: row.isPublished, body: { status: 'applied', balances: [{ available: '5.00' }] } });
      expect(await commandsOf(accountId)).toEqual(['cut-off']);
    },
  );
});

describe('a publisher', () => {
  /** The events of accounts, in the order of the log. */
  const events = async (): Promise<readonly string[]> => (await readLog(stores.eventStoreUrl, 'account-')).map(({ id }) => id);
  const told = (): readonly string[] => received.map(({ properties }) => String(properties.messageId));

  it.each(PUBLISHERS)('killed at "$point", has told nothing before what comes first', async (row) => {
    await openAccount(other.apiUrl, { asset: 'USD', amount: '1.00' });
    await runVictim(row, ['start', '--roles', 'publisher'], settings);
    const all = await events();
    const first = [...new Set(told())];
    expect(first).toEqual(all.slice(0, first.length));
  });

  test('the next one tells the rest: every event once at least, and none before the one that precedes it', async () => {
    const accountId = await openAccount(other.apiUrl, { asset: 'USD', amount: '1.00' });
    opened.use(await spawnLedger({ ...settings, LEDGER_ROLES: 'publisher' }));
    await openAccount(other.apiUrl);
    const all = await events();
    expect(all.length).toBeGreaterThan(PUBLISHERS.length);
    await eventually('every event is told', () => new Set(told()).size === all.length);
    expect([...new Set(told())]).toEqual(all);
    // Whatever is told again, all that follows it is told again too: no gap for whoever began to listen in between.
    const places = told().map((id) => all.indexOf(id));
    const gaps = places.filter((place, n) => n > 0 && place > (places[n - 1] ?? -1) + 1);
    expect(gaps).toEqual([]);
    expect(await commandsOf(accountId)).toEqual(['paid-in']);
    await expectBalancedBooks(stores);
  });
});
