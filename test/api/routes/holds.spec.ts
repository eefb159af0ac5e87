import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AccountIdSchema, HoldIdSchema } from '../../../src/domain/ids.ts';
import type { TestApi } from '../api-stack.ts';
import { as, expectProblem, fundedAccount, newKey, openedAccount, sentInternally, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

type Headers = Readonly<Record<string, string>>;
/** The path of the holds of an account with 100 dollars; of a user's account where their headers are given. */
async function holdsPath(headers?: Headers): Promise<string> {
  if (headers === undefined) return `/v1/accounts/${await fundedAccount(api, '100.00')}/holds`;
  const account = `/v1/accounts/${await openedAccount(api, headers)}`;
  await api.post(`${account}/deposits`, { asset: 'USD', amount: '100.00' });
  return `${account}/holds`;
}
async function placed(path: string, amount = '10.00', headers: Headers = {}): Promise<string> {
  const answer = await api.post(path, { asset: 'USD', amount }, headers);
  expect(answer.status).toBe(201);
  return answer.body.result.holdId;
}
const accountOf = (path: string): string => path.split('/')[3] ?? '';

describe('a hold that is placed', () => {
  test('sets money aside, and is found where it says', async () => {
    const path = await holdsPath();
    const answer = await api.post(path, { asset: 'USD', amount: '30', expiresAt: '2999-01-01T00:00:00Z', reference: 'room 12' });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      status: 'applied',
      revision: '2',
      balances: [{ asset: 'USD', available: '70.00', held: '30.00' }],
      result: { holdId: expect.any(String) },
    });
    const found = await api.get(`${answer.headers['location']}?minPosition=${answer.body.position}`);
    expect(found.body).toEqual({
      id: answer.body.result.holdId,
      accountId: accountOf(path),
      asset: 'USD',
      amount: '30.00',
      remaining: '30.00',
      captured: '0.00',
      status: 'open',
      placedBy: 'operator',
      reference: 'room 12',
      expiresAt: '2999-01-01T00:00:00.000Z',
      createdAt: expect.stringMatching(/Z$/),
      closedAt: null,
    });
  });

  test('is one, however often it is sent with its key', async () => {
    const path = await holdsPath();
    const headers = { 'idempotency-key': newKey() };
    const first = await api.post(path, { asset: 'USD', amount: '60' }, headers);
    const repeat = await api.post(path, { asset: 'USD', amount: '60.0' }, headers);
    expect([repeat.status, repeat.headers['idempotency-hit'], repeat.headers['location']]).toEqual([
      201,
      'true',
      first.headers['location'],
    ]);
    expect(repeat.body).toEqual(first.body);
    expectProblem(await api.post(path, { asset: 'USD', amount: '61' }, headers), 422, 'idempotency_key_reused');
  });

  test('as a dry run is nothing', async () => {
    const path = await holdsPath();
    const answer = await api.send('POST', `${path}?dryRun=true`, { body: { asset: 'USD', amount: '60.00' } });
    expect([answer.status, answer.body.status, answer.headers['location']]).toEqual([200, 'would_apply', undefined]);
    expect(answer.body.balances).toEqual([{ asset: 'USD', available: '40.00', held: '60.00' }]);
    expect((await api.get(`${path}?minPosition=${answer.body.position}`)).body.data).toEqual([]);
  });

  test('is refused where it cannot be', async () => {
    const path = await holdsPath();
    const errors = [{ pointer: '#/amount', detail: expect.any(String) }];
    expectProblem(await api.post(path, { asset: 'USD', amount: '1.005' }), 400, 'invalid_amount', { asset: 'USD', errors });
    expectProblem(await api.post(path, { asset: 'XAU', amount: '1' }), 400, 'unknown_asset', { asset: 'XAU' });
    expectProblem(await api.post(path, { asset: 'USD', amount: '1', expiresAt: 'tomorrow' }), 400, 'malformed_request');
    expectProblem(await api.post(path, { asset: 'USD', amount: '100.01' }), 422, 'insufficient_funds', { available: '100.00' });
    expectProblem(await api.post(`/v1/accounts/${randomUUID()}/holds`, { asset: 'USD', amount: '1' }), 404, 'account_not_found');
    expectProblem(await api.post(path, { asset: 'USD', amount: '1' }, as('producer', 'p')), 403, 'forbidden');
    await api.post(path.replace('/holds', '/freeze'), { reason: 'x' });
    expectProblem(await api.post(path, { asset: 'USD', amount: '1' }), 422, 'account_frozen');
    const closed = await openedAccount(api);
    await api.post(`/v1/accounts/${closed}/close`, {});
    expectProblem(await api.post(`/v1/accounts/${closed}/holds`, { asset: 'USD', amount: '1' }), 422, 'account_closed');
  });
});

