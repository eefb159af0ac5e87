import { randomUUID } from 'node:crypto';
import type { ProblemCode } from '@ledgerfold/client';
import { createLedgerClient, createPooledFetch, LedgerProblem, LedgerUnreachable, OutcomePending, registerUser } from '@ledgerfold/client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LedgerProcess } from '../../../test/stack/ledger-process.ts';
import { spawnLedger } from '../../../test/stack/ledger-process.ts';
import type { TestStores } from '../../../test/stack/stores.ts';
import { startStores } from '../../../test/stack/stores.ts';
import { waitUntil } from '../../../test/stack/waiting.ts';
import type { FlakyGateway, Treatment } from './harness/flaky-gateway.ts';
import { startFlakyGateway } from './harness/flaky-gateway.ts';

let stores: TestStores;
let process: LedgerProcess;
let gateway: FlakyGateway;
beforeAll(async () => {
  stores = await startStores();
  process = await spawnLedger(stores.environment);
});
afterAll(async () => {
  await process.close();
  await stores.close();
});

beforeEach(async () => {
  gateway = await startFlakyGateway(process.apiUrl);
});
afterEach(() => gateway[Symbol.asyncDispose]());

const client = (options: { readonly deadlineMs?: number; readonly attemptTimeoutMs?: number } = {}) =>
  createLedgerClient({ url: gateway.url, token: process.operatorToken, ...options });

const problemOf = async (promise: Promise<unknown>): Promise<LedgerProblem> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LedgerProblem)) throw new Error(`no problem, but ${String(error)}`);
  return error;
};

const overloaded = (retryAfter?: string) => ({
  status: 503,
  headers: { 'content-type': 'application/problem+json', ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }) },
  body: JSON.stringify({
    type: '/problems/overloaded',
    title: '',
    status: 503,
    detail: 'busy',
    instance: '',
    code: 'overloaded',
    retryable: true,
  }),
});

test('a write is answered with what it made, and a read sees it', async () => {
  const ledger = client();
  const { accountId, result } = await ledger.openAccount({ label: 'Household' });
  expect(result.accountId).toBe(accountId);

  const paid = await ledger.deposit(accountId, { asset: 'USD', amount: '100' });
  expect(paid).toMatchObject({ status: 'applied', hit: false, balances: [{ asset: 'USD', available: '100.00', held: '0.00' }] });
  const { position } = await ledger.withdraw(accountId, { asset: 'USD', amount: '10.00', reference: 'rent' });

  const balance = await ledger.getBalance(accountId, 'USD', { minPosition: position });
  expect(balance).toMatchObject({ available: '90.00', total: '90.00' });
  const entries = await ledger.listEntries(accountId, { reference: 'rent' }).page();
  expect(entries.data).toMatchObject([{ amount: '-10.00', reference: 'rent' }]);
  const statement = await ledger.getStatement(accountId, 'USD');
  expect(statement).toMatchObject({ lines: [{ amount: '100.00' }, { amount: '-10.00' }], closing: { total: '90.00' } });
  expect(await ledger.getCommand(paid.commandId)).toMatchObject({ status: 'applied', result: { entryId: paid.result.entryId } });
});

test('every call makes a key of its own; the same key again is the same command', async () => {
  const ledger = client();
  const { accountId } = await ledger.openAccount();
  const one = await ledger.deposit(accountId, { asset: 'USD', amount: '1.00' });
  const other = await ledger.deposit(accountId, { asset: 'USD', amount: '1.00' });
  expect(other.balances).toMatchObject([{ available: '2.00' }]);
  expect(other.key).not.toBe(one.key);

  const again = await ledger.deposit(accountId, { asset: 'USD', amount: '1.00' }, { key: one.key });
  expect(again).toEqual({ ...one, hit: true, position: expect.any(String) });
});

test('a request that is lost, and an answer that is lost, are sent again with the same key: one effect', async () => {
  const ledger = client();
  const { accountId } = await ledger.openAccount();
  const before = gateway.seen.length;
  gateway.next('lose-request', 'lose-answer', overloaded(), { status: 502, body: '<h1>Bad Gateway</h1>' });

  const paid = await ledger.deposit(accountId, { asset: 'USD', amount: '5.00' });

  expect(paid).toMatchObject({ hit: true, balances: [{ available: '5.00' }] });
  expect(gateway.seen.slice(before).map(({ key }) => key)).toEqual([paid.key, paid.key, paid.key, paid.key, paid.key]);
  const events = await Array.fromAsync(ledger.listEvents(accountId, { minPosition: paid.position }));
  expect(events.map(({ type }) => type)).toEqual(['deposited', 'account-opened']);
});

