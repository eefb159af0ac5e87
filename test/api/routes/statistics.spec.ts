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

test('statistics count what stands where, each event once', async () => {
  const account = `/v1/accounts/${await fundedAccount(api, '50.00')}`;
  const opened = (await api.post(`${account}/deposits`, { asset: 'USD', amount: '1' })).body.position;
  const { body: before } = await api.get(`/v1/statistics?minPosition=${opened}`);
  const hold = async () => (await api.post(`${account}/holds`, { asset: 'USD', amount: '1' })).body.result.holdId;
  const order = async () =>
    (await api.post(`${account}/orders`, { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '1', orderType: 'MARKET' })).body.result.orderId;
  const [, captured, released] = [await hold(), await hold(), await hold()];
  const [, executed, cancelled] = [await order(), await order(), await order()];
  await api.post(`${account}/holds/${captured}/capture`);
  await api.post(`${account}/holds/${released}/release`);
  await api.post(`${account}/orders/${executed}/fills`, { amountIn: '1', amountOut: '1' });
  const { position } = (await api.post(`${account}/orders/${cancelled}/cancel`)).body;
  const { body } = await api.get(`/v1/statistics?minPosition=${position}`);
  expect(body.holds).toEqual({ open: 1, captured: 1, released: 1, expired: 0 });
  expect(body.orders).toEqual({ pending: 1, executed: 1, cancelled: 1, expired: 0 });
  expect(body.transfers).toEqual({ pending: 0, completed: 0, returned: 0 });
  expect(body.events - before.events).toBe(10);
  const filled = body.moved.filter(({ type }: { type: string }) => type === 'order-filled');
  expect(filled).toEqual([
    { type: 'order-filled', asset: 'BTC', events: 1, volume: '1.00000000' },
    { type: 'order-filled', asset: 'USD', events: 1, volume: '1.00' },
  ]);
});
