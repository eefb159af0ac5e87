import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { as, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('a user sees their accounts, and the coins of all of them together', async () => {
  const userId = randomUUID();
  const alice = as('user', userId);
  const accounts = [await openedAccount(api, alice), await openedAccount(api, alice)];
  let position = '';
  for (const [index, symbol, quantity] of [
    [0, 'BTC', '1.5'],
    [1, 'BTC', '0.25'],
    [1, 'ETH', '2'],
    [0, 'SOL', '1'],
    [0, 'SOL', '-1'],
  ] as const)
    position = (await api.post(`/v1/accounts/${accounts[index]}/coins`, { symbol, quantity }, alice)).body.position;
  await api.post(`/v1/accounts/${accounts[0]}/deposits`, { asset: 'USD', amount: '9.00' }, alice);

  for (const path of ['/v1/me', '/v1/profile']) {
    const { body } = await api.get(`${path}?minPosition=${position}`, alice);
    expect(body).toMatchObject({ userId, name: userId });
    expect(body.accounts.map(({ accountId }: { accountId: string }) => accountId)).toEqual(accounts);
    expect(body.coins).toEqual([
      { symbol: 'BTC', quantity: '1.75000000' },
      { symbol: 'ETH', quantity: `2.${'0'.repeat(18)}` },
    ]);
  }
});

test('whoever has no account sees none', async () => {
  const { body } = await api.get('/v1/me', as('auditor', 'auditor 1'));
  expect(body).toMatchObject({ name: 'auditor 1', accounts: [], coins: [], userId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
});
