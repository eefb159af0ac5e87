// The consumer role is stopped: commands wait in the broker, and nothing else happens until it is back.
import { afterAll, expect, test } from 'vitest';
import { spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';
import { expectBalancedBooks } from './books.ts';
import { deadLetters, waitingCommands } from './brokers.ts';
import { openAccount, send } from './clients.ts';
import { eventually } from './eventually.ts';
import { readAccount } from './log.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const stores = opened.use(await startStores());
const broker = opened.use(await freshVhost());
const environment = { ...stores.environment, AMQP_URL: broker.amqpUrl, LEDGER_REPLY_WAIT_MS: '60000' };
const audit = { eventStoreUrl: stores.environment.EVENTSTORE_URL, databaseUrl: stores.environment.DATABASE_URL };

test('a deposit is one message in the broker and no event, until there is a consumer again; then it is applied, and its client answered', async () => {
  const gateway = opened.use(await spawnLedger(environment, ['--roles', 'api,projector,publisher,scheduler']));
  const first = await spawnLedger(environment, ['--roles', 'consumer']);
  const accountId = await openAccount(gateway.apiUrl);
  await first.close();

  const deposit = send(gateway.apiUrl, { type: 'deposit', accountId, key: 'paid', asset: 'USD', amount: '90.00' });
  await eventually('it is in the broker', async () => (await waitingCommands(broker)) === 1);
  expect((await readAccount(audit.eventStoreUrl, accountId)).map(({ type }) => type)).toEqual(['account-opened']);

  opened.use(await spawnLedger(environment, ['--roles', 'consumer']));
  const answer = await deposit;
  expect(answer).toMatchObject({ httpStatus: 201, isHit: false, body: { status: 'applied', revision: '1' } });
  expect(answer.body.balances).toEqual([{ asset: 'USD', available: '90.00', held: '0.00' }]);
  expect((await readAccount(audit.eventStoreUrl, accountId)).map(({ type }) => type)).toEqual(['account-opened', 'deposited']);
  await eventually('the broker has nothing left', async () => (await waitingCommands(broker)) === 0);
  expect(await deadLetters(broker)).toEqual([]);
  await expectBalancedBooks(audit);
});
