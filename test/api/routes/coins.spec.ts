import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { expectProblem, fundedAccount, newKey, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const coinsOf = async (accountId: string, position: string) =>
  (await api.get(`/v1/accounts/${accountId}/coins?minPosition=${position}`)).body.data;

test('a coin is added to and taken from by a signed quantity, named by its code or a trading pair', async () => {
  const accountId = await openedAccount(api);
  const path = `/v1/accounts/${accountId}/coins`;
  const added = await api.post(path, { symbol: 'btcusdt', quantity: '+1.5' });
  expect(added.status).toBe(200);
  expect(added.body).toMatchObject({
    result: { symbol: 'BTC', quantity: '1.50000000' },
    balances: [{ asset: 'BTC', available: '1.50000000', held: '0.00000000' }],
  });
  const taken = await api.post(path, { symbol: 'BTC', quantity: '-0.5' });
  expect(taken.body.result).toEqual({ symbol: 'BTC', quantity: '-0.50000000' });
  expect(await coinsOf(accountId, taken.body.position)).toEqual([{ symbol: 'BTC', quantity: '1.00000000' }]);
});

test('what is refused', async () => {
  const path = `/v1/accounts/${await openedAccount(api)}/coins`;
  expectProblem(await api.post(path, { symbol: 'BTC', quantity: '-1' }), 422, 'insufficient_funds', { available: '0.00000000' });
  expectProblem(await api.post(path, { symbol: 'dogeusdt', quantity: '1' }), 400, 'unknown_asset', { asset: 'dogeusdt' });
  expectProblem(await api.post(path, { symbol: 'USD', quantity: '1' }), 400, 'unknown_asset');
  expectProblem(await api.post(path, { symbol: 'BTC', quantity: '0.0' }), 400, 'invalid_amount', {
    errors: [{ pointer: '#/quantity', detail: expect.any(String) }],
  });
  expectProblem(await api.post(path, { symbol: 'BTC', quantity: '0.000000001' }), 400, 'invalid_amount', {
    errors: [{ pointer: '#/quantity', detail: expect.any(String) }],
  });
  expectProblem(await api.post(path, { symbol: 'BTC' }), 400, 'malformed_request');
});

test('a coin is removed whole, once', async () => {
  const accountId = await fundedAccount(api, '2.5', 'SOL');
  const path = `/v1/accounts/${accountId}/coins/solusdt`;
  const headers = { 'idempotency-key': newKey() };
  const removed = await api.send('DELETE', path, { headers });
  expect(removed.status).toBe(200);
  expect(removed.body).toMatchObject({ result: { symbol: 'SOL', quantity: '2.500000000' } });
  expect((await api.send('DELETE', path, { headers })).headers['idempotency-hit']).toBe('true');
  expect(await coinsOf(accountId, removed.body.position)).toEqual([]);
  expectProblem(await api.send('DELETE', path), 404, 'not_found');
  expectProblem(await api.send('DELETE', `/v1/accounts/${accountId}/coins/x`), 400, 'unknown_asset');
  expectProblem(await api.send('DELETE', '/v1/accounts/none/coins/x'), 404, 'account_not_found');
});
