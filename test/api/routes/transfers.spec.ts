import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestApi } from '../api-stack.ts';
import { as, expectProblem, fundedAccount, newKey, openedAccount, startTestApi, transferEnded } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

type Headers = Readonly<Record<string, string>>;
const path = (accountId: string, rest = 'transfers'): string => `/v1/accounts/${accountId}/${rest}`;
const send = (from: string, to: string, more: object = {}, headers: Headers = {}): Promise<Answer> =>
  api.post(path(from), { to, asset: 'USD', amount: '25', ...more }, headers);
async function usersAccount(headers: Headers, amount: string): Promise<string> {
  const accountId = await openedAccount(api, headers);
  await api.post(path(accountId, 'deposits'), { asset: 'USD', amount });
  return accountId;
}
/** The transfer once it has ended, as the development operator sees it. */
const ended = (answer: Answer) => transferEnded(api, answer.body.result.transferId);
const usdOf = async (accountId: string): Promise<string> => (await api.get(path(accountId, 'balances/USD'))).body.total;

describe('a transfer', () => {
  test('is sent at once, and completed when the recipient has it', async () => {
    const [from, to] = [await fundedAccount(api, '100.00'), await openedAccount(api)];
    const answer = await send(from, to, { reference: 'rent', externalId: 'rent-1', metadata: { month: 1 } });
    expect(answer.status).toBe(201);
    const { transferId } = answer.body.result;
    expect(answer.body).toMatchObject({
      status: 'applied',
      balances: [{ asset: 'USD', available: '75.00', held: '0.00' }],
      result: { transferId: expect.any(String), state: 'pending' },
    });
    expect(answer.headers['location']).toBe(`/v1/transfers/${transferId}`);
    expect(await ended(answer)).toEqual({
      id: transferId,
      from,
      to,
      asset: 'USD',
      amount: '25.00',
      state: 'completed',
      reason: null,
      reference: 'rent',
      externalId: 'rent-1',
      metadata: { month: 1 },
      reverses: null,
      createdAt: expect.stringMatching(/Z$/),
      endedAt: expect.stringMatching(/Z$/),
    });
    expect([await usdOf(from), await usdOf(to)]).toEqual(['75.00', '25.00']);
  });

  test('is one, however often it is sent with its key, and none as a dry run', async () => {
    const [from, to] = [await fundedAccount(api, '30.00'), await openedAccount(api)];
    const dry = await api.send('POST', `${path(from)}?dryRun=true`, { body: { to, asset: 'USD', amount: '25' } });
    expect([dry.status, dry.body.status, dry.headers['location']]).toEqual([200, 'would_apply', undefined]);
    const headers = { 'idempotency-key': newKey() };
    const first = await send(from, to, {}, headers);
    await ended(first);
    const repeat = await send(from, to, { amount: '25.0' }, headers);
    expect([repeat.status, repeat.headers['idempotency-hit'], repeat.body]).toEqual([201, 'true', first.body]);
    expect((await api.get(path(from))).body.data).toHaveLength(1);
  });

  test('is refused where it cannot be', async () => {
    const [from, to] = [await fundedAccount(api, '100.00'), await openedAccount(api)];
    const errors = [{ pointer: '#/amount', detail: expect.any(String) }];
    expectProblem(await send(from, to, { amount: '1.005' }), 400, 'invalid_amount', { asset: 'USD', errors });
    expectProblem(await send(from, to, { asset: 'XAU' }), 400, 'unknown_asset', { asset: 'XAU' });
    expectProblem(await send(from, to, { note: 'x' }), 400, 'malformed_request');
    expectProblem(await send(from, 'none'), 400, 'malformed_request');
    expectProblem(await send(from, from), 422, 'same_account');
    const nobody = randomUUID();
    expectProblem(await send(from, nobody), 422, 'recipient_not_found', { to: nobody, revision: expect.any(String) });
    expectProblem(await send(from, to, { amount: '100.01' }), 422, 'insufficient_funds', { available: '100.00' });
    expectProblem(await send(nobody, to), 404, 'account_not_found');
    expectProblem(await send(from, to, {}, as('auditor', 'a')), 403, 'forbidden');
    expect((await send(from, to, { amount: '1', externalId: 'once' }, as('producer', 'p'))).status).toBe(201);
    expectProblem(await send(from, to, { amount: '1', externalId: 'once' }), 409, 'already_exists', { externalId: 'once' });
    await api.send('PUT', path(from, 'limits'), { body: { asset: 'USD', perWithdrawal: '5.00' } });
    expectProblem(await send(from, to), 422, 'limit_exceeded', { maximum: '5.00' });
    await api.post(path(from, 'freeze'), { reason: 'x' });
    expectProblem(await send(from, to), 422, 'account_frozen');
    const closed = await openedAccount(api);
    await api.post(path(closed, 'close'));
    expectProblem(await send(closed, to), 422, 'account_closed');
  });
});

