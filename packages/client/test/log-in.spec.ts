import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { UserSession } from '@ledgerfold/client';
import { createLedgerClient, LedgerProblem, LedgerUnreachable, logIn, registerUser, SessionEnded } from '@ledgerfold/client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LedgerProcess } from '../../../test/stack/ledger-process.ts';
import { ledgerEnvironment, spawnLedger } from '../../../test/stack/ledger-process.ts';
import type { TestStores } from '../../../test/stack/stores.ts';
import { startStores } from '../../../test/stack/stores.ts';
import type { FlakyGateway, Treatment } from './harness/flaky-gateway.ts';
import { startFlakyGateway } from './harness/flaky-gateway.ts';

const PROGRAM = fileURLToPath(new URL('../../../src/cli/ledger.ts', import.meta.url));
const PASSWORD = 'correct horse battery staple';
const CLIENT_ID = 'payroll';

let stores: TestStores;
let service: LedgerProcess;
let clientSecret: string;
let gateway: FlakyGateway;
beforeAll(async () => {
  stores = await startStores();
  const environment = { ...stores.environment, LEDGER_SELF_DEPOSIT: 'true' };
  service = await spawnLedger(environment);
  const created = await promisify(execFile)(process.execPath, [PROGRAM, 'clients', 'create', CLIENT_ID, '--role', 'producer', '--json'], {
    env: ledgerEnvironment({ ...environment, LEDGER_DATA_DIR: service.dataDir }),
  });
  clientSecret = JSON.parse(created.stdout).clientSecret;
});
afterAll(async () => {
  await service.close();
  await stores.close();
});
beforeEach(async () => {
  gateway = await startFlakyGateway(service.apiUrl);
});
afterEach(() => gateway[Symbol.asyncDispose]());

/** A user nobody has had yet. */
const newUser = () => ({ url: gateway.url, name: `user-${randomUUID()}`, password: PASSWORD });
const machine = (options: { readonly attemptTimeoutMs?: number } = {}) =>
  createLedgerClient({ url: gateway.url, ...options, credentials: { clientId: CLIENT_ID, clientSecret } });

/** An answer with a token that is to be renewed at once. */
const expiresAtOnce: Treatment = ({ status, body }) => ({ status, body: { ...(body as object), expiresIn: 0, expires_in: 0 } });
const problem = (status: number, code: string, { retryable = false, retryAfter = '' } = {}): Treatment => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...(retryAfter === '' ? {} : { 'retry-after': retryAfter }) },
  body: JSON.stringify({ type: '', title: '', status, detail: 'so says the gateway', instance: '', code, retryable }),
});
const expired = problem(401, 'token_expired');

/** A user whose token is about to be renewed. */
async function userAboutToRenew(): Promise<UserSession> {
  gateway.next(expiresAtOnce);
  return registerUser(newUser());
}
/** The paths asked for since then, in order. */
const pathsSince = (before: number): readonly string[] => gateway.seen.slice(before).map(({ path }) => path);
const REFRESH = '/v1/auth/refresh';
const LOG_IN = '/v1/auth/login';
const TOKEN = '/v1/auth/token';

test('whoever registers has an account, and acts on it; logged out, they do not', async () => {
  const user = newUser();
  const alice = await registerUser(user);
  const { position } = await alice.deposit(alice.accountId, { asset: 'USD', amount: '90.00' });
  expect(await alice.getBalance(alice.accountId, 'USD', { minPosition: position })).toMatchObject({ available: '90.00' });
  expect(await alice.getMe()).toMatchObject({ userId: alice.userId, name: user.name });

  await alice.logOut();
  const before = gateway.seen.length;
  await expect(alice.getMe()).rejects.toThrow(SessionEnded);
  await alice.logOut();
  expect(pathsSince(before)).toEqual([]);

  const again = await logIn(user);
  expect(again).toMatchObject({ userId: alice.userId, accountId: alice.accountId });
});

