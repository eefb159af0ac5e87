import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApi } from './api-stack.ts';
import { as, expectProblem, NOBODY, openedAccount, startTestApi } from './api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const deposit = (accountId: string, amount: string) => api.post(`/v1/accounts/${accountId}/deposits`, { asset: 'USD', amount });

describe('minPosition', () => {
  test('makes a client read its own writes', async () => {
    const accountId = await openedAccount(api);
    for (let cents = 1; cents <= 5; cents += 1) {
      const { body } = await deposit(accountId, '0.01');
      const answer = await api.get(`/v1/accounts/${accountId}/balances/USD?minPosition=${body.position}`);
      expect(answer.body).toMatchObject({ available: `0.0${cents}` });
      expect(BigInt(answer.body.position)).toBeGreaterThanOrEqual(BigInt(body.position));
    }
  });
  test('is given up after two seconds', async () => {
    const answer = await api.get('/v1/assets?minPosition=9223372036854775807');
    expectProblem(answer, 503, 'projection_behind', { retryable: true, minPosition: '9223372036854775807' });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });
  test.each(['-1', '1.5', '', 'latest', '1&minPosition=2', '9'.repeat(40)])('is refused where it is no position: %s', async (value) => {
    expectProblem(await api.get(`/v1/assets?minPosition=${value}`), 400, 'malformed_request');
  });
});

describe('an entity tag', () => {
  const tagged = ['', '/balances', '/balances/USD', '/coins', '/limits'];
  test.each(tagged)('of /accounts/{id}%s is the revision, until the account moves on', async (path) => {
    const accountId = await openedAccount(api);
    const { body } = await deposit(accountId, '1.00');
    const url = `/v1/accounts/${accountId}${path}`;
    const first = await api.get(`${url}?minPosition=${body.position}`);
    expect(first.headers['etag']).toBe('"1"');

    const second = await api.get(url, { 'if-none-match': '"1"' });
    expect(second.status).toBe(304);
    expect(second.headers['etag']).toBe('"1"');
    expect(second.text).toBe('');

    const moved = await deposit(accountId, '1.00');
    const third = await api.get(`${url}?minPosition=${moved.body.position}`, { 'if-none-match': '"1"' });
    expect(third.status).toBe(200);
    expect(third.headers['etag']).toBe('"2"');
  });
  test('is what If-Match asks for', async () => {
    const accountId = await openedAccount(api);
    const { body } = await deposit(accountId, '1.00');
    const { headers } = await api.get(`/v1/accounts/${accountId}?minPosition=${body.position}`);
    const path = `/v1/accounts/${accountId}/withdrawals`;
    const answer = await api.post(path, { asset: 'USD', amount: '1.00' }, { 'if-match': String(headers['etag']) });
    expect(answer.status).toBe(201);
  });
  test('stands nowhere else', async () => {
    const accountId = await openedAccount(api);
    for (const path of ['/v1/accounts', '/v1/assets', '/v1/me', '/v1/statistics', `/v1/accounts/${accountId}/entries`])
      expect((await api.get(path)).headers['etag']).toBeUndefined();
  });
});

describe('who may read', () => {
  const alice = as('user', randomUUID());
  const bob = as('user', randomUUID());

  test("a user reads their own accounts; somebody else's are not there", async () => {
    const accountId = await openedAccount(api, alice);
    const { body: mine } = await deposit(accountId, '1.00');
    for (const path of ['', '/balances', '/balances/USD', '/coins', '/limits', '/entries']) {
      const url = `/v1/accounts/${accountId}${path}?minPosition=${mine.position}`;
      expect((await api.get(url, alice)).status).toBe(200);
      expect((await api.get(url, as('auditor', 'a'))).status).toBe(200);
      const refused = await api.get(url, bob);
      expectProblem(refused, 404, 'account_not_found');
      const absent = await api.get(`/v1/accounts/${randomUUID()}${path}`, bob);
      expect(absent.body.detail.replace(/[0-9a-f-]{36}/, '')).toBe(refused.body.detail.replace(/[0-9a-f-]{36}/, ''));
      expectProblem(await api.get(url, NOBODY), 401, 'unauthenticated');
      expectProblem(await api.get(url, as('producer', 'p')), 403, 'forbidden');
    }
  });
  test('a path without an account id that is one names no account', async () => {
    for (const id of ['none', '123', 'x'.repeat(300), '%00', randomUUID().slice(1)])
      expectProblem(await api.get(`/v1/accounts/${id}`), 404, 'account_not_found');
  });
  test('an account id may be written in capitals', async () => {
    const accountId = await openedAccount(api);
    const { body } = await deposit(accountId, '1.00');
    const answer = await api.get(`/v1/accounts/${accountId.toUpperCase()}?minPosition=${body.position}`);
    expect(answer.body.accountId).toBe(accountId);
  });
});

describe('a list', () => {
  test('is read page by page, there and back, by cursors and by links', async () => {
    const accountId = await openedAccount(api);
    let position = '';
    for (const amount of ['1.00', '2.00', '3.00', '4.00', '5.00']) position = (await deposit(accountId, amount)).body.position;
    const path = `/v1/accounts/${accountId}/entries?limit=2&asset=USD&minPosition=${position}`;
    const amountsOf = (answer: { body: { data: { amount: string }[] } }) => answer.body.data.map(({ amount }) => amount);

    const first = await api.get(path);
    expect(amountsOf(first)).toEqual(['5.00', '4.00']);
    expect(first.body).toMatchObject({ hasMore: true, previous: null });

    const link = /<([^>]+)>; rel="next"/.exec(String(first.headers['link']))?.[1] ?? '';
    const second = await api.get(link);
    expect(amountsOf(second)).toEqual(['3.00', '2.00']);

    const third = await api.get(`${path}&cursor=${second.body.next}`);
    expect(amountsOf(third)).toEqual(['1.00']);
    expect(third.body).toMatchObject({ hasMore: false, next: null });
    expect(third.headers['link']).toMatch(/rel="prev"$/);

    const back = await api.get(`${path}&cursor=${third.body.previous}`);
    expect(amountsOf(back)).toEqual(['3.00', '2.00']);
  });
  test('of assets has pages, too', async () => {
    const whole = await api.get('/v1/assets?limit=200');
    const codes: string[] = [];
    let path = '/v1/assets?limit=3';
    for (let pages = 0; pages < 10; pages += 1) {
      const { body } = await api.get(path);
      codes.push(...body.data.map(({ code }: { code: string }) => code));
      if (body.next === null) break;
      path = `/v1/assets?limit=3&cursor=${body.next}`;
    }
    expect(codes).toEqual(whole.body.data.map(({ code }: { code: string }) => code));
  });
  test.each([
    'limit=0',
    'limit=201',
    'limit=-1',
    'limit=1.5',
    'limit=many',
    'limit=',
    'cursor=nonsense',
    'cursor=',
    'offset=3',
    'limit=1&limit=2',
    'limit[]=1',
    '__proto__=1',
    'constructor=1',
  ])('refuses %s', async (query) => {
    expectProblem(await api.get(`/v1/assets?${query}`), 400, 'malformed_request');
    expectProblem(await api.get(`/v1/accounts?${query}`), 400, 'malformed_request');
  });
  test('refuses the cursor of another list', async () => {
    const { body } = await api.get('/v1/assets?limit=1');
    expectProblem(await api.get(`/v1/accounts?cursor=${body.next}`), 400, 'malformed_request');
  });
});