test('no sooner than Retry-After says', async () => {
  const ledger = client();
  const before = gateway.seen.length;
  gateway.next(overloaded('1'), { ...overloaded('1'), status: 429 });
  await ledger.openAccount();
  const [first, second, third] = gateway.seen.slice(before).map(({ atMs }) => atMs);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(990);
  expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(990);
});

test('without retries, a call is one attempt, and the caller learns what to do and when', async () => {
  const ledger = createLedgerClient({ url: gateway.url, token: process.operatorToken, retries: false });
  const { accountId } = await ledger.openAccount();
  const before = gateway.seen.length;
  gateway.next(overloaded('7'), overloaded(), 'lose-answer');
  const deposit = () => ledger.deposit(accountId, { asset: 'USD', amount: '5.00' }, { key: 'mine' });
  expect(await problemOf(deposit())).toMatchObject({ code: 'overloaded', retryable: true, retryAfterMs: 7_000, key: 'mine' });
  expect((await problemOf(deposit())).retryAfterMs).toBeUndefined();
  await expect(deposit()).rejects.toThrow(LedgerUnreachable);
  expect(gateway.seen.length - before).toBe(3);
  expect(await deposit()).toMatchObject({ hit: true });
});

test('connections of a pool are used again, for everything that a client does', async () => {
  const pool = createPooledFetch({ connections: 1 });
  const options = { url: gateway.url, fetch: pool.fetch };
  try {
    const { accountId, getMe, logOut, withdraw } = await registerUser({ ...options, name: `u-${randomUUID()}`, password: 'correct horse' });
    const ledger = createLedgerClient({ ...options, token: process.operatorToken });
    await Promise.all(['1.00', '2.00', '3.00'].map((amount) => ledger.deposit(accountId, { asset: 'USD', amount })));
    expect((await withdraw(accountId, { asset: 'USD', amount: '6.00' })).balances).toMatchObject([{ available: '0.00' }]);
    expect((await problemOf(withdraw(accountId, { asset: 'USD', amount: '0.01' }))).code).toBe('insufficient_funds');
    expect((await getMe()).accounts).toMatchObject([{ accountId }]);
    gateway.next('lose-answer', 'hang');
    const hurried = createLedgerClient({ ...options, token: process.operatorToken, attemptTimeoutMs: 300 });
    expect(await hurried.deposit(accountId, { asset: 'USD', amount: '4.00' })).toMatchObject({ hit: true });
    await logOut(); // its refresh token came in a cookie
  } finally {
    pool.close();
  }
});

test('at the deadline the caller learns the last problem and the key, and can go on with it', async () => {
  const ledger = client({ deadlineMs: 30_000 });
  // Longer than that: there is nothing to wait for.
  gateway.next(overloaded('60'));
  const accountId = randomUUID();
  const problem = await problemOf(ledger.openAccount({ accountId }));
  expect(problem).toMatchObject({ code: 'overloaded', status: 503, retryable: true });

  const nobody = createLedgerClient({ url: 'http://127.0.0.1:1', deadlineMs: 200 });
  const unreachable = await nobody.deposit(accountId, { asset: 'USD', amount: '1' }, { key: 'mine' }).catch((error: unknown) => error);
  expect(unreachable).toBeInstanceOf(LedgerUnreachable);
  expect(unreachable).toMatchObject({ key: 'mine' });
  expect(await client().openAccount({ accountId }, problem.key === undefined ? {} : { key: problem.key })).toMatchObject({
    status: 'applied',
  });
});

test('an attempt that hangs is given up, and made again', async () => {
  const ledger = client({ attemptTimeoutMs: 300 });
  const { accountId } = await ledger.openAccount();
  const before = gateway.seen.length;
  gateway.next('hang');
  const paid = await ledger.deposit(accountId, { asset: 'USD', amount: '5.00' });
  expect(paid.balances).toMatchObject([{ available: '5.00' }]);
  expect(gateway.seen.length - before).toBeGreaterThan(1);
});

