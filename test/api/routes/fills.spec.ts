import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { as, expectProblem, fundedAccount, newKey, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const LIMIT = { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '40', orderType: 'LIMIT', targetPrice: '0.000025' };
interface Placed {
  readonly account: string;
  readonly orderId: string;
  readonly fills: string;
}
/** An order for 40 of 100 dollars at 0.000025 bitcoins each. */
async function placed(): Promise<Placed> {
  const account = `/v1/accounts/${await fundedAccount(api, '100.00')}`;
  const { orderId } = (await api.post(`${account}/orders`, LIMIT)).body.result;
  return { account, orderId, fills: `${account}/orders/${orderId}/fills` };
}

describe('a fill', () => {
  test('takes amountIn from what is held and brings amountOut less the fee', async () => {
    const { fills, orderId } = await placed();
    const fee = { asset: 'BTC', amount: '0.000001' };
    const answer = await api.post(
      fills,
      { amountIn: '10', amountOut: '0.00025', fee, txHash: '0xa', logIndex: 0 },
      as('producer', 'venue'),
    );
    expect(answer.status).toBe(201);
    expect(answer.body.result).toEqual({ fillId: expect.any(String), orderStatus: 'pending' });
    expect(answer.body.balances).toEqual([
      { asset: 'USD', available: '60.00', held: '30.00' },
      { asset: 'BTC', available: '0.00024900', held: '0.00000000' },
    ]);
    const outcome = await api.get(`${answer.headers['location']}?minPosition=${answer.body.position}`);
    expect(outcome.body).toMatchObject({ status: 'applied', result: answer.body.result });
    const last = await api.post(fills, { amountIn: '30', amountOut: '0.00075' });
    expect(last.body.result.orderStatus).toBe('executed');
    const { body } = await api.get(`/v1/orders/${orderId}?minPosition=${last.body.position}`);
    expect(body).toMatchObject({ status: 'executed', filledIn: '40.00', filledOut: '0.00100000', executedAt: expect.stringMatching(/Z$/) });
    expectProblem(await api.post(fills, { amountIn: '1', amountOut: '1' }), 409, 'order_not_open');
  });

  test('is repeated by its key', async () => {
    const { fills } = await placed();
    const headers = { 'idempotency-key': newKey() };
    const fill = { amountIn: '10', amountOut: '0.00025', fee: { asset: 'BTC', amount: '0.00001' } };
    const first = await api.post(fills, fill, headers);
    const repeat = await api.post(fills, { ...fill, fee: { asset: 'BTC', amount: '0.0000100' } }, headers);
    expect([repeat.status, repeat.headers['idempotency-hit'], repeat.body]).toEqual([201, 'true', first.body]);
  });

  test('keeps the price to the last digit, before the fee', async () => {
    const { fills } = await placed();
    const fee = { asset: 'BTC', amount: '0.00024999' };
    expectProblem(await api.post(fills, { amountIn: '10', amountOut: '0.00024999' }), 422, 'price_not_met', {
      targetPrice: '0.000025',
      amountOut: '0.00024999',
      required: '0.00025',
    });
    expect((await api.post(fills, { amountIn: '10', amountOut: '0.00025', fee })).status).toBe(201);
  });
});

describe('a fill that is reported again', () => {
  const REPORT = { amountIn: '10', amountOut: '0.00025', txHash: '0xabc', logIndex: 7 };

  test('under another key is answered as the first time, and kept under its own', async () => {
    const { account, fills, orderId } = await placed();
    const first = await api.post(fills, REPORT);
    await api.post(`${account}/orders/${orderId}/cancel`);
    const headers = { 'idempotency-key': newKey() };
    const again = await api.post(fills, { ...REPORT, amountOut: '0.000250' }, headers);
    expect([again.status, again.headers['idempotency-hit']]).toEqual([201, 'true']);
    const { commandId, position } = again.body;
    expect(again.body).toEqual({ ...first.body, commandId, position });
    expect(commandId).not.toBe(first.body.commandId);
    expect(again.headers['location']).toBe(`/v1/commands/${commandId}`);
    const status = await api.get(`/v1/commands/${commandId}?minPosition=${position}`);
    expect(status.body).toEqual(again.body);
    const repeat = await api.post(fills, REPORT, headers);
    expect([repeat.status, repeat.headers['idempotency-hit'], repeat.body]).toEqual([201, 'true', again.body]);
    const { body } = await api.get(`/v1/orders/${orderId}?minPosition=${position}`);
    expect(body).toMatchObject({ status: 'cancelled', filledIn: '10.00' });
  });

  test.each([
    ['another amountIn', { amountIn: '9' }],
    ['another amountOut', { amountOut: '0.00026' }],
    ['a fee', { fee: { asset: 'BTC', amount: '0.00001' } }],
  ])('with %s is refused', async (_what, other) => {
    const { fills } = await placed();
    const { fillId } = (await api.post(fills, REPORT)).body.result;
    expectProblem(await api.post(fills, { ...REPORT, ...other }), 409, 'already_exists', { fillId });
  });

  test('for another order of the account is refused; with another index it is another fill', async () => {
    const { account, fills } = await placed();
    const { orderId } = (await api.post(`${account}/orders`, LIMIT)).body.result;
    await api.post(fills, REPORT);
    expectProblem(await api.post(`${account}/orders/${orderId}/fills`, REPORT), 409, 'already_exists');
    for (const logIndex of [8, undefined])
      expect((await api.post(fills, { ...REPORT, logIndex })).headers['idempotency-hit']).toBeUndefined();
    expect((await api.post(fills, { ...REPORT, logIndex: undefined })).headers['idempotency-hit']).toBe('true');
  });
});

describe('a fill is refused', () => {
  test.each([
    ['without a hash to its index', { logIndex: 1 }, '#/txHash'],
    ['with an index below zero', { txHash: 'x', logIndex: -1 }, '#/logIndex'],
    ['with a fee that says no asset', { fee: { amount: '1' } }, '#/fee/asset'],
  ])('as malformed: %s', async (_what, fields, pointer) => {
    const { fills } = await placed();
    const errors = [{ pointer, detail: expect.any(String) }];
    expectProblem(await api.post(fills, { amountIn: '1', amountOut: '1', ...fields }), 400, 'malformed_request', { errors });
  });

  test.each([
    ['amountIn', { amountIn: '1.005', amountOut: '1' }, 'USD', '#/amountIn'],
    ['amountOut', { amountIn: '1', amountOut: '1.000000001' }, 'BTC', '#/amountOut'],
    ['the fee', { amountIn: '1', amountOut: '1', fee: { asset: 'BTC', amount: '0.000000001' } }, 'BTC', '#/fee/amount'],
  ])('where %s does not fit its asset', async (_what, body, asset, pointer) => {
    const { fills } = await placed();
    expectProblem(await api.post(fills, body), 400, 'invalid_amount', { asset, errors: [{ pointer, detail: expect.any(String) }] });
  });

  test('without a pointer where either of two amounts may be meant', async () => {
    const { fills } = await placed();
    const { body } = await api.post(fills, { amountIn: '1.005', amountOut: '1.005' });
    expect([body.code, body.errors]).toEqual(['invalid_amount', undefined]);
  });

  test('for what it is', async () => {
    const { account, fills } = await placed();
    const good = { amountIn: '10', amountOut: '0.00025' };
    expectProblem(await api.post(fills, { ...good, amountIn: '40.01' }), 422, 'insufficient_held', { held: '40.00' });
    expectProblem(await api.post(fills, { ...good, fee: { asset: 'USD', amount: '1' } }), 400, 'malformed_request');
    expectProblem(await api.post(fills, { ...good, fee: { asset: 'BTC', amount: '0.0003' } }), 422, 'amount_out_of_range', {
      asset: 'BTC',
    });
    for (const id of [randomUUID(), 'none']) expectProblem(await api.post(`${account}/orders/${id}/fills`, good), 404, 'order_not_found');
    for (const role of ['user', 'auditor'] as const) expectProblem(await api.post(fills, good, as(role, randomUUID())), 403, 'forbidden');
    await api.post(`${account}/freeze`, { reason: 'x' });
    expectProblem(await api.post(fills, good), 422, 'account_frozen');
  });
});

test('what happened to an order is listed oldest first, by page', async () => {
  const { fills, orderId, account } = await placed();
  const fill = await api.post(fills, { amountIn: '10', amountOut: '0.00025', txHash: '0xe' });
  await api.post(fills, { amountIn: '10', amountOut: '0.00025', txHash: '0xe' });
  const { position } = (await api.post(`${account}/orders/${orderId}/cancel`)).body;
  const list = async (query = '') => (await api.get(`/v1/orders/${orderId}/events?minPosition=${position}${query}`)).body;
  const typesOf = ({ data }: { data: { type: string }[] }) => data.map(({ type }) => type);
  const { data } = await list();
  expect(typesOf({ data })).toEqual(['order-placed', 'order-filled', 'order-cancelled']);
  expect(data[1]).toEqual({
    eventId: fill.body.result.fillId,
    type: 'order-filled',
    revision: fill.body.revision,
    position: fill.body.position,
    occurredAt: expect.stringMatching(/Z$/),
    data: expect.objectContaining({ orderId, amountIn: '10.00', amountOut: '0.00025000', filledIn: '10.00', txHash: '0xe' }),
  });
  expect(data[1].data.type).toBeUndefined();
  const first = await list('&limit=2');
  const second = await list(`&limit=2&cursor=${first.next}`);
  expect([typesOf(first), typesOf(second), second.hasMore]).toEqual([['order-placed', 'order-filled'], ['order-cancelled'], false]);
  expectProblem(await api.get(`/v1/orders/${randomUUID()}/events`), 404, 'order_not_found');
});