test('many calls at once make one refresh, without the password', async () => {
  const alice = await userAboutToRenew();
  const before = gateway.seen.length;
  await Promise.all(Array.from({ length: 20 }, () => alice.getAccount(alice.accountId)));
  expect(pathsSince(before).filter((path) => path.startsWith('/v1/auth/'))).toEqual([REFRESH]);
  expect(pathsSince(before)).toHaveLength(21);
});

test('every refresh goes on with the cookie of the one before', async () => {
  const alice = await userAboutToRenew();
  const before = gateway.seen.length;
  for (let round = 0; round < 3; round += 1) {
    gateway.next(expiresAtOnce);
    await alice.getMe();
  }
  expect(pathsSince(before)).toEqual([REFRESH, '/v1/me', REFRESH, '/v1/me', REFRESH, '/v1/me']);
});

test('a token that the ledger calls expired is renewed once, and the command sent again with its key', async () => {
  const alice = await registerUser(newUser());
  const before = gateway.seen.length;
  gateway.next(expired);
  const paid = await alice.deposit(alice.accountId, { asset: 'USD', amount: '5.00' });
  expect(paid).toMatchObject({ hit: false, balances: [{ available: '5.00' }] });
  const [first, renewal, second, ...more] = gateway.seen.slice(before);
  expect(more).toEqual([]);
  expect(renewal?.path).toBe(REFRESH);
  expect(second).toMatchObject({ path: first?.path, key: paid.key });
  expect(first?.key).toBe(paid.key);
  expect(second?.authorization).not.toBe(first?.authorization);

  gateway.next(expired, 'pass', expired);
  await expect(alice.deposit(alice.accountId, { asset: 'USD', amount: '5.00' }, { key: 'mine' })).rejects.toMatchObject({
    code: 'token_expired',
    key: 'mine',
  });
});

test('a refresh whose answer is lost is not sent again, which would end the session: the password takes its place', async () => {
  const alice = await userAboutToRenew();
  const before = gateway.seen.length;
  gateway.next('lose-answer', expiresAtOnce);
  await alice.getMe();
  await alice.getMe();
  expect(pathsSince(before)).toEqual([REFRESH, LOG_IN, '/v1/me', REFRESH, '/v1/me']);
});

test('a refresh that the ledger had no time for is sent again, no sooner than it says', async () => {
  const alice = await userAboutToRenew();
  const before = gateway.seen.length;
  gateway.next(problem(503, 'overloaded', { retryable: true, retryAfter: '1' }));
  await alice.getMe();
  expect(pathsSince(before)).toEqual([REFRESH, REFRESH, '/v1/me']);
  const [first, second] = gateway.seen.slice(before).map(({ atMs }) => atMs);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(990);
});

test('a session that was ended elsewhere goes on by the password', async () => {
  const alice = await userAboutToRenew();
  const before = gateway.seen.length;
  gateway.next(problem(401, 'unauthenticated'));
  await alice.getMe();
  expect(pathsSince(before)).toEqual([REFRESH, LOG_IN, '/v1/me']);
});

test('a registration whose answer is lost is the caller’s own; a name that is taken is not', async () => {
  const user = newUser();
  gateway.next('lose-answer');
  const alice = await registerUser(user);
  expect(await alice.getMe()).toMatchObject({ userId: alice.userId, name: user.name });

  await expect(registerUser(user)).rejects.toMatchObject({ code: 'already_exists' });
  gateway.next('lose-request');
  await expect(registerUser({ ...user, password: 'another password' })).rejects.toMatchObject({ code: 'already_exists' });
});

test('refused credentials are a problem, with the command’s key, and are not tried again at once', async () => {
  const user = newUser();
  await registerUser(user);
  const wrong = { ...user, password: 'not the password' };
  await expect(logIn(wrong)).rejects.toMatchObject({ code: 'unauthenticated', status: 401 });

  const ledger = createLedgerClient({ url: user.url, credentials: wrong });
  const before = gateway.seen.length;
  for (const key of ['one', 'two'])
    await expect(ledger.openAccount({}, { key })).rejects.toMatchObject({ name: 'LedgerProblem', code: 'unauthenticated', key });
  expect(pathsSince(before)).toEqual([LOG_IN]);
});

