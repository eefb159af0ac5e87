// Orders as clients place, cancel and read them. Fills have a file of their own.
import { z } from 'zod';
import { EmptyBody, PlaceOrderBody } from '../../domain/commands.ts';
import { Uuid } from '../../domain/ids.ts';
import type { OrderStatus } from '../../domain/lifecycles.ts';
import { ORDER_STATUSES } from '../../domain/lifecycles.ts';
import { isWithin } from '../../identity/access.ts';
import type { OrderSummary } from '../../projections/orders.ts';
import { AccountOrderParams, AccountParams, Order, OrderParams, PageQuery, pageOf } from '../contract.ts';
import { ACCOUNT_ID, appliedExample, ORDER_ID, onePage, USER_ID } from '../examples.ts';
import { refusal } from '../problems.ts';
import { readRoute } from '../read-route.ts';
import { pageBody } from '../wire.ts';
import { writeRoute } from '../write-route.ts';

export const placeOrder = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/orders',
  operationId: 'placeOrder',
  tag: 'orders',
  summary: 'Place an order: exchange tokenIn for tokenOut',
  description:
    'Sets `amountIn` aside. `targetPrice` is how much tokenOut one tokenIn is worth: a fill of a LIMIT order brings at least that, exactly and before fees. A MARKET order has none.',
  params: AccountParams,
  body: PlaceOrderBody,
  toCommand: ({ params, body }) => ({ type: 'place-order', accountId: params.accountId, ...body }),
  location: ({ result }) => `/v1/orders/${result['orderId']}`,
  example: {
    body: { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '40.00', orderType: 'LIMIT', targetPrice: '0.000025' },
    answer: appliedExample({ balances: [{ asset: 'USD', available: '60.00', held: '40.00' }], result: { orderId: ORDER_ID } }),
  },
});

export const cancelOrder = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/orders/{orderId}/cancel',
  operationId: 'cancelOrder',
  tag: 'orders',
  summary: 'Cancel an order: what no fill has taken is available again',
  params: AccountOrderParams,
  body: EmptyBody,
  toCommand: ({ params }) => ({ type: 'cancel-order', ...params }),
  example: {
    body: {},
    answer: appliedExample({
      balances: [{ asset: 'USD', available: '90.00', held: '0.00' }],
      result: { orderId: ORDER_ID, orderStatus: 'cancelled' },
    }),
  },
});

const orderBody = (order: OrderSummary): z.output<typeof Order> => ({
  id: order.orderId,
  accountId: order.accountId,
  userId: order.ownerId ?? null,
  tokenIn: order.tokenIn,
  tokenOut: order.tokenOut,
  amountIn: order.amountIn,
  filledIn: order.filledIn,
  filledOut: order.filledOut,
  targetPrice: order.targetPrice ?? null,
  orderType: order.orderType,
  status: order.status,
  createdAt: order.createdAt,
  executedAt: order.executedAt ?? null,
  cancelledAt: order.cancelledAt ?? null,
  expiresAt: order.expiresAt ?? null,
});

const EXAMPLE = {
  id: ORDER_ID,
  accountId: ACCOUNT_ID,
  userId: USER_ID,
  tokenIn: 'USD',
  tokenOut: 'BTC',
  amountIn: '40.00',
  filledIn: '10.00',
  filledOut: '0.00025000',
  targetPrice: '0.000025',
  orderType: 'LIMIT',
  status: 'pending',
  createdAt: '2026-01-31T12:00:00.000Z',
  executedAt: null,
  cancelledAt: null,
  expiresAt: null,
};
const OrderList = pageOf(Order, 'OrderList');
const OrderQuery = z.object({ ...PageQuery.shape, status: z.enum(ORDER_STATUSES).optional() });

export const listAccountOrders = readRoute({
  path: '/v1/accounts/{accountId}/orders',
  operationId: 'listAccountOrders',
  tag: 'orders',
  summary: 'List the orders of an account, newest first',
  params: AccountParams,
  query: OrderQuery,
  tagged: true,
  answer: OrderList,
  example: onePage(EXAMPLE),
  async answerTo({ params, query: { limit, cursor, status }, queries }) {
    return pageBody(await queries.orders({ accountId: params.accountId, status }, { limit, cursor }), orderBody);
  },
});

export const listOrders = readRoute({
  path: '/v1/orders',
  operationId: 'listOrders',
  tag: 'orders',
  summary: 'List orders, newest first',
  description: 'Users see their own.',
  query: OrderQuery,
  answer: OrderList,
  example: onePage(EXAMPLE),
  async answerTo({ query: { limit, cursor, status }, ownerLimit, queries }) {
    return pageBody(await queries.orders({ ownerId: ownerLimit, status }, { limit, cursor }), orderBody);
  },
});

const ordersThatAre = (status: OrderStatus, operationId: string) =>
  readRoute({
    path: `/v1/orders/${status}`,
    operationId,
    tag: 'orders',
    summary: `List the ${status} orders: the same as /v1/orders?status=${status}`,
    description: 'Users see their own.',
    query: PageQuery,
    answer: OrderList,
    example: onePage({
      ...EXAMPLE,
      status,
      ...(status === 'executed' ? { filledIn: '40.00', filledOut: '0.00100000', executedAt: '2026-01-31T12:05:00.000Z' } : {}),
      ...(status === 'cancelled' ? { cancelledAt: '2026-01-31T12:05:00.000Z' } : {}),
      ...(status === 'expired' ? { expiresAt: '2026-01-31T12:05:00.000Z' } : {}),
    }),
    async answerTo({ query, ownerLimit, queries }) {
      return pageBody(await queries.orders({ ownerId: ownerLimit, status }, query), orderBody);
    },
  });
export const listPendingOrders = ordersThatAre('pending', 'listPendingOrders');
export const listExecutedOrders = ordersThatAre('executed', 'listExecutedOrders');
export const listCancelledOrders = ordersThatAre('cancelled', 'listCancelledOrders');
export const listExpiredOrders = ordersThatAre('expired', 'listExpiredOrders');

export const listUserOrders = readRoute({
  path: '/v1/users/{userId}/orders',
  operationId: 'listUserOrders',
  tag: 'orders',
  summary: 'List the orders of a user, newest first',
  description: 'In all of their accounts. Of a user who is not known, and of one whose orders you may not see, there are none.',
  // Any text: one that is no user's id has no orders.
  params: z.object({ userId: z.string().meta({ examples: [USER_ID] }) }),
  query: OrderQuery,
  answer: OrderList,
  example: onePage(EXAMPLE),
  async answerTo({ params, query: { limit, cursor, status }, ownerLimit, queries }) {
    const ownerId = Uuid.safeParse(params.userId).data;
    if (ownerId === undefined || !isWithin(ownerLimit, ownerId)) return pageBody({ data: [], hasMore: false }, orderBody);
    return pageBody(await queries.orders({ ownerId, status }, { limit, cursor }), orderBody);
  },
});

export const getOrder = readRoute({
  path: '/v1/orders/{orderId}',
  operationId: 'getOrder',
  tag: 'orders',
  summary: 'Get an order',
  params: OrderParams,
  answer: Order,
  problems: ['order_not_found'],
  example: EXAMPLE,
  async answerTo({ params: { orderId }, ownerLimit, queries }) {
    const order = await queries.order(orderId);
    return order && isWithin(ownerLimit, order.ownerId) ? orderBody(order) : refusal('order_not_found', `No order ${orderId}.`);
  },
});
