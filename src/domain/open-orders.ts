// The orders that are pending in an account, each with the hold behind it. Those that have ended are not state.
import type { Map as PersistentMap } from 'immutable';
import type { Decimal } from './amounts.ts';
import { formatMinor, parseDecimal } from './amounts.ts';
import type { LedgerEvent, OrderCancelled, OrderExpired, OrderFilled, OrderPlaced, OrderType } from './events.ts';
import type { AssetCode, OrderId } from './ids.ts';
import { InvariantViolated } from './invariant.ts';
import { nextStatus, ORDER_TRANSITIONS, restOf } from './lifecycles.ts';

export interface Order {
  readonly orderId: OrderId;
  readonly orderType: OrderType;
  readonly tokenIn: AssetCode;
  readonly tokenOut: AssetCode;
  readonly amountIn: Decimal;
  /** Of amountIn: gone out in fills. The rest is held. */
  readonly filledIn: Decimal;
  /** Come in through fills, before fees. */
  readonly filledOut: Decimal;
  /** tokenOut per one tokenIn, as it was written; a LIMIT order's. */
  readonly targetPrice?: string;
  /** RFC 3339; absent: it never expires. Looked at by its expiry alone. */
  readonly expiresAt?: string;
}
/** Persistent: a version of it costs the same however many there are. */
export type Orders = PersistentMap<OrderId, Order>;

/** What the order still holds, in minor units of tokenIn. */
export const heldMinorOf = ({ amountIn, filledIn }: Order): bigint => amountIn.minor - filledIn.minor;

export function orderFrom(placed: Omit<OrderPlaced, 'type' | 'version' | 'balances'>): Order {
  const { orderId, orderType, tokenIn, tokenOut, targetPrice, expiresAt } = placed;
  return {
    orderId,
    orderType,
    tokenIn,
    tokenOut,
    amountIn: parseDecimal(placed.amountIn),
    filledIn: parseDecimal(placed.filledIn),
    filledOut: parseDecimal(placed.filledOut),
    ...(targetPrice === undefined ? {} : { targetPrice }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** What the order has come to, as its events say it. */
export const filledOf = ({ filledIn, filledOut }: Pick<Order, 'filledIn' | 'filledOut'>) => ({
  filledIn: formatMinor(filledIn.minor, filledIn.scale),
  filledOut: formatMinor(filledOut.minor, filledOut.scale),
});

/**
 * The pending orders after an event of the account.
 * @throws InvariantViolated where it concerns an order that is not pending, or does not add up with what the order was.
 */
export function evolveOrders(orders: Orders, event: LedgerEvent): Orders {
  if (event.type === 'order-placed') {
    nextStatus(ORDER_TRANSITIONS, orders.has(event.orderId) ? 'pending' : 'none', event.type);
    return orders.set(event.orderId, orderFrom(event));
  }
  if (event.type === 'order-filled') return afterFill(orders, event);
  return event.type === 'order-cancelled' || event.type === 'order-expired' ? afterEnd(orders, event) : orders;
}

function afterFill(orders: Orders, event: OrderFilled): Orders {
  const order = orders.get(event.orderId);
  const { minor: inMinor } = parseDecimal(event.amountIn);
  const { minor: outMinor } = parseDecimal(event.amountOut);
  const leftMinor = order === undefined ? 0n : heldMinorOf(order) - inMinor;
  const status = nextStatus(ORDER_TRANSITIONS, order === undefined ? 'none' : 'pending', event.type, restOf(leftMinor));
  const fits = order !== undefined && leftMinor >= 0n && order.tokenIn === event.tokenIn && order.tokenOut === event.tokenOut;
  if (!fits || status !== event.orderStatus)
    throw new InvariantViolated(`a fill of ${event.amountIn} ${event.tokenIn} does not fit order ${event.orderId}`);
  const filledIn = { ...order.filledIn, minor: order.filledIn.minor + inMinor };
  const filledOut = { ...order.filledOut, minor: order.filledOut.minor + outMinor };
  checkFigures({ ...order, filledIn, filledOut }, event);
  return status === 'pending' ? orders.set(order.orderId, { ...order, filledIn, filledOut }) : orders.delete(order.orderId);
}

function afterEnd(orders: Orders, event: OrderCancelled | OrderExpired): Orders {
  const order = orders.get(event.orderId);
  nextStatus(ORDER_TRANSITIONS, order === undefined ? 'none' : 'pending', event.type);
  if (order === undefined || order.tokenIn !== event.asset || parseDecimal(event.amount).minor !== heldMinorOf(order))
    throw new InvariantViolated(`${event.type} releases ${event.amount} ${event.asset}, which order ${event.orderId} does not hold`);
  checkFigures(order, event);
  return orders.delete(order.orderId);
}

function checkFigures(order: Order, event: OrderFilled | OrderCancelled | OrderExpired): void {
  const { filledIn, filledOut } = filledOf(order);
  if (event.filledIn !== filledIn || event.filledOut !== filledOut)
    throw new InvariantViolated(
      `${event.type} says ${event.filledIn} for ${event.filledOut}; order ${order.orderId} is at ${filledIn} for ${filledOut}`,
    );
}
