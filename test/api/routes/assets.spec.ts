import { afterAll, beforeAll, expect, test } from 'vitest';
import { INITIAL_ASSETS } from '../../../src/domain/assets.ts';
import { RegisterAssetCommand } from '../../../src/domain/commands.ts';
import { assetScopeOf, commandIdOf } from '../../../src/domain/ids.ts';
import type { TestApi } from '../api-stack.ts';
import { as, expectProblem, newKey, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('a ledger starts with some assets', async () => {
  const { body } = await api.get('/v1/assets');
  expect(body.data).toEqual([...INITIAL_ASSETS].sort((one, other) => (one.code < other.code ? -1 : 1)));
});

test('an operator registers another, and it can be used at once', async () => {
  const key = newKey();
  const gold = { code: 'XAU', name: 'Gold', kind: 'coin', scale: 4 };
  const answer = await api.post('/v1/assets', gold, { 'idempotency-key': key });
  expect(answer.status).toBe(201);
  expect(answer.headers['location']).toBe('/v1/assets/XAU');
  expect(answer.body).toEqual({
    commandId: commandIdOf(assetScopeOf(RegisterAssetCommand.shape.code.parse('XAU')), key),
    status: 'applied',
    revision: '0',
    position: expect.any(String),
    result: { code: 'XAU' },
  });
  const deposit = await api.post(`/v1/accounts/${await openedAccount(api)}/deposits`, { asset: 'XAU', amount: '0.5' });
  expect(deposit.body.balances).toEqual([{ asset: 'XAU', available: '0.5000', held: '0.0000' }]);
  expect((await api.get(`/v1/assets/XAU?minPosition=${answer.body.position}`)).body).toEqual({ ...gold, active: true });
  const command = await api.get(`/v1/commands/${answer.body.commandId}`);
  expect(command.body).toMatchObject({ status: 'applied', result: { code: 'XAU' } });
  expect(command.body).not.toHaveProperty('accountId');

  expect((await api.post('/v1/assets', gold, { 'idempotency-key': key })).headers['idempotency-hit']).toBe('true');
  expectProblem(await api.post('/v1/assets', { ...gold, scale: 5 }), 409, 'already_exists', { asset: 'XAU' });
  expectProblem(await api.post('/v1/assets', { ...gold, scale: 5 }, { 'idempotency-key': key }), 422, 'idempotency_key_reused');
});

test('what is refused', async () => {
  const body = { code: 'XPT', name: 'Platinum', kind: 'coin', scale: 4 };
  for (const wrong of [{ scale: 19 }, { scale: -1 }, { scale: 1.5 }, { kind: 'metal' }, { code: 'xpt' }, { active: true }, { name: '' }])
    expectProblem(await api.post('/v1/assets', { ...body, ...wrong }), 400, 'malformed_request');
  expectProblem(await api.post('/v1/assets', body, as('user', 'alice')), 403, 'forbidden');
  expectProblem(await api.get('/v1/assets/XPT'), 404, 'not_found');
});
