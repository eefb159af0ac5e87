import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { fundedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('statistics count what happened, what it moved, and what was refused', async () => {
  const account = `/v1/accounts/${await fundedAccount(api, '5.00')}`;
  const move = (path: string, amount: string) => api.post(`${account}/${path}`, { asset: 'USD', amount });
  await move('withdrawals', '9.00');
  await move('withdrawals', '2.00');
  await move('withdrawals', '3.00');
  const { body: closed } = await api.post(`${account}/close`, {});
  const { body } = await api.get(`/v1/statistics?minPosition=${closed.position}`);
  expect(body).toMatchObject({
    accountsOpened: 1,
    accountsClosed: 1,
    moved: [
      { type: 'deposited', asset: 'USD', events: 1, volume: '5.00' },
      { type: 'withdrawn', asset: 'USD', events: 2, volume: '5.00' },
    ],
    refused: [{ code: 'insufficient_funds', events: 1 }],
  });
  expect(body.events).toBeGreaterThan(5);
});
