// Fills: what a venue reports of an order, and what has happened to the order since it was placed.
import type { z } from 'zod';
import { FillOrderBody } from '../../domain/commands.ts';
import { isWithin } from '../../identity/access.ts';
import type { OrderEventSummary } from '../../projections/order-events.ts';
import { outcomeLocation } from '../command-answer.ts';
import { AccountOrderParams, OrderEvent, OrderParams, PageQuery, pageOf } from '../contract.ts';
import { appliedExample, FILL_ID, ORDER_ID, onePage } from '../examples.ts';
import { refusal } from '../problems.ts';
import { readRoute } from '../read-route.ts';
import { pageBody } from '../wire.ts';
import { writeRoute } from '../write-route.ts';

const REPORTED = {
  amountIn: '10.00',
  amountOut: '0.00025',
  fee: { asset: 'BTC', amount: '0.000001' },
  txHash: '0x9c1f1d5e8a6b',
  logIndex: 3,
};

export const fillOrder = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/orders/{orderId}/fills',
  operationId: 'fillOrder',
  tag: 'orders',
  summary: 'Fill an order, or some of it',
  description:
    'Takes `amountIn` from what the order has set aside and credits `amountOut` less the fee, which is paid in tokenOut. `txHash` and `logIndex` name the fill in the account: reported again with the same order and figures, under any key, it is answered as the first time, with `Idempotency-Hit: true`.',
  params: AccountOrderParams,
  body: FillOrderBody,
  toCommand: ({ params, body }) => ({ type: 'fill-order', ...params, ...body }),
  location: outcomeLocation,
  example: {
    body: REPORTED,
    answer: appliedExample({
      balances: [
        { asset: 'USD', available: '60.00', held: '30.00' },
        { asset: 'BTC', available: '0.00024900', held: '0.00000000' },
      ],
      result: { fillId: FILL_ID, orderStatus: 'pending' },
    }),
  },
});

const orderEventBody = ({ eventId, type, revision, position, occurredAt, data }: OrderEventSummary): z.output<typeof OrderEvent> => ({
  eventId,
  type,
  revision: String(revision),
  position: String(position),
  occurredAt,
  data: OrderEvent.shape.data.parse(data),
});

export const listOrderEvents = readRoute({
  path: '/v1/orders/{orderId}/events',
  operationId: 'listOrderEvents',
  tag: 'orders',
  summary: 'List what happened to an order, oldest first',
  params: OrderParams,
  query: PageQuery,
  answer: pageOf(OrderEvent, 'OrderEventList'),
  problems: ['order_not_found'],
  example: onePage({
    eventId: ORDER_ID,
    type: 'order-placed',
    revision: '11',
    position: '48105',
    occurredAt: '2026-01-31T12:00:00.000Z',
    data: {
      version: 1,
      orderId: ORDER_ID,
      orderType: 'LIMIT',
      tokenIn: 'USD',
      tokenOut: 'BTC',
      amountIn: '40.00',
      filledIn: '0.00',
      filledOut: '0.00000000',
      targetPrice: '0.000025',
      balances: [{ asset: 'USD', available: '60.00', held: '40.00' }],
    },
  }),
  async answerTo({ params: { orderId }, query, ownerLimit, queries }) {
    const order = await queries.order(orderId);
    if (!order || !isWithin(ownerLimit, order.ownerId)) return refusal('order_not_found', `No order ${orderId}.`);
    return pageBody(await queries.orderEvents(orderId, query), orderEventBody);
  },
});