test('the caller may give up', async () => {
  gateway.next(overloaded('20'));
  const giveUp = new AbortController();
  const call = client().openAccount({}, { signal: giveUp.signal });
  await waitUntil(() => gateway.seen.length === 1);
  giveUp.abort(new Error('no longer wanted'));
  await expect(call).rejects.toThrow('no longer wanted');
});

test('a refusal is a LedgerProblem with its code, its figures and its place in the log, and is not sent again', async () => {
  const ledger = client();
  const { accountId } = await ledger.openAccount();
  const before = gateway.seen.length;

  const problem = await problemOf(ledger.withdraw(accountId, { asset: 'USD', amount: '1.00' }, { key: 'too-much' }));

  expect(problem).toBeInstanceOf(Error);
  expect(problem).toMatchObject({
    code: 'insufficient_funds',
    status: 422,
    retryable: false,
    key: 'too-much',
    type: '/problems/insufficient-funds',
    fields: { asset: 'USD', available: '0.00', requested: '1.00' },
    revision: '1',
  });
  expect(gateway.seen).toHaveLength(before + 1);
  const malformed = await problemOf(ledger.deposit(accountId, { asset: 'USD', amount: '1.001' }));
  expect(malformed).toMatchObject({ code: 'invalid_amount', errors: [{ pointer: '#/amount' }] });
});

test('types: a code that does not exist, a field that does not exist, and an amount as a number do not compile', async () => {
  const ledger = client();
  const { accountId } = await ledger.openAccount();
  // @ts-expect-error amounts are strings
  await problemOf(ledger.deposit(accountId, { asset: 'USD', amount: 5 }));
  // @ts-expect-error there is no such field
  const { code } = await problemOf(ledger.deposit(accountId, { asset: 'USD', amount: '5', currency: 'USD' }));
  const known: ProblemCode = code;
  expect(known).toBe('malformed_request');
  // @ts-expect-error there is no such code
  expect(code === 'no_such_code').toBe(false);
});

test('conditions and dry runs', async () => {
  const ledger = client();
  const { accountId, revision } = await ledger.openAccount();
  const wouldApply = await ledger.deposit(accountId, { asset: 'USD', amount: '7.00' }, { dryRun: true });
  expect(wouldApply).toMatchObject({ status: 'would_apply', balances: [{ available: '7.00' }] });
  await ledger.deposit(accountId, { asset: 'USD', amount: '1.00' }, { ifRevision: revision });
  const late = await problemOf(ledger.deposit(accountId, { asset: 'USD', amount: '1.00' }, { ifRevision: revision }));
  expect(late.code).toBe('revision_mismatch');
});

test('lists are walked page by page', async () => {
  const ledger = client();
  const { accountId } = await ledger.openAccount();
  const commands = Array.from({ length: 450 }, (_, n) => ({ type: 'deposit', accountId, asset: 'USD', amount: `${n + 1}` }) as const);
  const results = await ledger.sendAll(commands);
  const last = results.at(-1);
  const minPosition = last !== undefined && 'applied' in last ? last.applied.position : '';
  expect(new Set(results.map(({ key }) => key)).size).toBe(450);

  const before = gateway.seen.length;
  const entries = await Array.fromAsync(ledger.listEntries(accountId, {}, { minPosition }));
  expect(entries.map(({ amount }) => Number(amount)).sort((a, b) => a - b)).toEqual(commands.map(({ amount }) => Number(amount)));
  expect(gateway.seen.length - before).toBe(3);

  const first = await ledger.listEntries(accountId).page({ limit: 10 });
  const second = await ledger.listEntries(accountId).page({ limit: 10, ...(first.next === null ? {} : { cursor: first.next }) });
  expect([...first.data, ...second.data]).toEqual(entries.slice(0, 20));
});

test('of many commands, each has its answer or its problem', async () => {
  const ledger = client();
  const { accountId } = await ledger.openAccount();
  const results = await ledger.sendAll([
    { type: 'deposit', accountId, asset: 'USD', amount: '10.00', key: 'in' },
    { type: 'withdraw', accountId, asset: 'USD', amount: '99.00', key: 'out' },
  ]);
  expect(results).toMatchObject([
    { key: 'in', applied: { status: 'applied', balances: [{ available: '10.00' }] } },
    { key: 'out', problem: { code: 'insufficient_funds', key: 'out' } },
  ]);
});