describe('a transfer that the recipient cannot take', () => {
  const alice = as('user', randomUUID());
  const bob = as('user', randomUUID());

  test.each([
    ['freeze', 'recipient_frozen'],
    ['close', 'recipient_closed'],
  ])('comes back: %s', async (step, reason) => {
    const [from, to] = [await usersAccount(alice, '25.00'), await openedAccount(api, bob)];
    await api.post(path(to, step), step === 'freeze' ? { reason: 'x' } : {});
    const answer = await send(from, to, {}, alice);
    expect(await ended(answer)).toMatchObject({ state: 'returned', reason, endedAt: expect.any(String) });
    expect([await usdOf(from), await usdOf(to)]).toEqual(['25.00', '0.00']);
    const where = answer.headers['location'] ?? '';
    expect((await api.get(where, as('auditor', 'a'))).body.reason).toBe(reason);
    for (const user of [alice, bob]) expect((await api.get(where, user)).body.reason).toBe('recipient_unavailable');
    expect((await api.get(path(from), alice)).body.data[0].reason).toBe('recipient_unavailable');

    const reasonIn = async (accountId: string, type: string, headers: Headers = {}) => {
      const { data } = (await api.get(path(accountId, 'events'), headers)).body;
      return data.find((event: { type: string }) => event.type === type).data.reason;
    };
    expect(await reasonIn(from, 'transfer-returned')).toBe(reason);
    expect(await reasonIn(from, 'transfer-returned', alice)).toBe('recipient_unavailable');
    expect(await reasonIn(to, 'transfer-refused', bob)).toBe(reason);
  });
});

describe('users', () => {
  const [alice, bob, carol] = [as('user', randomUUID()), as('user', randomUUID()), as('user', randomUUID())];
  let from: string;
  let to: string;
  let where: string;
  beforeAll(async () => {
    [from, to] = [await usersAccount(alice, '50.00'), await openedAccount(api, bob)];
    const answer = await send(from, to, { reference: 'both', externalId: 'hers', metadata: { hers: true } }, alice);
    where = answer.headers['location'] ?? '';
    await ended(answer);
  });

  test('see a transfer as its sender, or without what is the sender’s own as its recipient', async () => {
    expect((await api.get(where, alice)).body).toMatchObject({ reference: 'both', externalId: 'hers', metadata: { hers: true } });
    expect((await api.get(where, bob)).body).toMatchObject({ from, to, reference: 'both', externalId: null, metadata: null });
    expect((await api.get(path(to), bob)).body.data).toMatchObject([{ from, externalId: null, metadata: null }]);
    expect((await api.get(path(to))).body.data).toMatchObject([{ externalId: 'hers', metadata: { hers: true } }]);
  });

  test('see nothing of those of others: they are answered like what does not exist', async () => {
    const id = where.split('/').at(-1);
    expectProblem(await api.get(where, carol), 404, 'not_found', { detail: `No transfer ${id}.` });
    const nowhere = randomUUID();
    expectProblem(await api.get(`/v1/transfers/${nowhere}`, carol), 404, 'not_found', { detail: `No transfer ${nowhere}.` });
    expectProblem(await api.get('/v1/transfers/none', carol), 404, 'not_found', { detail: 'No transfer none.' });
    expectProblem(await api.get(path(from), bob), 404, 'account_not_found');
    expectProblem(await send(from, to, {}, bob), 404, 'account_not_found');
  });

  test('see all of what they send to themselves', async () => {
    const answer = await send(from, await openedAccount(api, alice), { amount: '1', externalId: 'own' }, alice);
    const { externalId } = await ended(answer);
    expect(externalId).toBe('own');
    expect((await api.get(answer.headers['location'] ?? '', alice)).body.externalId).toBe('own');
  });
});

test('the transfers from and to an account are listed newest first, by page', async () => {
  const [one, other] = [await fundedAccount(api, '10.00'), await fundedAccount(api, '10.00')];
  const ids: string[] = [];
  for (const [from, to] of [
    [one, other],
    [other, one],
    [one, other],
  ] as const) {
    const answer = await send(from, to, { amount: '1' });
    await ended(answer);
    ids.unshift(answer.body.result.transferId);
  }
  const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);
  expect(idsOf((await api.get(path(one))).body)).toEqual(ids);
  const { body: first } = await api.get(`${path(other)}?limit=2`);
  const { body: second } = await api.get(`${path(other)}?limit=2&cursor=${first.next}`);
  expect([idsOf(first), idsOf(second), second.hasMore]).toEqual([ids.slice(0, 2), ids.slice(2), false]);
  expectProblem(await api.get(`${path(other)}?state=pending`), 400, 'malformed_request');
});
