import { afterAll, beforeAll, expect, test } from 'vitest';
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
