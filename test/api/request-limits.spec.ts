// Asking too often: whoever is known, and whoever is not.
import { afterEach, expect, test } from 'vitest';
import type { Answer, TestApi } from './api-stack.ts';
import { as, expectProblem, newKey, openedAccount, startTestApi } from './api-stack.ts';

let api: TestApi;
afterEach(() => api.close());

const MANY = 40;
/** So slow that one is let in, and no other while a test runs, however slow the machine is. */
const PER_SECOND = 0.001;
const BY_PRINCIPAL = { maxRequests: 2_000, anonymousRequestsPerSecond: 0, requestsPerSecond: PER_SECOND };
const BY_ADDRESS = { maxRequests: 2_000, anonymousRequestsPerSecond: PER_SECOND };
const ALICE = as('user', '11111111-1111-4111-8111-111111111111');
const BOB = as('user', '22222222-2222-4222-8222-222222222222');
const PRODUCER = as('producer', 'payroll');
const FORGED = { authorization: 'Test nobody' };

const manyTimes = (path: string, headers: Readonly<Record<string, string>>): Promise<readonly Answer[]> =>
  Promise.all(Array.from({ length: MANY }, () => api.get(path, headers)));

/** Fails unless at least one was answered so, and the others were told that they are too many. */
function expectTooMany(answers: readonly Answer[], status: number): void {
  const refused = answers.filter((answer) => answer.status === 429);
  expect(answers.length - refused.length).toBeGreaterThanOrEqual(1);
  expect(refused.length).toBeGreaterThan(0);
  for (const answer of refused) {
    expectProblem(answer, 429, 'rate_limited', { retryable: true, retryAfter: answer.headers['retry-after'] });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  }
  expect(new Set(answers.filter((answer) => answer.status !== 429).map((answer) => answer.status))).toEqual(new Set([status]));
}

test('a principal who asks too often waits, and nobody else does', async () => {
  api = await startTestApi({ app: { edge: BY_PRINCIPAL } });
  expectTooMany(await manyTimes('/v1/me', ALICE), 200);
  expect((await api.get('/v1/me', BOB)).status).toBe(200);
  expect((await api.get('/health/ready', ALICE)).status).toBe(200);
});

test('each command of a bulk request counts; the request is let in whole, and what comes next waits for it', async () => {
  api = await startTestApi({ app: { edge: BY_PRINCIPAL } });
  const accountId = await openedAccount(api);
  const commands = Array.from({ length: 300 }, () => ({ key: newKey(), type: 'deposit', accountId, asset: 'USD', amount: '1.00' }));
  const bulk = await api.send('POST', '/v1/commands', { body: { commands }, headers: PRODUCER });
  expect(bulk.status).toBe(200);
  expect(bulk.body.results.every(({ httpStatus }: { httpStatus: number }) => httpStatus === 201)).toBe(true);
  const next = await api.get('/v1/me', PRODUCER);
  expectProblem(next, 429, 'rate_limited');
  expect(Number(next.headers['retry-after'])).toBeGreaterThan(299 / PER_SECOND);
});

test('without a limit nobody waits', async () => {
  api = await startTestApi();
  const answers = [...(await manyTimes('/v1/me', ALICE)), ...(await manyTimes('/v1/me', FORGED))];
  expect(answers.map(({ status }) => status)).not.toContain(429);
});

test('an address that sends wrong credentials too often waits, but not those behind it who came in before, nor other addresses', async () => {
  api = await startTestApi({ app: { edge: { ...BY_ADDRESS, trustProxy: ['loopback'] } } });
  const from = (address: string) => ({ 'x-forwarded-for': address });
  expect((await api.get('/v1/me', { ...ALICE, ...from('2001:db8:0:1::1') })).status).toBe(200);
  expectTooMany(await manyTimes('/v1/me', { ...FORGED, ...from('2001:db8:0:1::2') }), 401);
  // What does not fit is not even looked at any more.
  expectProblem(await api.get('/v1/me', { ...BOB, ...from('2001:db8:0:1::3') }), 429, 'rate_limited');
  expect((await api.get('/v1/me', { ...ALICE, ...from('2001:db8:0:1::3') })).status).toBe(200);
  expect((await api.get('/v1/me', { ...BOB, ...from('2001:db8:0:2::1') })).status).toBe(200);
});

test('logging in and its like count against an address, whatever comes of them', async () => {
  api = await startTestApi({ app: { edge: BY_ADDRESS } });
  expectTooMany(await Promise.all(Array.from({ length: MANY }, () => api.post('/v1/auth/login', {}))), 400);
  expect((await api.get('/v1/assets')).status).toBe(429);
});

test('good credentials never count against an address', async () => {
  api = await startTestApi({ app: { edge: BY_ADDRESS } });
  expect((await manyTimes('/v1/me', ALICE)).map(({ status }) => status)).toEqual(new Array(MANY).fill(200));
});

test('an address is believed only from a proxy that is trusted', async () => {
  api = await startTestApi({ app: { edge: { ...BY_ADDRESS, trustProxy: ['192.0.2.0/24'] } } });
  const answers = await Promise.all(
    Array.from({ length: MANY }, (_, index) => api.get('/v1/me', { ...FORGED, 'x-forwarded-for': `203.0.113.${index}` })),
  );
  expectTooMany(answers, 401);
});