test('too many log-ins: no sooner than Retry-After says', async () => {
  const user = newUser();
  await registerUser(user);
  const before = gateway.seen.length;
  gateway.next(problem(429, 'rate_limited', { retryable: true, retryAfter: '1' }));
  await logIn(user);
  const [first, second] = gateway.seen.slice(before).map(({ atMs }) => atMs);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(990);
});

test('a client with a user’s name and password logs in at the first call', async () => {
  const { url, name, password } = newUser();
  const { userId } = await registerUser({ url, name, password });
  const ledger = createLedgerClient({ url, credentials: { name, password } });
  const before = gateway.seen.length;
  expect(await ledger.getMe()).toMatchObject({ userId });
  expect(await ledger.getMe()).toMatchObject({ userId });
  expect(pathsSince(before)).toEqual([LOG_IN, '/v1/me', '/v1/me']);
});

test('a machine gets its tokens by its secret: one for many calls, another before it expires', async () => {
  const operator = createLedgerClient({ url: gateway.url, token: service.operatorToken });
  const { accountId } = await operator.openAccount();
  const ledger = machine();
  const deposit = () => ledger.deposit(accountId, { asset: 'USD', amount: '1.00' });
  const before = gateway.seen.length;
  gateway.next(expiresAtOnce);
  await deposit();
  await Promise.all(Array.from({ length: 10 }, deposit));
  expect(pathsSince(before).filter((path) => path === TOKEN)).toHaveLength(2);
  const { available } = await operator.getBalance(accountId, 'USD', { minPosition: (await deposit()).position });
  expect(available).toBe('12.00');
});

test('a machine whose secret is wrong is told so', async () => {
  const ledger = createLedgerClient({ url: gateway.url, credentials: { clientId: CLIENT_ID, clientSecret: 'wrong' } });
  const error = await ledger
    .listAssets()
    .page()
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(LedgerProblem);
  expect(error).toMatchObject({ code: 'unauthenticated', retryable: false });
});

test('a call gives up at its own deadline while its token is waited for; another one still gets it', async () => {
  const ledger = machine({ attemptTimeoutMs: 2_000 });
  gateway.next('hang');
  const patient = ledger.listAssets().page();
  const accountId = randomUUID();
  const hasty = await ledger
    .deposit(accountId, { asset: 'USD', amount: '1.00' }, { key: 'mine', deadlineMs: 100 })
    .catch((reason: unknown) => reason);
  expect(hasty).toBeInstanceOf(LedgerUnreachable);
  expect(hasty).toMatchObject({ key: 'mine' });
  const giveUp = new AbortController();
  const abandoned = ledger.getStatistics({ signal: giveUp.signal });
  giveUp.abort(new Error('no longer wanted'));
  await expect(abandoned).rejects.toThrow('no longer wanted');
  expect(pathsSince(0)).toEqual([TOKEN]);
  expect((await patient).data).not.toHaveLength(0);
});

test('logging out while the token is renewed ends what the renewal brings', async () => {
  const alice = await userAboutToRenew();
  const before = gateway.seen.length;
  gateway.next(async (answer) => {
    await alice.logOut();
    return answer;
  });
  await expect(alice.getMe()).rejects.toThrow(SessionEnded);
  expect(pathsSince(before)).toEqual([REFRESH, '/v1/auth/logout']);
});

test('a function is asked again for a token that the ledger does not take', async () => {
  const given = ['no token at all', service.operatorToken, 'another that is none'];
  const ledger = createLedgerClient({ url: gateway.url, token: () => given.shift() ?? '' });
  expect(await ledger.getStatistics()).toBeDefined();
  const fixed = createLedgerClient({ url: gateway.url, token: 'none' });
  const before = gateway.seen.length;
  await expect(fixed.getStatistics()).rejects.toMatchObject({ code: 'unauthenticated' });
  expect(pathsSince(before)).toHaveLength(1);
});