const accepted: Treatment = ({ body }) => ({ status: 202, body: { ...(body as object), status: 'pending' } });
const stillPending: Treatment = { status: 200, body: JSON.stringify({ status: 'pending' }) };
/** Where commands go through a broker, one that is not projected yet is pending; behind this gateway it would not be found. */
const pendingUntilFound: Treatment = ({ status, body }) => ({ status: 200, body: status === 404 ? { status: 'pending' } : body });
const times = (count: number, treatment: Treatment): Treatment[] => Array.from({ length: count }, () => treatment);

test('a command that is only accepted is waited for', async () => {
  const ledger = client();
  const { accountId } = await ledger.openAccount();
  gateway.next(accepted, stillPending, stillPending, ...times(50, pendingUntilFound));
  const waited = await ledger.deposit(accountId, { asset: 'USD', amount: '1.00' });
  expect(waited).toMatchObject({ status: 'applied', balances: [{ available: '1.00' }] });
});

test('it need not be waited for at once', async () => {
  const ledger = client();
  const { accountId } = await ledger.openAccount();
  gateway.next(accepted, ...times(50, pendingUntilFound));
  const pending = await ledger.deposit(accountId, { asset: 'USD', amount: '1.00' }, { wait: false });
  expect(pending).toMatchObject({ status: 'pending', accountId, key: expect.any(String) });
  if (pending.status !== 'pending') throw new Error('it was to be pending');
  expect(await ledger.outcomeOf(pending)).toMatchObject({ status: 'applied', key: pending.key });
});

test('one that is refused after it was accepted is a LedgerProblem', async () => {
  const ledger = client();
  const { accountId } = await ledger.openAccount();
  const refused: Treatment = ({ body }) => ({ status: 202, body: { ...(body as object), accountId, status: 'pending' } });
  gateway.next(refused, ...times(50, pendingUntilFound));
  const problem = await problemOf(ledger.withdraw(accountId, { asset: 'USD', amount: '1.00' }, { key: 'too-much' }));
  expect(problem).toMatchObject({ code: 'insufficient_funds', key: 'too-much' });
});

test('one that is not decided by the deadline is pending still, under its key', async () => {
  const ledger = client({ deadlineMs: 3_000 });
  const accountId = randomUUID();
  const taken = { status: 202, body: JSON.stringify({ commandId: randomUUID(), accountId, status: 'pending' }) };
  gateway.next(taken, ...times(100, stillPending));
  const error = await ledger.openAccount({ accountId }, { key: 'k' }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(OutcomePending);
  expect(error).toMatchObject({ key: 'k', commandId: expect.any(String) });
});

test.for([
  ['tried again', 503, 'store_unavailable', true],
  ['not tried again', 401, 'unauthenticated', false],
] as const)(
  'a refusal to say what became of it, which is %s, is none of the command: it is pending still',
  async ([, status, code, retryable]) => {
    const ledger = client({ deadlineMs: 2_000 });
    const accountId = randomUUID();
    const commandId = randomUUID();
    const taken = { status: 202, body: JSON.stringify({ commandId, accountId, status: 'pending' }) };
    const refusal = { status, body: JSON.stringify({ code, detail: 'not now', status, retryable }) };
    gateway.next(taken, ...times(100, refusal));
    const error = await ledger.openAccount({ accountId }, { key: 'k' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OutcomePending);
    expect(error).toMatchObject({ key: 'k', commandId });
    // The last attempt may be cut off by the deadline.
    const { cause } = error as OutcomePending;
    if (!(retryable && cause instanceof LedgerUnreachable)) expect(cause).toMatchObject({ code });
  },
);

test('a ledger that is gone after it took a command says nothing of it: it is pending still', async () => {
  const ledger = client({ deadlineMs: 1_000 });
  const accountId = randomUUID();
  const taken = { status: 202, body: JSON.stringify({ commandId: randomUUID(), accountId, status: 'pending' }) };
  gateway.next(taken, taken, ...times(50, 'lose-request'));
  const pending = await ledger.openAccount({ accountId }, { key: 'k', wait: false });
  if (pending.status !== 'pending') throw new Error('it was to be pending');
  const error = await ledger.openAccount({ accountId }, { key: 'k' }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(OutcomePending);
  expect(error).toMatchObject({ key: 'k', commandId: pending.commandId, cause: expect.any(LedgerUnreachable) });
  await expect(ledger.outcomeOf(pending)).rejects.toBeInstanceOf(OutcomePending);
  await expect(ledger.outcomeOf(pending, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});
