// Postgres is away for a while, then the event store, while producers go on: nothing is burnt, and all goes on by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerProducer } from '@ledgerfold/client';
import { createLedgerProducer } from '@ledgerfold/client';
import { afterAll, expect, test } from 'vitest';
import { createClient } from '../stack/clients.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { expectBalancedBooks } from './books.ts';
import { deadLetters, keysOf, waitingCommands } from './brokers.ts';
import { atOnce, openAccount } from './clients.ts';
import { eventually } from './eventually.ts';
import { readLog } from './log.ts';
import type { Mortal } from './mortal-stores.ts';
import { startMortalStores } from './mortal-stores.ts';

const ACCOUNTS = 10;
/** How long each store is away; as an operator would need to start it again. STORES_AWAY_MS=20000 is the long run. */
const AWAY_MS = Number(process.env['STORES_AWAY_MS'] ?? 10_000);
const EVERY_MS = 20;

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const stores = opened.use(await startMortalStores());
const broker = opened.use(await freshVhost());
/** Next to nothing is kept in memory: an account whose state and keys are all there needs no Postgres to be decided. */
const settings = { LEDGER_LEASE_SECONDS: '1', LEDGER_DOUBT_BUDGET_MS: '1000', LEDGER_CACHED_ACCOUNTS: '1' };
const ledger = opened.use(await spawnLedger({ ...stores.environment, ...settings, AMQP_URL: broker.amqpUrl }));
const audit = { eventStoreUrl: stores.environment.EVENTSTORE_URL, databaseUrl: stores.environment.DATABASE_URL };

await createClient(audit.databaseUrl, 'guest');

const deposit = (producer: LedgerProducer, accountId: string, n: number) =>
  producer.publish({ type: 'deposit', accountId, asset: 'USD', amount: '1.00' }, { key: `load-${n}` });

test('consumption pauses and goes on by itself, in order, and nothing is dead-lettered', async () => {
  const accounts = await atOnce(ACCOUNTS, () => openAccount(ledger.apiUrl));
  const producer = opened.adopt(createLedgerProducer({ amqpUrl: broker.guestUrl }), ({ close }) => close());
  let isOver = false;
  let published = 0;
  const load = (async () => {
    for (; !isOver; published += 1) {
      await deposit(producer, accounts[published % ACCOUNTS] ?? '', published);
      await sleep(EVERY_MS);
    }
  })();
  load.catch(() => undefined); // awaited below
  const decided = async (): Promise<number> =>
    (await readLog(audit.eventStoreUrl, 'account-')).filter(({ metadata }) => String(metadata['key']).startsWith('load-')).length;
  /** All that was published so far is decided. */
  const caughtUp = async (): Promise<void> => {
    const soFar = published;
    await eventually(`${soFar} commands are decided`, async () => (await decided()) >= soFar);
  };

  const away = async (store: Mortal): Promise<void> => {
    await caughtUp();
    await store.kill();
    const before = published;
    await sleep(AWAY_MS);
    expect(published).toBeGreaterThan(before); // the broker took them meanwhile
    expect(await waitingCommands(broker)).toBeGreaterThan(0);
    await store.restart();
    await caughtUp();
  };
  await away(stores.postgres);
  await away(stores.eventStore);
  isOver = true;
  await load;
  await caughtUp();

  expect(await deadLetters(broker)).toEqual([]);
  await eventually('the broker has nothing left', async () => (await waitingCommands(broker)) === 0);
  const { log } = await expectBalancedBooks(audit);
  for (const [which, accountId] of accounts.entries()) {
    const keys = keysOf(log, accountId).filter((key) => key.startsWith('load-'));
    expect(keys).toEqual(Array.from({ length: published }, (_, n) => n).flatMap((n) => (n % ACCOUNTS === which ? [`load-${n}`] : [])));
  }
});
