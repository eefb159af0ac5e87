// Consumers of the broker's commands are killed at every point, each going on where the one before it has left off: every command has one
// effect, in the order in which it was published, and its sender learns of it.
import { randomUUID } from 'node:crypto';
import { createLedgerProducer } from '@ledgerfold/client';
import { afterAll, expect, it, test } from 'vitest';
import { connectBroker } from '../../src/rabbitmq/connection.ts';
import { declareTopology } from '../../src/rabbitmq/topology.ts';
import { expectBalancedBooks } from '../scenarios/books.ts';
import { deadLetters, keysOf, waitingCommands } from '../scenarios/brokers.ts';
import { openAccount } from '../scenarios/clients.ts';
import { eventually } from '../scenarios/eventually.ts';
import { readAccount } from '../scenarios/log.ts';
import { createClient } from '../stack/clients.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { TEST_PATIENCE_MS } from '../stack/patience.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';
import { CONSUMERS, runVictim } from './victims.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const broker = opened.use(await freshVhost());
const { environment } = opened.use(await startStores());
const settings = { ...environment, LEDGER_LEASE_SECONDS: '1' };
const stores = { eventStoreUrl: environment.EVENTSTORE_URL, databaseUrl: environment.DATABASE_URL };
// Without the broker it decides by itself, which is good for a beginning.
const beginning = opened.use(await spawnLedger({ ...settings, LEDGER_ROLES: 'api,projector' }));
const accountId = await openAccount(beginning.apiUrl);
await createClient(stores.databaseUrl, 'guest');
// As any ledger process does at its start: so that commands wait before there is one.
const connection = opened.adopt(connectBroker(broker.amqpUrl), ({ close }) => close());
await declareTopology(connection, { queues: 8 });
const producer = opened.adopt(createLedgerProducer({ amqpUrl: broker.guestUrl, deadlineMs: TEST_PATIENCE_MS }), ({ close }) => close());

const deposit = (key: string, amount = '1.00') => producer.send({ type: 'deposit', accountId, asset: 'USD', amount }, { key });
const NOBODY = randomUUID();
const keys = CONSUMERS.map((_, n) => `n-${n}`);
const answers: ReturnType<typeof deposit>[] = [];
const decided = async (): Promise<readonly string[]> => keysOf(await readAccount(stores.eventStoreUrl, accountId), accountId).slice(1);
const decide = { ...settings, AMQP_URL: broker.amqpUrl };

it.each(CONSUMERS.map((row, n) => ({ ...row, n })))(
  'killed at "$point", it has decided the first of them, and none twice',
  async ({ point, n }) => {
    const answer = deposit(`n-${n}`);
    answer.catch(() => undefined); // awaited in the end
    answers.push(answer);
    // What cannot be read is put among the dead letters, and not answered.
    if (point.startsWith('dead letter'))
      await producer.publish({ type: 'deposit', accountId, asset: 'USD', amount: `nothing ${n}` }, { key: `dead ${n}` });
    // What there is no account for is refused without an event: only its receipt says so.
    if (point.startsWith('receipt'))
      await producer.publish({ type: 'deposit', accountId: NOBODY, asset: 'USD', amount: '1.00' }, { key: `refused ${n}` });
    await runVictim({ point }, ['start', '--roles', 'consumer'], decide);
    const those = await decided();
    expect(those).toEqual(keys.slice(0, those.length));
  },
);

test('the next one decides the rest, and every sender has the answer', async () => {
  opened.use(await spawnLedger({ ...decide, LEDGER_ROLES: 'consumer' }));
  const told = await Promise.all(answers);
  expect(told.map(({ status }) => status)).toEqual(keys.map(() => 'applied'));
  expect(await decided()).toEqual(keys);
  const revisions = told.map(({ revision }) => Number(revision));
  expect(revisions).toEqual(keys.map((_, n) => n + 1));
  await eventually('the broker has nothing left', async () => (await waitingCommands(broker)) === 0);
  const { log } = await expectBalancedBooks(stores);
  expect(keysOf(log, accountId)).toEqual(['open', ...keys]);
});

test('what cannot be decided is among the dead letters, each of them', async () => {
  const dead = (await deadLetters(broker)).map(({ payload }) => payload);
  const published = CONSUMERS.filter(({ point }) => point.startsWith('dead letter'));
  expect(new Set(dead).size).toBe(published.length); // one that was not acknowledged may be there twice
});

test('asked again, every command has its first outcome', async () => {
  const first = await Promise.all(answers);
  const again = await Promise.all(keys.map((key) => deposit(key)));
  const outcomeOf = ({ commandId, revision, balances }: Awaited<ReturnType<typeof deposit>>) => ({ commandId, revision, balances });
  expect(again.map(outcomeOf)).toEqual(first.map(outcomeOf));
  expect(await decided()).toEqual(keys);
});
