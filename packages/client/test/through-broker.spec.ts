// REST where commands travel through a broker: what nobody decides yet is pending, not lost, and is not sent again.
import { createLedgerClient, LedgerProblem, OutcomePending } from '@ledgerfold/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spawnLedger } from '../../../test/stack/ledger-process.ts';
import { PATIENCE_MS } from '../../../test/stack/patience.ts';
import { freshVhost } from '../../../test/stack/rabbitmq.ts';
import { startStores } from '../../../test/stack/stores.ts';
import type { FlakyGateway } from './harness/flaky-gateway.ts';
import { startFlakyGateway } from './harness/flaky-gateway.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
let environment: Readonly<Record<string, string>>;
let gateway: FlakyGateway;
let token: string;
beforeAll(async () => {
  const stores = opened.use(await startStores());
  const broker = opened.use(await freshVhost());
  environment = { ...stores.environment, AMQP_URL: broker.amqpUrl };
  const api = opened.use(await spawnLedger(environment, ['--roles', 'api,projector']));
  token = api.operatorToken;
  gateway = opened.use(await startFlakyGateway(api.apiUrl));
});

test('a command is waited for in the broker, is sent once, and has its answer when somebody decides it', async () => {
  const ledger = createLedgerClient({ url: gateway.url, token, attemptTimeoutMs: 4_000, deadlineMs: PATIENCE_MS });
  const consumer = await spawnLedger(environment, ['--roles', 'consumer']);
  const { accountId } = await ledger.openAccount();
  await consumer.close();

  const before = gateway.seen.length;
  const impatient = await ledger
    .deposit(accountId, { asset: 'USD', amount: '1.00' }, { key: 'first', deadlineMs: 8_000 })
    .catch((reason: unknown) => reason);
  expect(impatient).toBeInstanceOf(OutcomePending);
  expect(impatient).toMatchObject({ key: 'first' });

  const notWaitedFor = await ledger.deposit(accountId, { asset: 'USD', amount: '2.00' }, { wait: false });
  if (notWaitedFor.status !== 'pending') throw new Error(`it is ${notWaitedFor.status}`);
  expect(await ledger.getCommand(notWaitedFor.commandId)).toMatchObject({ status: 'pending', accountId });

  const patient = ledger.deposit(accountId, { asset: 'USD', amount: '4.00' });
  const refused = ledger.withdraw(accountId, { asset: 'USD', amount: '100.00' }).catch((reason: unknown) => reason);
  await expect.poll(() => posted(before)).toHaveLength(4);
  await using _consumer = await spawnLedger(environment, ['--roles', 'consumer']);

  expect(await patient).toMatchObject({ status: 'applied', balances: [{ available: '7.00' }] });
  expect(await refused).toBeInstanceOf(LedgerProblem);
  expect(await refused).toMatchObject({ code: 'insufficient_funds', fields: { requested: '100.00' } });
  expect(await ledger.outcomeOf(notWaitedFor)).toMatchObject({
    status: 'applied',
    key: notWaitedFor.key,
    balances: [{ available: '3.00' }],
  });
  expect(await ledger.deposit(accountId, { asset: 'USD', amount: '1.00' }, { key: 'first' })).toMatchObject({ hit: true, revision: '1' });
  expect(posted(before)).toHaveLength(5);
});

test('commands sent together are waited for, each by itself', async () => {
  const ledger = createLedgerClient({ url: gateway.url, token, attemptTimeoutMs: 4_000, deadlineMs: PATIENCE_MS });
  const consumer = await spawnLedger(environment, ['--roles', 'consumer']);
  const { accountId } = await ledger.openAccount();
  await consumer.close();
  const deposit = { type: 'deposit', accountId, asset: 'USD', amount: '1.00' } as const;
  const impatient = await ledger.sendAll([{ ...deposit, key: 'a' }], { deadlineMs: 8_000 });
  expect(impatient).toMatchObject([{ key: 'a', pending: { accountId, status: 'pending' } }]);

  const patient = ledger.sendAll([
    { ...deposit, key: 'b' },
    { ...deposit, type: 'withdraw', amount: '9.00', key: 'c' },
  ]);
  await using _consumer = await spawnLedger(environment, ['--roles', 'consumer']);
  expect(await patient).toMatchObject([
    { key: 'b', applied: { status: 'applied', balances: [{ available: '2.00' }] } },
    { key: 'c', problem: { code: 'insufficient_funds' } },
  ]);
});

const posted = (from: number): readonly unknown[] => gateway.seen.slice(from).filter(({ method }) => method === 'POST');
