import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { as, expectProblem, fundedAccount, newKey, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const SIXTY_DIGITS = `${'9'.repeat(58)}.99`;

describe('a deposit', () => {
  test('adds to what is available, says the balance after it, and is found where it says', async () => {
    const accountId = await openedAccount(api);
    const path = `/v1/accounts/${accountId}/deposits`;
    const answer = await api.post(path, { asset: 'USD', amount: '90', reference: 'invoice 1', externalId: 'p-1', metadata: { a: [1] } });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      commandId: expect.any(String),
      status: 'applied',
      accountId,
      revision: '1',
      position: expect.stringMatching(/^[0-9]+$/),
      balances: [{ asset: 'USD', available: '90.00', held: '0.00' }],
      result: { entryId: expect.any(String) },
    });
    const found = await api.get(`${answer.headers['location']}?minPosition=${answer.body.position}`);
    expect(found.body).toMatchObject({ status: 'applied', accountId, result: answer.body.result });
  });

  test('shows every asset at its own scale', async () => {
    const accountId = await openedAccount(api);
    const availableAfter = async (asset: string, amount: string) =>
      (await api.post(`/v1/accounts/${accountId}/deposits`, { asset, amount })).body.balances[0].available;
    expect(await availableAfter('JPY', '90')).toBe('90');
    expect(await availableAfter('BTC', '0.1')).toBe('0.10000000');
    expect(await availableAfter('ETH', '0.000000000000000001')).toBe('0.000000000000000001');
    expect(await availableAfter('USD', '90071992547409.93')).toBe('90071992547409.93');
  });

  test('keeps sixty digits, and refuses one unit more', async () => {
    const accountId = await fundedAccount(api, SIXTY_DIGITS);
    const path = `/v1/accounts/${accountId}/deposits`;
    expectProblem(await api.post(path, { asset: 'USD', amount: '0.01' }), 422, 'amount_out_of_range', { asset: 'USD' });
    const { body } = await api.post(`/v1/accounts/${accountId}/withdrawals`, { asset: 'USD', amount: '0.01' });
    expect(body.balances).toEqual([{ asset: 'USD', available: `${'9'.repeat(58)}.98`, held: '0.00' }]);
    const balance = await api.get(`/v1/accounts/${accountId}/balances/USD?minPosition=${body.position}`);
    expect(balance.body.total).toBe(`${'9'.repeat(58)}.98`);
  });

  test.each(['1.005', `1${'0'.repeat(60)}`])('refuses an amount that does not fit its asset: %s', async (amount) => {
    const path = `/v1/accounts/${await openedAccount(api)}/deposits`;
    const errors = [{ pointer: '#/amount', detail: expect.any(String) }];
    expectProblem(await api.post(path, { asset: 'USD', amount }), 400, 'invalid_amount', { asset: 'USD', errors });
  });
  test.each(['0', '-1.00', '1e3', 5])('refuses what is no amount: %s', async (amount) => {
    const path = `/v1/accounts/${await openedAccount(api)}/deposits`;
    expectProblem(await api.post(path, { asset: 'USD', amount }), 400, 'invalid_amount');
  });

  test('of a payment that was paid in before is refused, whatever its key', async () => {
    const path = `/v1/accounts/${await openedAccount(api)}/deposits`;
    const payment = { asset: 'USD', amount: '1.00', externalId: 'payment-1' };
    await api.post(path, payment);
    const headers = { 'idempotency-key': newKey() };
    expectProblem(await api.post(path, payment, headers), 409, 'already_exists', { externalId: 'payment-1', revision: '2' });
    expect((await api.post(path, payment, headers)).headers['idempotency-hit']).toBe('true');
  });

  test('can be dated back, not ahead', async () => {
    const path = `/v1/accounts/${await openedAccount(api)}/deposits`;
    const body = { asset: 'USD', amount: '1.00' };
    expect((await api.post(path, { ...body, effectiveAt: '2020-01-01T00:00:00Z' })).status).toBe(201);
    expectProblem(await api.post(path, { ...body, effectiveAt: '2999-01-01T00:00:00Z' }), 400, 'malformed_request');
    expectProblem(await api.post(path, { ...body, effectiveAt: '2020-01-01T00:00:00+01:00' }), 400, 'malformed_request');
  });

  test('is dated to years that the projections can keep', async () => {
    const accountId = await openedAccount(api);
    const path = `/v1/accounts/${accountId}/deposits`;
    const body = { asset: 'USD', amount: '1.00' };
    expectProblem(await api.post(path, { ...body, effectiveAt: '0000-12-31T23:59:59Z' }), 400, 'malformed_request');
    const { status, body: applied } = await api.post(path, { ...body, effectiveAt: '0001-01-01T00:00:00Z' });
    expect(status).toBe(201);
    const entries = await api.get(`/v1/accounts/${accountId}/entries?minPosition=${applied.position}`);
    expect(entries.body.data[0].effectiveAt).toBe('0001-01-01T00:00:00.000Z');
  });

  test.each([
    ['half of a surrogate pair', { note: ['\uD83D'] }],
    ['a name with half of one', { note: { '\uDE00': 1 } }],
    ['a thousand levels', { note: JSON.parse(`${'['.repeat(1000)}${']'.repeat(1000)}`) }],
  ])('is refused with metadata that no log keeps: %s', async (_what, metadata) => {
    const path = `/v1/accounts/${await openedAccount(api)}/deposits`;
    expectProblem(await api.post(path, { asset: 'USD', amount: '1.00', metadata }), 400, 'malformed_request');
  });
});

