import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestApi } from '../api-stack.ts';
import { as, expectProblem, fundedAccount, newKey, openedAccount, startTestApi, transferEnded } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const reverse = (account: string, eventId: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  api.post(`${account}/reversals`, { eventId, reason: 'a mistake' }, headers);
const usd = (amount: string) => ({ asset: 'USD', amount });
const openAccount = async (): Promise<string> => `/v1/accounts/${await openedAccount(api)}`;
/** The newest entry of the account as the projections have it at that position. */
const newestEntry = async (account: string, position: string) =>
  (await api.get(`${account}/entries?limit=1&minPosition=${position}`)).body.data[0];

describe('an entry that is reversed', () => {
  test('is undone by another, once', async () => {
    const account = await openAccount();
    const { entryId } = (await api.post(`${account}/deposits`, usd('90'))).body.result;
    const headers = { 'idempotency-key': newKey() };
    const answer = await reverse(account, entryId, headers);
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      balances: [{ asset: 'USD', available: '0.00', held: '0.00' }],
      result: { entryId: expect.any(String) },
    });
    const outcome = await api.get(`${answer.headers['location']}?minPosition=${answer.body.position}`);
    expect(outcome.body).toEqual(answer.body);
    expect(await newestEntry(account, answer.body.position)).toMatchObject({
      entryId: answer.body.result.entryId,
      type: 'entry-reversed',
      amount: '-90.00',
    });
    const repeat = await reverse(account, entryId, headers);
    expect([repeat.status, repeat.headers['idempotency-hit'], repeat.body]).toEqual([201, 'true', answer.body]);
    expectProblem(await reverse(account, entryId), 422, 'already_reversed');
  });

  test('may be a withdrawal or a change of coins', async () => {
    const account = `/v1/accounts/${await fundedAccount(api, '10.00')}`;
    const { entryId } = (await api.post(`${account}/withdrawals`, usd('4'))).body.result;
    expect((await reverse(account, entryId)).body.balances).toEqual([{ asset: 'USD', available: '10.00', held: '0.00' }]);
    const { position } = (await api.post(`${account}/coins`, { symbol: 'BTC', quantity: '2' })).body;
    const { entryId: coinEntry } = await newestEntry(account, position);
    expect((await reverse(account, coinEntry)).body.balances).toEqual([{ asset: 'BTC', available: '0.00000000', held: '0.00000000' }]);
  });

  test('is not, as a dry run', async () => {
    const account = await openAccount();
    const { entryId } = (await api.post(`${account}/deposits`, usd('90'))).body.result;
    const body = { eventId: entryId, reason: 'x' };
    const dry = await api.send('POST', `${account}/reversals?dryRun=true`, { body });
    expect([dry.status, dry.body.status]).toEqual([200, 'would_apply']);
    expect((await reverse(account, entryId)).status).toBe(201);
  });
});

describe('a received transfer that is reversed', () => {
  /** A transfer of 5 dollars that has arrived: its accounts, and the recipient's entry. */
  async function received() {
    const [from, to] = [await fundedAccount(api, '5.00'), await openedAccount(api)];
    const sent = await api.post(`/v1/accounts/${from}/transfers`, { to, ...usd('5') });
    await transferEnded(api, sent.body.result.transferId);
    const { entryId } = await newestEntry(`/v1/accounts/${to}`, sent.body.position);
    return { sender: `/v1/accounts/${from}`, recipient: `/v1/accounts/${to}`, from, to, entryId };
  }

  test('goes back to its sender', async () => {
    const { sender, recipient, from, to, entryId } = await received();
    const answer = await reverse(recipient, entryId);
    expect(answer.body.result).toEqual({ entryId: expect.any(String), transferId: expect.any(String), state: 'pending' });
    const back = await transferEnded(api, answer.body.result.transferId);
    expect(back).toMatchObject({ from: to, to: from, amount: '5.00', state: 'completed', reverses: entryId });
    expect((await api.get(`${sender}/balances/USD`)).body.total).toBe('5.00');
    expectProblem(await reverse(recipient, entryId), 422, 'already_reversed');
  });

  test('can be reversed again where it came back', async () => {
    const { sender, recipient, entryId } = await received();
    await api.post(`${sender}/freeze`, { reason: 'x' });
    const first = await reverse(recipient, entryId);
    expect(await transferEnded(api, first.body.result.transferId)).toMatchObject({ state: 'returned', reason: 'recipient_frozen' });
    await api.post(`${sender}/unfreeze`, { reason: 'x' });
    const second = await reverse(recipient, entryId);
    expect(await transferEnded(api, second.body.result.transferId)).toMatchObject({ state: 'completed', reverses: entryId });
    expect((await api.get(`${sender}/balances/USD`)).body.total).toBe('5.00');
  });
});

describe('a reversal is refused', () => {
  test('where there is no such entry in the account', async () => {
    const account = await openAccount();
    const { entryId } = (await api.post(`${await openAccount()}/deposits`, usd('1'))).body.result;
    for (const id of [entryId, randomUUID()])
      expectProblem(await reverse(account, id), 404, 'entry_not_found', { revision: expect.any(String) });
    expectProblem(await reverse(account, 'none'), 400, 'malformed_request', {
      errors: [{ pointer: '#/eventId', detail: expect.any(String) }],
    });
    expectProblem(await api.post(`${account}/reversals`, { eventId: entryId }), 400, 'malformed_request');
    expectProblem(await reverse(`/v1/accounts/${randomUUID()}`, entryId), 404, 'account_not_found');
  });

  test('where the entry is none that can be reversed', async () => {
    const account = `/v1/accounts/${await fundedAccount(api, '10.00')}`;
    const { holdId } = (await api.post(`${account}/holds`, usd('1'))).body.result;
    expectProblem(await reverse(account, holdId), 422, 'not_reversible', { entryType: 'hold-placed' });
  });

  test('where the money is no longer there, or has no room', async () => {
    const account = await openAccount();
    const deposited = (await api.post(`${account}/deposits`, usd('10'))).body.result.entryId;
    const withdrawn = (await api.post(`${account}/withdrawals`, usd('1'))).body.result.entryId;
    expectProblem(await reverse(account, deposited), 422, 'insufficient_funds', { available: '9.00', requested: '10.00' });
    await api.post(`${account}/deposits`, usd(`${'9'.repeat(57)}0.99`));
    expectProblem(await reverse(account, withdrawn), 422, 'amount_out_of_range', { asset: 'USD' });
  });

  test('in an account that is frozen or closed', async () => {
    const account = await openAccount();
    const { entryId } = (await api.post(`${account}/deposits`, usd('10'))).body.result;
    await api.post(`${account}/freeze`, { reason: 'x' });
    expectProblem(await reverse(account, entryId), 422, 'account_frozen');
    const closed = await openAccount();
    await api.post(`${closed}/close`);
    expectProblem(await reverse(closed, entryId), 422, 'account_closed');
  });

  test.each(['user', 'producer', 'auditor'] as const)('to %ss', async (role) => {
    expectProblem(await reverse(await openAccount(), randomUUID(), as(role, randomUUID())), 403, 'forbidden');
  });
});
