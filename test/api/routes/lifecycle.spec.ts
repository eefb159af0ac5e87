import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { as, expectProblem, fundedAccount, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const DOLLAR = { asset: 'USD', amount: '1.00' };

test('nothing moves in an account that is frozen, until it is unfrozen', async () => {
  const account = `/v1/accounts/${await fundedAccount(api, '5.00')}`;
  const frozen = await api.post(`${account}/freeze`, { reason: 'reported as stolen' });
  expect(frozen.status).toBe(200);
  expect(frozen.body).toMatchObject({ status: 'applied', balances: [], result: {} });
  expect((await api.get(`${account}?minPosition=${frozen.body.position}`)).body.status).toBe('frozen');
  expectProblem(await api.post(`${account}/withdrawals`, DOLLAR), 422, 'account_frozen');
  expectProblem(await api.post(`${account}/coins`, { symbol: 'BTC', quantity: '1' }), 422, 'account_frozen');
  expectProblem(await api.post(`${account}/freeze`, { reason: 'again' }), 422, 'account_frozen');
  expect((await api.post(`${account}/unfreeze`, { reason: 'found' })).status).toBe(200);
  expect((await api.post(`${account}/withdrawals`, DOLLAR)).status).toBe(201);
});

test('an account is closed when it is empty, and stays closed', async () => {
  const account = `/v1/accounts/${await fundedAccount(api, '1.00')}`;
  expectProblem(await api.post(`${account}/close`, {}), 422, 'account_not_empty');
  await api.post(`${account}/withdrawals`, DOLLAR);
  const closed = await api.post(`${account}/close`, {});
  expect(closed.status).toBe(200);
  expect((await api.get(`${account}?minPosition=${closed.body.position}`)).body.status).toBe('closed');
  for (const [path, body] of [
    ['deposits', DOLLAR],
    ['freeze', { reason: 'x' }],
    ['unfreeze', { reason: 'x' }],
    ['close', {}],
  ] as const)
    expectProblem(await api.post(`${account}/${path}`, body), 422, 'account_closed');
});

test.each(['freeze', 'unfreeze'])('a reason is needed to %s', async (action) => {
  expectProblem(await api.post(`/v1/accounts/${await openedAccount(api)}/${action}`, {}), 400, 'malformed_request', {
    errors: [{ pointer: '#/reason', detail: 'required' }],
  });
});

test.each(['freeze', 'unfreeze', 'close'])('%s is for operators', async (action) => {
  const path = `/v1/accounts/${await openedAccount(api)}/${action}`;
  for (const role of ['user', 'auditor', 'producer'] as const)
    expectProblem(await api.post(path, { reason: 'x' }, as(role, 'somebody')), 403, 'forbidden');
});
