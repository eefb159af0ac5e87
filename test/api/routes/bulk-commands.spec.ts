import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandIdOf, openedAccountIdOf } from '../../../src/domain/ids.ts';
import type { TestApi } from '../api-stack.ts';
import { as, expectProblem, fundedAccount, NOBODY, newKey, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const sendAll = async (commands: readonly unknown[], headers: Readonly<Record<string, string>> = {}, query = '') => {
  const answer = await api.send('POST', `/v1/commands${query}`, { body: { commands }, headers });
  expect(answer.status).toBe(200);
  return answer.body.results;
};
const deposit = (accountId: string, amount: string, key = newKey()) => ({ key, type: 'deposit', accountId, asset: 'USD', amount });
const withdraw = (accountId: string, amount: string, key = newKey()) => ({ key, type: 'withdraw', accountId, asset: 'USD', amount });

test('every command is answered as its own route would answer it, in order', async () => {
  const accountId = await openedAccount(api);
  const key = newKey();
  const results = await sendAll([
    deposit(accountId, '5.00', key),
    withdraw(accountId, '9.00'),
    withdraw(accountId, '2.00'),
    deposit(accountId, '5.0', key),
  ]);
  expect(results.map(({ httpStatus }: { httpStatus: number }) => httpStatus)).toEqual([201, 422, 201, 201]);
  expect(results[0]).toMatchObject({ status: 'applied', commandId: commandIdOf(accountId, key), accountId, revision: '1' });
  expect(results[1]).toMatchObject({
    code: 'insufficient_funds',
    available: '5.00',
    status: 422,
    revision: '2',
    instance: expect.any(String),
  });
  expect(results[2].balances).toEqual([{ asset: 'USD', available: '3.00', held: '0.00' }]);
  expect(results[3]).toEqual(results[0]);
});

test('one that is malformed has its own problem, and the others go on', async () => {
  const accountId = await openedAccount(api);
  const results = await sendAll([
    deposit(accountId, '0'),
    deposit(accountId, '1.005'),
    { ...deposit(accountId, '1.00'), note: 'x' },
    { ...deposit(accountId, '1.00'), key: undefined },
    { ...deposit(accountId, '1.00'), key: 'sys:mine' },
    { ...deposit(accountId, '1.00'), key: 7 },
    { ...deposit(accountId, '1.00'), accountId: 'none' },
    deposit(randomUUID(), '1.00'),
    { key: newKey(), type: 'register-asset', code: 'XAU', name: 'Gold', kind: 'coin', scale: 2 },
    'deposit',
    null,
    deposit(accountId, '1.00'),
  ]);
  expect(results.map(({ httpStatus, code }: { httpStatus: number; code?: string }) => [httpStatus, code])).toEqual([
    [400, 'invalid_amount'],
    [400, 'invalid_amount'],
    [400, 'malformed_request'],
    [400, 'idempotency_key_missing'],
    [400, 'malformed_request'],
    [400, 'malformed_request'],
    [400, 'malformed_request'],
    [404, 'account_not_found'],
    [400, 'malformed_request'],
    [400, 'malformed_request'],
    [400, 'malformed_request'],
    [201, undefined],
  ]);
  expect(results[0].errors[0].pointer).toBe('#/commands/0/amount');
  expect(results[1].errors[0].pointer).toBe('#/commands/1/amount');
  expect(results[2].errors).toEqual([{ pointer: '#/commands/2/note', detail: 'unknown field' }]);
  expect(results[4].errors[0].pointer).toBe('#/commands/4/key');
});

test('a thousand commands of some accounts keep the order of each', async () => {
  const accounts = await Promise.all(Array.from({ length: 5 }, () => openedAccount(api)));
  // Each withdrawal takes what the deposit before it brought: in any other order some would be refused.
  const commands = Array.from({ length: 1_000 }, (_, index) => {
    const accountId = accounts[index % 5] ?? '';
    return Math.floor(index / 5) % 2 === 0 ? deposit(accountId, '1.00') : withdraw(accountId, '1.00');
  });
  const results = await sendAll(commands);
  expect(new Set(results.map(({ httpStatus }: { httpStatus: number }) => httpStatus))).toEqual(new Set([201]));
  const [first = ''] = accounts;
  const revisions = results.flatMap(({ accountId, revision }: { accountId: string; revision: string }) =>
    accountId === first ? Number(revision) : [],
  );
  expect(revisions).toEqual(revisions.toSorted((one: number, other: number) => one - other));
});

test('every type of command may be sent', async () => {
  const accountId = await fundedAccount(api, '2.00');
  const named = (type: string, fields: object = {}) => ({ key: newKey(), type, accountId, ...fields });
  const key = newKey();
  const results = await sendAll([
    { key, type: 'open-account', label: 'by key' },
    { key: newKey(), type: 'open-account', accountId: randomUUID() },
    named('update-coin', { symbol: 'btcusdt', quantity: '1' }),
    named('remove-coin', { symbol: 'BTC' }),
    named('set-limits', { asset: 'USD', perDay: '5' }),
    named('freeze-account', { reason: 'x' }),
    named('unfreeze-account', { reason: 'x' }),
    named('withdraw', { asset: 'USD', amount: '2.00' }),
    named('close-account'),
  ]);
  expect(results.map(({ httpStatus }: { httpStatus: number }) => httpStatus)).toEqual([201, 201, 200, 200, 200, 200, 200, 201, 200]);
  const single = await api.post('/v1/accounts', { label: 'by key' }, { 'idempotency-key': key });
  expect(single.headers['idempotency-hit']).toBe('true');
  expect(results[0].accountId).toBe(single.body.accountId);
});

test('holds, orders, transfers and reversals are commands like others', async () => {
  const accountId = await fundedAccount(api, '10.00');
  const to = await openedAccount(api);
  const named = (type: string, fields: object = {}) => ({ key: newKey(), type, accountId, ...fields });
  const order = { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '1', orderType: 'MARKET' };
  const made = await sendAll([
    named('transfer', { to, asset: 'USD', amount: '1' }),
    named('place-hold', { asset: 'USD', amount: '2' }),
    named('place-order', order),
    named('deposit', { asset: 'USD', amount: '1' }),
  ]);
  expect(made.map(({ httpStatus }: { httpStatus: number }) => httpStatus)).toEqual([201, 201, 201, 201]);
  const { holdId } = made[1].result;
  const { orderId } = made[2].result;
  const fill = { orderId, amountIn: '0.5', amountOut: '1', txHash: '0x1' };
  const done = await sendAll([
    named('capture-hold', { holdId, amount: '1' }),
    named('release-hold', { holdId }),
    named('fill-order', fill),
    named('fill-order', fill),
    named('cancel-order', { orderId }),
    named('reverse', { eventId: made[3].result.entryId, reason: 'x' }),
    named('fill-order', { ...fill, amountOut: '1.000000001', txHash: '0x2' }),
    named('place-order', { ...order, orderType: 'LIMIT' }),
    named('release-hold', { holdId: 'none' }),
    named('expire-hold', { holdId }),
  ]);
  expect(done.map(({ httpStatus }: { httpStatus: number }) => httpStatus)).toEqual([200, 200, 201, 201, 200, 201, 409, 400, 400, 400]);
  expect(done[3].result).toEqual(done[2].result);
  expect(done[6].code).toBe('order_not_open');
  expect([done[7].errors[0].pointer, done[8].errors[0].pointer]).toEqual(['#/commands/7/targetPrice', '#/commands/8/holdId']);
});

test('an amount inside another field is pointed at', async () => {
  const accountId = await fundedAccount(api, '10.00');
  const { orderId } = (
    await api.post(`/v1/accounts/${accountId}/orders`, { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '1', orderType: 'MARKET' })
  ).body.result;
  const fee = { asset: 'BTC', amount: '0.000000001' };
  const [refused] = await sendAll([{ key: newKey(), type: 'fill-order', accountId, orderId, amountIn: '1', amountOut: '1', fee }]);
  expect([refused.code, refused.errors[0].pointer]).toEqual(['invalid_amount', '#/commands/0/fee/amount']);
});

describe('users', () => {
  const userId = randomUUID();
  const alice = as('user', userId);
  test('act on their own accounts, and only as users may', async () => {
    const accountId = await openedAccount(api, alice);
    const others = await fundedAccount(api, '5.00');
    const key = newKey();
    const results = await sendAll(
      [
        deposit(accountId, '1.00'),
        withdraw(others, '1.00'),
        { key: newKey(), type: 'freeze-account', accountId, reason: 'x' },
        { key: newKey(), type: 'open-account', accountId: randomUUID() },
        { key, type: 'open-account' },
        { ...deposit(accountId, '1.00'), effectiveAt: '2020-01-01T00:00:00Z' },
        { key: newKey(), type: 'fill-order', accountId },
      ],
      alice,
    );
    expect(results.map(({ httpStatus }: { httpStatus: number }) => httpStatus)).toEqual([201, 404, 403, 403, 201, 403, 403]);
    expect(results[4].accountId).toBe(openedAccountIdOf(userId, key));
  });
  test('an auditor sends nothing', async () => {
    expectProblem(await api.send('POST', '/v1/commands', { body: { commands: [] }, headers: as('auditor', 'a') }), 403, 'forbidden');
    expectProblem(await api.send('POST', '/v1/commands', { body: { commands: [] }, headers: NOBODY }), 401, 'unauthenticated');
  });
});

test('a dry run decides each by itself, and stores nothing', async () => {
  const accountId = await openedAccount(api);
  const { key: _key, ...keyless } = deposit(accountId, '5.00');
  const results = await sendAll([keyless, withdraw(accountId, '5.00')], {}, '?dryRun=true');
  expect(results.map(({ httpStatus, status }: { httpStatus: number; status: unknown }) => [httpStatus, status])).toEqual([
    [200, 'would_apply'],
    [422, 422],
  ]);
});

describe('the whole is refused', () => {
  test.each([
    ['no list', { commands: {} }],
    ['nothing', {}],
    ['more than a thousand', { commands: Array.from({ length: 1_001 }, () => ({})) }],
    ['unknown fields', { commands: [], atomic: true }],
  ])('%s', async (_what, body) => {
    expectProblem(await api.send('POST', '/v1/commands', { body }), 400, 'malformed_request');
  });
  test('none is no commands', async () => expect(await sendAll([])).toEqual([]));
});