describe('a withdrawal', () => {
  test('takes from what is available, down to zero and no further', async () => {
    const path = `/v1/accounts/${await fundedAccount(api, '30.00')}/withdrawals`;
    const figures = { asset: 'USD', available: '30.00', requested: '40.00' };
    expectProblem(await api.post(path, { asset: 'USD', amount: '40.00' }), 422, 'insufficient_funds', figures);
    const answer = await api.post(path, { asset: 'USD', amount: '30.00' });
    expect(answer.status).toBe(201);
    expect(answer.body.balances).toEqual([{ asset: 'USD', available: '0.00', held: '0.00' }]);
    expectProblem(await api.post(path, { asset: 'USD', amount: '0.01' }), 422, 'insufficient_funds', { available: '0.00' });
  });

  test('never overdraws, however many come at once', async () => {
    const accountId = await fundedAccount(api, '10.00');
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => api.post(`/v1/accounts/${accountId}/withdrawals`, { asset: 'USD', amount: '1.00' })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(15);
  });
});

describe('users', () => {
  const alice = as('user', randomUUID());
  const bob = as('user', randomUUID());
  test('move money in their own accounts, and in nobody else’s', async () => {
    const accountId = await openedAccount(api, alice);
    const dollar = { asset: 'USD', amount: '1.00' };
    expect((await api.post(`/v1/accounts/${accountId}/deposits`, dollar, alice)).status).toBe(201);
    expectProblem(await api.post(`/v1/accounts/${accountId}/withdrawals`, dollar, bob), 404, 'account_not_found');
    expectProblem(await api.post(`/v1/accounts/${accountId}/withdrawals?dryRun=true`, dollar, bob), 404, 'account_not_found');
    expect((await api.post(`/v1/accounts/${accountId}/withdrawals`, dollar, alice)).status).toBe(201);
  });
  test('date nothing back', async () => {
    const accountId = await openedAccount(api, alice);
    const dated = { asset: 'USD', amount: '1.00', effectiveAt: '2020-01-01T00:00:00Z' };
    for (const way of ['deposits', 'withdrawals'])
      expectProblem(await api.post(`/v1/accounts/${accountId}/${way}`, dated, alice), 403, 'forbidden');
    expect((await api.post(`/v1/accounts/${accountId}/deposits`, dated, as('producer', 'bank'))).status).toBe(201);
  });
});
