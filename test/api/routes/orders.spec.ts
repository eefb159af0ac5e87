import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AccountIdSchema, OrderIdSchema } from '../../../src/domain/ids.ts';
import type { TestApi } from '../api-stack.ts';
import { as, expectProblem, fundedAccount, newKey, openedAccount, sentInternally, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

type Headers = Readonly<Record<string, string>>;
const LIMIT = { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '40', orderType: 'LIMIT', targetPrice: '0.000025' };
const MARKET = { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '40', orderType: 'MARKET' };
const ordersPath = async (): Promise<string> => `/v1/accounts/${await fundedAccount(api, '100.00')}/orders`;
async function usersOrdersPath(headers: Headers): Promise<string> {
  const account = `/v1/accounts/${await openedAccount(api, headers)}`;
  await api.post(`${account}/deposits`, { asset: 'USD', amount: '100.00' }, headers);
  return `${account}/orders`;
}
const idsOf = ({ data }: { data: { id: string }[] }): string[] => data.map(({ id }) => id);

describe('an order that is placed', () => {
  test('sets amountIn aside, and is found where it says', async () => {
    const path = await ordersPath();
    const answer = await api.post(path, { ...LIMIT, expiresAt: '2999-01-01T00:00:00Z' });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      status: 'applied',
      balances: [{ asset: 'USD', available: '60.00', held: '40.00' }],
      result: { orderId: expect.any(String) },
    });
    const found = await api.get(`${answer.headers['location']}?minPosition=${answer.body.position}`);
    expect(found.body).toEqual({
      id: answer.body.result.orderId,
      accountId: answer.body.accountId,
      userId: null,
      tokenIn: 'USD',
      tokenOut: 'BTC',
      amountIn: '40.00',
      filledIn: '0.00',
      filledOut: '0.00000000',
      targetPrice: '0.000025',
      orderType: 'LIMIT',
      status: 'pending',
      createdAt: expect.stringMatching(/Z$/),
      executedAt: null,
      cancelledAt: null,
      expiresAt: '2999-01-01T00:00:00.000Z',
    });
  });

  test('is one, however often it is sent with its key, and none as a dry run', async () => {
    const path = await ordersPath();
    const dry = await api.send('POST', `${path}?dryRun=true`, { body: MARKET });
    expect([dry.status, dry.body.status]).toEqual([200, 'would_apply']);
    const headers = { 'idempotency-key': newKey() };
    const first = await api.post(path, MARKET, headers);
    const repeat = await api.post(path, { ...MARKET, amountIn: '40.00' }, headers);
    expect([repeat.status, repeat.headers['idempotency-hit'], repeat.headers['location']]).toEqual([
      201,
      'true',
      first.headers['location'],
    ]);
    expect(repeat.body).toEqual(first.body);
    const { body } = await api.get(`${path}?minPosition=${first.body.position}`);
    expect(idsOf(body)).toEqual([first.body.result.orderId]);
    expect(body.data[0]).toMatchObject({ orderType: 'MARKET', targetPrice: null, expiresAt: null });
  });

  test('keeps every digit of its price', async () => {
    const targetPrice = `0.${'0'.repeat(40)}123456789012345678901234567890`;
    const answer = await api.post(await ordersPath(), { ...LIMIT, targetPrice });
    const found = await api.get(`${answer.headers['location']}?minPosition=${answer.body.position}`);
    expect(found.body.targetPrice).toBe(targetPrice.replace(/0+$/, ''));
  });

  test.each([
    ['a LIMIT order without a price', { ...LIMIT, targetPrice: undefined }, '#/targetPrice'],
    ['a MARKET order with a price', { ...MARKET, targetPrice: '1' }, '#/targetPrice'],
    ['a price of nothing', { ...LIMIT, targetPrice: '0' }, '#/targetPrice'],
    ['one asset for itself', { ...LIMIT, tokenOut: 'USD' }, '#/tokenOut'],
    ['another type', { ...LIMIT, orderType: 'STOP' }, '#/orderType'],
    ['what is no field', { ...LIMIT, note: 'x' }, '#/note'],
  ])('is refused as malformed: %s', async (_what, body, pointer) => {
    expectProblem(await api.post(await ordersPath(), body), 400, 'malformed_request', {
      errors: [{ pointer, detail: expect.any(String) }],
    });
  });

  test('is refused where it cannot be', async () => {
    const path = await ordersPath();
    const errors = [{ pointer: '#/amountIn', detail: expect.any(String) }];
    expectProblem(await api.post(path, { ...LIMIT, amountIn: '1.005' }), 400, 'invalid_amount', { asset: 'USD', errors });
    expectProblem(await api.post(path, { ...LIMIT, amountIn: '0' }), 400, 'invalid_amount', { errors });
    expectProblem(await api.post(path, { ...LIMIT, tokenIn: 'XAU' }), 400, 'unknown_asset', { asset: 'XAU' });
    expectProblem(await api.post(path, { ...LIMIT, tokenOut: 'XAG' }), 400, 'unknown_asset', { asset: 'XAG' });
    expectProblem(await api.post(path, { ...LIMIT, amountIn: '100.01' }), 422, 'insufficient_funds', { requested: '100.01' });
    expectProblem(await api.post(`/v1/accounts/${randomUUID()}/orders`, LIMIT), 404, 'account_not_found');
    expectProblem(await api.post(path, LIMIT, as('producer', 'p')), 403, 'forbidden');
    await api.post(path.replace('/orders', '/freeze'), { reason: 'x' });
    expectProblem(await api.post(path, LIMIT), 422, 'account_frozen');
    const closed = await openedAccount(api);
    await api.post(`/v1/accounts/${closed}/close`, {});
    expectProblem(await api.post(`/v1/accounts/${closed}/orders`, LIMIT), 422, 'account_closed');
    expectProblem(await api.post(`/v1/accounts/${closed}/orders/${randomUUID()}/cancel`), 422, 'account_closed');
  });
});

