import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { expectProblem, fundedAccount, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('limits hold back what is above them, and are listed', async () => {
  const account = `/v1/accounts/${await fundedAccount(api, '1000.00')}`;
  const withdraw = (amount: string) => api.post(`${account}/withdrawals`, { asset: 'USD', amount });
  const set = await api.send('PUT', `${account}/limits`, { body: { asset: 'USD', perWithdrawal: '500', perDay: '600.0' } });
  expect(set.status).toBe(200);
  expect((await api.get(`${account}/limits?minPosition=${set.body.position}`)).body).toEqual({
    data: [{ asset: 'USD', perWithdrawal: '500.00', perDay: '600.00' }],
    next: null,
    previous: null,
    hasMore: false,
  });
  expectProblem(await withdraw('500.01'), 422, 'limit_exceeded', { limit: 'perWithdrawal', maximum: '500.00', requested: '500.01' });
  expect((await withdraw('500.00')).status).toBe(201);
  expectProblem(await withdraw('100.01'), 422, 'limit_exceeded', { limit: 'perDay', maximum: '600.00', spent: '500.00' });
  expect((await withdraw('100.00')).status).toBe(201);
});

test('a limit that is not given is none', async () => {
  const account = `/v1/accounts/${await openedAccount(api)}`;
  await api.send('PUT', `${account}/limits`, { body: { asset: 'JPY', perWithdrawal: '5', perDay: '6' } });
  const { body } = await api.send('PUT', `${account}/limits`, { body: { asset: 'JPY', perDay: '7' } });
  const limits = await api.get(`${account}/limits?minPosition=${body.position}`);
  expect(limits.body.data).toEqual([{ asset: 'JPY', perWithdrawal: null, perDay: '7' }]);
});

test('what is refused', async () => {
  const path = `/v1/accounts/${await openedAccount(api)}/limits`;
  const put = (body: object) => api.send('PUT', path, { body });
  expectProblem(await put({ asset: 'USD', perDay: '0' }), 400, 'invalid_amount');
  expectProblem(await put({ asset: 'JPY', perDay: '0.5' }), 400, 'invalid_amount', {
    errors: [{ pointer: '#/perDay', detail: expect.any(String) }],
  });
  expectProblem(await put({ asset: 'XAU', perDay: '1' }), 400, 'unknown_asset');
  expectProblem(await put({ perDay: '1' }), 400, 'malformed_request');
});