describe('a capture', () => {
  test('takes some, then all that is left, and closes the hold', async () => {
    const path = await holdsPath();
    const holdId = await placed(path);
    const some = await api.post(`${path}/${holdId}/capture`, { amount: '4' });
    expect([some.status, some.body.result, some.body.balances]).toEqual([
      200,
      { holdId, remaining: '6.00' },
      [{ asset: 'USD', available: '90.00', held: '6.00' }],
    ]);
    const rest = await api.post(`${path}/${holdId}/capture`);
    expect(rest.body).toMatchObject({ result: { holdId, remaining: '0.00' }, balances: [{ available: '90.00', held: '0.00' }] });
    const { body } = await api.get(`/v1/holds/${holdId}?minPosition=${rest.body.position}`);
    expect(body).toMatchObject({ status: 'captured', remaining: '0.00', captured: '10.00', closedAt: expect.stringMatching(/Z$/) });
    expectProblem(await api.post(`${path}/${holdId}/capture`), 409, 'hold_not_open');
  });

  test('is refused where it takes too much, or is none', async () => {
    const path = await holdsPath();
    const capture = `${path}/${await placed(path)}/capture`;
    expectProblem(await api.post(capture, { amount: '10.01' }), 422, 'insufficient_held', { held: '10.00', requested: '10.01' });
    const errors = [{ pointer: '#/amount', detail: expect.any(String) }];
    expectProblem(await api.post(capture, { amount: '0.001' }), 400, 'invalid_amount', { asset: 'USD', errors });
    expectProblem(await api.post(capture, { amount: '0' }), 400, 'invalid_amount');
    expectProblem(await api.post(capture, { all: true }), 400, 'malformed_request');
  });

  test('of a hold that is not there, or in another account, finds none', async () => {
    const path = await holdsPath();
    const holdId = await placed(await holdsPath());
    for (const id of [holdId, randomUUID()])
      expectProblem(await api.post(`${path}/${id}/capture`), 404, 'hold_not_found', { revision: /./ });
    expectProblem(await api.post(`${path}/none/capture`), 404, 'hold_not_found');
    expectProblem(await api.post(`/v1/accounts/${randomUUID()}/holds/${holdId}/capture`), 404, 'account_not_found');
  });

  test('by the owner keeps to the limits; by an operator it need not', async () => {
    const alice = as('user', randomUUID());
    const path = await holdsPath(alice);
    await api.send('PUT', path.replace('/holds', '/limits'), { body: { asset: 'USD', perWithdrawal: '5.00' } });
    const holdId = await placed(path, '20.00', alice);
    expectProblem(await api.post(`${path}/${holdId}/capture`, { amount: '6.00' }, alice), 422, 'limit_exceeded', { maximum: '5.00' });
    expect((await api.post(`${path}/${holdId}/capture`, { amount: '5.00' }, alice)).status).toBe(200);
    expect((await api.post(`${path}/${holdId}/capture`, { amount: '6.00' })).status).toBe(200);
  });

  test('is refused while the account is frozen, when its hold can only be released', async () => {
    const path = await holdsPath();
    const holdId = await placed(path);
    await api.post(path.replace('/holds', '/freeze'), { reason: 'x' });
    expectProblem(await api.post(`${path}/${holdId}/capture`), 422, 'account_frozen');
    expect((await api.post(`${path}/${holdId}/release`)).status).toBe(200);
  });
});

describe('a release', () => {
  test('gives back what is left', async () => {
    const path = await holdsPath();
    const holdId = await placed(path);
    await api.post(`${path}/${holdId}/capture`, { amount: '4' });
    const headers = { 'idempotency-key': newKey() };
    const answer = await api.post(`${path}/${holdId}/release`, {}, headers);
    expect([answer.status, answer.body.result, answer.body.balances]).toEqual([
      200,
      { holdId, remaining: '0.00' },
      [{ asset: 'USD', available: '96.00', held: '0.00' }],
    ]);
    const repeat = await api.post(`${path}/${holdId}/release`, {}, headers);
    expect([repeat.headers['idempotency-hit'], repeat.body]).toEqual(['true', answer.body]);
    const { body } = await api.get(`/v1/holds/${holdId}?minPosition=${answer.body.position}`);
    expect(body).toMatchObject({ status: 'released', remaining: '0.00', captured: '4.00' });
    expectProblem(await api.post(`${path}/${holdId}/release`), 409, 'hold_not_open');
    expectProblem(await api.post(`${path}/${randomUUID()}/release`), 404, 'hold_not_found');
    expectProblem(await api.post(`${path}/none/release`), 404, 'hold_not_found');
  });

  test('in a closed account is refused', async () => {
    const path = `/v1/accounts/${await openedAccount(api)}`;
    await api.post(`${path}/close`, {});
    expectProblem(await api.post(`${path}/holds/${randomUUID()}/release`), 422, 'account_closed');
    expectProblem(await api.post(`${path}/holds/${randomUUID()}/capture`), 422, 'account_closed');
  });
});

