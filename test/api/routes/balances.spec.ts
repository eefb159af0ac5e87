import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { expectProblem, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('balances are listed by asset, at their scale, with the position they were seen at', async () => {
  const accountId = await openedAccount(api);
  let position = '';
  for (const [asset, amount] of [
    ['USD', '90.5'],
    ['JPY', '90'],
    ['BTC', '0.1'],
  ])
    position = (await api.post(`/v1/accounts/${accountId}/deposits`, { asset, amount })).body.position;
  const { body } = await api.get(`/v1/accounts/${accountId}/balances?minPosition=${position}`);
  expect(body.data).toEqual([
    { asset: 'BTC', available: '0.10000000', held: '0.00000000', total: '0.10000000' },
    { asset: 'JPY', available: '90', held: '0', total: '90' },
    { asset: 'USD', available: '90.50', held: '0.00', total: '90.50' },
  ]);
  expect(BigInt(body.position)).toBeGreaterThanOrEqual(BigInt(position));
});

test('an asset that never moved stands at zero, at its scale; one that is not registered is unknown', async () => {
  const answer = await api.post('/v1/accounts', {});
  const path = `/v1/accounts/${answer.body.accountId}/balances`;
  const read = (asset: string) => api.get(`${path}/${asset}?minPosition=${answer.body.position}`);
  expect((await read('USD')).body).toEqual({ asset: 'USD', available: '0.00', held: '0.00', total: '0.00', position: expect.any(String) });
  expect((await read('ETH')).body.total).toBe(`0.${'0'.repeat(18)}`);
  expect((await read('JPY')).body.total).toBe('0');
  for (const unknown of ['XAU', 'usd', 'x'.repeat(200)]) expectProblem(await read(unknown), 400, 'unknown_asset');
  expectProblem(await api.get('/v1/accounts/none/balances/XAU'), 404, 'account_not_found');
});

describe('balances at a time', () => {
  let path: string;
  let position: string;
  beforeAll(async () => {
    const account = `/v1/accounts/${await openedAccount(api)}`;
    path = `${account}/balances`;
    await api.post(`${account}/deposits`, { asset: 'USD', amount: '10' });
    const dated = { asset: 'USD', amount: '4', effectiveAt: '2020-06-01T00:00:00Z' };
    ({ position } = (await api.post(`${account}/withdrawals`, dated)).body);
  });
  const read = async (query: string) => (await api.get(`${path}?minPosition=${position}&${query}`)).body;
  const usd = (available: string) => [{ asset: 'USD', available, held: '0.00', total: available }];

  test('are what the ledger knew then', async () => {
    const known = await read('at=2020-07-01T00:00:00Z');
    expect(known).toEqual({ data: [], position: expect.any(String), at: '2020-07-01T00:00:00Z', by: 'system', mayBeNegative: false });
    expect((await read('at=2999-01-01T00:00:00Z&by=system')).data).toEqual(usd('6.00'));
  });

  test('by effective time are what is known now of then, below zero if need be', async () => {
    const at = '2020-07-01T00:00:00Z';
    expect(await read(`at=${at}&by=effective`)).toEqual({
      data: usd('-4.00'),
      position: expect.any(String),
      at,
      by: 'effective',
      mayBeNegative: true,
    });
    expect((await read('at=2020-05-01T00:00:00Z&by=effective')).data).toEqual([]);
    expect((await read('at=2999-01-01T00:00:00Z&by=effective')).data).toEqual(usd('6.00'));
  });

  test('are not asked for by a time without one, or by one that is none', async () => {
    for (const query of ['by=effective', 'at=yesterday', 'at=2020-01-01T00:00:00Z&by=other', 'at=2020-01-01T00:00:00%2B01:00'])
      expectProblem(await api.get(`${path}?${query}`), 400, 'malformed_request');
    // The shape of a request is judged before the account is looked for.
    expectProblem(await api.get(`/v1/accounts/${randomUUID()}/balances?by=effective`), 400, 'malformed_request');
  });

  test('have the account’s tag: what is dated back later changes it', async () => {
    const query = `${path}?at=2020-07-01T00:00:00Z&by=effective`;
    const tagged = { 'if-none-match': (await api.get(query)).headers['etag'] ?? '' };
    expect((await api.get(query, tagged)).status).toBe(304);
    const dated = { asset: 'USD', amount: '5', effectiveAt: '2020-06-15T00:00:00Z' };
    const { body } = await api.post(path.replace('/balances', '/deposits'), dated);
    const answer = await api.get(`${query}&minPosition=${body.position}`, tagged);
    expect([answer.status, answer.body.data]).toEqual([200, usd('1.00')]);
  });
});