describe('an order that is cancelled', () => {
  test('gives back what no fill has taken, and keeps what was filled', async () => {
    const path = await ordersPath();
    const { orderId } = (await api.post(path, LIMIT)).body.result;
    await api.post(`${path}/${orderId}/fills`, { amountIn: '10', amountOut: '0.00025' });
    const headers = { 'idempotency-key': newKey() };
    const answer = await api.post(`${path}/${orderId}/cancel`, {}, headers);
    expect([answer.status, answer.body.result, answer.body.balances]).toEqual([
      200,
      { orderId, orderStatus: 'cancelled' },
      [{ asset: 'USD', available: '90.00', held: '0.00' }],
    ]);
    const repeat = await api.post(`${path}/${orderId}/cancel`, {}, headers);
    expect([repeat.headers['idempotency-hit'], repeat.body]).toEqual(['true', answer.body]);
    const { body } = await api.get(`/v1/orders/${orderId}?minPosition=${answer.body.position}`);
    expect(body).toMatchObject({ status: 'cancelled', filledIn: '10.00', filledOut: '0.00025000', cancelledAt: expect.any(String) });
    expectProblem(await api.post(`${path}/${orderId}/cancel`), 409, 'order_not_open');
  });

  test('must be there, in this account, and the account not frozen', async () => {
    const path = await ordersPath();
    const { orderId } = (await api.post(path, LIMIT)).body.result;
    const another = await ordersPath();
    for (const id of [orderId, randomUUID(), 'none']) expectProblem(await api.post(`${another}/${id}/cancel`), 404, 'order_not_found');
    await api.post(path.replace('/orders', '/freeze'), { reason: 'x' });
    expectProblem(await api.post(`${path}/${orderId}/cancel`), 422, 'account_frozen');
  });
});

test('an order that has expired keeps what was filled, and is listed as expired', async () => {
  const path = await ordersPath();
  const { body: placing } = await api.post(path, { ...LIMIT, expiresAt: '2020-01-01T00:00:00Z' });
  const accountId = AccountIdSchema.parse(placing.accountId);
  const orderId = OrderIdSchema.parse(placing.result.orderId);
  await api.post(`${path}/${orderId}/fills`, { amountIn: '10', amountOut: '0.00025' });
  const position = await sentInternally(api, { type: 'expire-order', accountId, orderId }, orderId);
  for (const list of ['/v1/orders/expired', '/v1/orders', path]) {
    const { body } = await api.get(`${list}?minPosition=${position}&limit=1`);
    expect(body.data).toMatchObject([{ id: orderId, status: 'expired', filledIn: '10.00', executedAt: null, cancelledAt: null }]);
  }
  expectProblem(await api.post(`${path}/${orderId}/cancel`), 409, 'order_not_open');
});