describe('users', () => {
  const alice = as('user', randomUUID());
  const bob = as('user', randomUUID());

  test('decide over their own holds, not over those of operators', async () => {
    const path = await holdsPath(alice);
    const [own, houses] = [await placed(path, '1.00', alice), await placed(path, '1.00')];
    expectProblem(await api.post(`${path}/${houses}/capture`, {}, alice), 403, 'forbidden');
    expectProblem(await api.post(`${path}/${houses}/release`, {}, alice), 403, 'forbidden');
    expect((await api.post(`${path}/${own}/release`, {}, alice)).status).toBe(200);
    const { body } = await api.post(`${path}/${houses}/release`);
    const { data } = (await api.get(`${path}?minPosition=${body.position}`, alice)).body;
    expect(data.map(({ placedBy }: { placedBy: string }) => placedBy)).toEqual(['operator', 'user']);
  });

  test('see nothing of what is not theirs: it is answered like what does not exist', async () => {
    const path = await holdsPath(alice);
    const { body } = await api.post(path, { asset: 'USD', amount: '1.00' }, alice);
    const { holdId } = body.result;
    const see = (id: string, headers: Headers) => api.get(`/v1/holds/${id}?minPosition=${body.position}`, headers);
    expect((await see(holdId, alice)).status).toBe(200);
    expect((await see(holdId, as('auditor', 'a'))).status).toBe(200);
    expectProblem(await see(holdId, bob), 404, 'hold_not_found', { detail: `No hold ${holdId}.` });
    const nowhere = randomUUID();
    expectProblem(await see(nowhere, bob), 404, 'hold_not_found', { detail: `No hold ${nowhere}.` });
    expectProblem(await see('none', bob), 404, 'hold_not_found', { detail: 'No hold none.' });
    expectProblem(await api.get(path, bob), 404, 'account_not_found');
    for (const step of ['capture', 'release'])
      expectProblem(await api.post(`${path}/${holdId}/${step}`, {}, bob), 404, 'account_not_found');
  });
});

test('a hold that has expired says so, and so does the outcome of its expiry', async () => {
  const path = await holdsPath();
  const accountId = AccountIdSchema.parse(accountOf(path));
  const { body: placing } = await api.post(path, { asset: 'USD', amount: '10', expiresAt: '2020-01-01T00:00:00Z' });
  const holdId = HoldIdSchema.parse(placing.result.holdId);
  const position = await sentInternally(api, { type: 'expire-hold', accountId, holdId }, holdId);
  const { body } = await api.get(`/v1/holds/${holdId}?minPosition=${position}`);
  expect(body).toMatchObject({ status: 'expired', remaining: '0.00', captured: '0.00', closedAt: expect.any(String) });
  expectProblem(await api.post(`${path}/${holdId}/capture`), 409, 'hold_not_open');
  const { data } = (await api.get(path.replace('/holds', '/events'))).body;
  const expiry = data.find(({ type }: { type: string }) => type === 'hold-expired');
  expect(expiry).toMatchObject({ transport: 'internal', data: { holdId } });
  const outcome = await api.get(`/v1/commands/${expiry.commandId}`);
  expect(outcome.body).toMatchObject({ status: 'applied', accountId, result: { holdId, remaining: '0.00' } });
});

test('holds are listed newest first, by page and by status, under the tag of the account’s revision', async () => {
  const path = await holdsPath();
  const ids = [await placed(path, '1'), await placed(path, '2'), await placed(path, '3')];
  const { body: released } = await api.post(`${path}/${ids[1]}/release`);
  const list = async (query = '') => (await api.get(`${path}?minPosition=${released.position}${query}`)).body;
  const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);
  expect(idsOf(await list())).toEqual([ids[2], ids[1], ids[0]]);
  expect(idsOf(await list('&status=open'))).toEqual([ids[2], ids[0]]);
  expect(idsOf(await list('&status=released'))).toEqual([ids[1]]);
  const first = await list('&limit=2');
  expect([idsOf(first), first.hasMore]).toEqual([[ids[2], ids[1]], true]);
  const second = await list(`&limit=2&cursor=${first.next}`);
  expect([idsOf(second), second.next]).toEqual([[ids[0]], null]);
  expect(idsOf(await list(`&limit=2&cursor=${second.previous}`))).toEqual([ids[2], ids[1]]);
  expectProblem(await api.get(`${path}?status=pending`), 400, 'malformed_request');
  expectProblem(await api.get(`${path}?cursor=x`), 400, 'malformed_request');

  const tagged = await api.get(path);
  expect(tagged.headers['etag']).toBe(`"${released.revision}"`);
  const again = { 'if-none-match': tagged.headers['etag'] ?? '' };
  expect((await api.get(path, again)).status).toBe(304);
  const { body: captured } = await api.post(`${path}/${ids[0]}/capture`);
  expect((await api.get(`${path}?minPosition=${captured.position}`, again)).status).toBe(200);
});