describe('orders are listed', () => {
  test('of an account: newest first, by page and by status, under the tag of its revision', async () => {
    const path = await ordersPath();
    const place = async () => (await api.post(path, { ...MARKET, amountIn: '10' })).body.result.orderId;
    const ids = [await place(), await place(), await place()];
    const { body: cancelled } = await api.post(`${path}/${ids[1]}/cancel`);
    const list = async (query = '') => (await api.get(`${path}?minPosition=${cancelled.position}${query}`)).body;
    expect(idsOf(await list())).toEqual([ids[2], ids[1], ids[0]]);
    expect(idsOf(await list('&status=pending'))).toEqual([ids[2], ids[0]]);
    expect(idsOf(await list('&status=cancelled'))).toEqual([ids[1]]);
    expect(idsOf(await list('&status=executed'))).toEqual([]);
    const first = await list('&limit=2');
    const second = await list(`&limit=2&cursor=${first.next}`);
    expect([idsOf(first), idsOf(second), second.hasMore]).toEqual([[ids[2], ids[1]], [ids[0]], false]);
    expectProblem(await api.get(`${path}?status=open`), 400, 'malformed_request');

    const tagged = await api.get(path);
    expect(tagged.headers['etag']).toBe(`"${cancelled.revision}"`);
    expect((await api.get(path, { 'if-none-match': `"${cancelled.revision}"` })).status).toBe(304);
  });

  test('of everybody: by status, over either path, and not tagged', async () => {
    const path = await ordersPath();
    const place = async () => (await api.post(path, { ...MARKET, amountIn: '10' })).body.result.orderId;
    const [pending, executed, cancelled] = [await place(), await place(), await place()];
    await api.post(`${path}/${executed}/fills`, { amountIn: '10', amountOut: '1' });
    const { position } = (await api.post(`${path}/${cancelled}/cancel`)).body;
    const newestOf = async (list: string) => {
      const { body, headers } = await api.get(`${list}${list.includes('?') ? '&' : '?'}minPosition=${position}&limit=1`);
      expect(headers['etag']).toBeUndefined();
      return idsOf(body);
    };
    for (const [status, id] of Object.entries({ pending, executed, cancelled })) {
      expect(await newestOf(`/v1/orders?status=${status}`)).toEqual([id]);
      expect(await newestOf(`/v1/orders/${status}`)).toEqual([id]);
    }
    expect(await newestOf('/v1/orders')).toEqual([cancelled]);
    expectProblem(await api.get('/v1/orders?status=open'), 400, 'malformed_request');
    expectProblem(await api.get('/v1/orders/pending?status=pending'), 400, 'malformed_request');
    expectProblem(await api.get('/v1/orders', as('producer', 'p')), 403, 'forbidden');
  });
});

describe('users', () => {
  const [aliceId, bobId] = [randomUUID(), randomUUID()];
  const [alice, bob] = [as('user', aliceId), as('user', bobId)];
  let orderId: string;
  let position: string;
  let path: string;
  beforeAll(async () => {
    path = await usersOrdersPath(alice);
    const { body } = await api.post(path, LIMIT, alice);
    orderId = body.result.orderId;
    await api.post(await usersOrdersPath(bob), LIMIT, bob);
    ({ position } = (await api.post(await ordersPath(), LIMIT)).body);
  });
  const see = (where: string, headers: Headers = {}) => api.get(`${where}?minPosition=${position}`, headers);

  test('see their own orders in every list', async () => {
    for (const list of ['/v1/orders', '/v1/orders/pending', `/v1/users/${aliceId}/orders`, `/v1/users/${aliceId.toUpperCase()}/orders`])
      expect(idsOf((await see(list, alice)).body)).toEqual([orderId]);
    const { body } = await see(`/v1/orders/${orderId}`, alice);
    expect([body.id, body.userId]).toEqual([orderId, aliceId]);
    const filtered = await api.get(`/v1/users/${aliceId}/orders?minPosition=${position}&status=executed`, alice);
    expect(idsOf(filtered.body)).toEqual([]);
  });

  test('see nothing of what is not theirs: it is answered like what does not exist', async () => {
    for (const id of [orderId, randomUUID(), 'none']) {
      expectProblem(await see(`/v1/orders/${id}`, bob), 404, 'order_not_found', { detail: `No order ${id}.` });
      expectProblem(await see(`/v1/orders/${id}/events`, bob), 404, 'order_not_found', { detail: `No order ${id}.` });
    }
    const nothing = { data: [], next: null, previous: null, hasMore: false };
    for (const id of [aliceId, randomUUID(), 'none']) expect((await see(`/v1/users/${id}/orders`, bob)).body).toEqual(nothing);
    expectProblem(await see(path, bob), 404, 'account_not_found');
    expectProblem(await api.post(`${path}/${orderId}/cancel`, {}, bob), 404, 'account_not_found');
  });

  test('are seen by auditors', async () => {
    expect(idsOf((await see(`/v1/users/${aliceId}/orders`, as('auditor', 'a'))).body)).toEqual([orderId]);
    expect((await see(`/v1/orders/${orderId}`, as('auditor', 'a'))).status).toBe(200);
  });

  test('cancel what they have placed', async () => {
    expect((await api.post(`${path}/${orderId}/cancel`, {}, alice)).status).toBe(200);
  });
});
