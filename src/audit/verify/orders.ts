// Orders and their fills: figures that add up, prices that are met, fees in what comes in, every fill of the chain once.
import type { OrderFilled, StoredEvent } from '../../domain/events.ts';
import type { AccountId } from '../../domain/ids.ts';
import { amountFrom, decimalOf, isAtLeastProduct } from './decimals.ts';
import type { Money } from './money.ts';
import type { Observed, Tell } from './observation.ts';
import { keepable } from './observation.ts';
import type { Papers, Shelf } from './papers.ts';

/** An order, with what it is at the end of what was read. Amounts are decimal strings. */
export interface Order {
  readonly accountId: AccountId;
  readonly tokenIn: string;
  readonly tokenOut: string;
  readonly amountIn: string;
  readonly filledIn: string;
  readonly filledOut: string;
  readonly targetPrice: string | null;
  readonly orderType: 'LIMIT' | 'MARKET';
  readonly status: 'pending' | 'executed' | 'cancelled' | 'expired';
  readonly expiresAt: string | null;
  /** Of the last event of its life. */
  readonly position: string;
}

interface Fill {
  readonly accountId: AccountId;
  readonly orderId: string;
  readonly orderStatus: string;
  readonly revision: string;
  /** As the event states them. */
  readonly balances: string;
}

export interface Orders {
  follow(observed: Observed): void;
  readonly all: Shelf<Order>;
  /** The fills that the chain has a name for, by account, txHash and logIndex. */
  readonly named: Shelf<{ readonly revision: string }>;
}

export const fillKey = (accountId: string, txHash: string, logIndex: string | undefined): string =>
  `${accountId} ${logIndex ?? '-'} ${keepable(txHash)}`;

export function makeOrders(papers: Papers, money: Pick<Money, 'reserve' | 'scaleOf'>, tell: Tell): Orders {
  const all = papers.shelf<Order>();
  const named = papers.shelf<{ readonly revision: string }>();
  const fills = papers.shelf<Fill>();

  function place({ at, accountId, event }: Observed<Extract<StoredEvent, { type: 'order-placed' }>>): void {
    const { orderId, orderType, tokenIn, tokenOut, amountIn, filledIn, filledOut, targetPrice = null, expiresAt = null } = event;
    const { minor, scale } = amountFrom(amountIn);
    const none = { filledIn: decimalOf(0n, scale), filledOut: decimalOf(0n, money.scaleOf(tokenOut) ?? 0) };
    const order: Order = {
      ...{ accountId, tokenIn, tokenOut, amountIn, ...none, targetPrice, orderType },
      ...{ status: 'pending', expiresAt, position: `${at.position}` },
    };
    if (all.add(orderId, order) !== undefined) tell(at, 'order', `Order ${orderId} is placed again.`);
    else money.reserve(accountId, tokenIn, minor);
    if (orderId !== at.eventId)
      tell(at, 'order', 'The order has not the id of the event that places it.', { expected: at.eventId, found: orderId });
    if (filledIn !== none.filledIn || filledOut !== none.filledOut)
      tell(at, 'order', 'It is placed with something filled.', { expected: 'nothing', found: `${filledIn} for ${filledOut}` });
    if ((orderType === 'LIMIT') !== (targetPrice !== null))
      tell(at, 'order', `A ${orderType} order has ${targetPrice === null ? 'no' : 'a'} price.`);
  }

  /** The order that the event is about, while it is pending. */
  function pending({ at, accountId, event }: Observed, orderId: string): Order | undefined {
    const order = all.get(orderId);
    if (order?.accountId === accountId && order.status === 'pending') return order;
    const found = order === undefined ? 'no such order' : `one of ${order.accountId} that is ${order.status}`;
    tell(at, 'order', `A ${event.type} event is of order ${orderId}.`, { expected: 'a pending order of this account', found });
    return undefined;
  }

  function fill(observed: Observed<OrderFilled>): void {
    const { at, accountId, event } = observed;
    const { orderId, amountIn, amountOut, fillId, orderStatus, txHash, logIndex } = event;
    const order = pending(observed, orderId);
    const revision = `${at.revision}`;
    const name = txHash === undefined ? undefined : fillKey(accountId, txHash, logIndex === undefined ? undefined : `${logIndex}`);
    if (name !== undefined && named.add(name, { revision }) !== undefined)
      tell(at, 'order', `The fill of ${txHash}, log index ${logIndex ?? 'none'}, is booked again.`);
    fills.put(fillId, { accountId, orderId, orderStatus, revision, balances: JSON.stringify(event.balances) });
    if (fillId !== at.eventId) tell(at, 'order', 'The fill has not the id of its event.', { expected: at.eventId, found: fillId });
    if (order === undefined) return;
    checkPrice(observed, order);
    const [paid, got] = [amountFrom(amountIn), amountFrom(amountOut)];
    const filledIn = decimalOf(amountFrom(order.filledIn).minor + paid.minor, paid.scale);
    const filledOut = decimalOf(amountFrom(order.filledOut).minor + got.minor, got.scale);
    const left = amountFrom(order.amountIn).minor - amountFrom(filledIn).minor;
    const status = left === 0n ? 'executed' : 'pending';
    if (left < 0n || paid.minor <= 0n || order.tokenIn !== event.tokenIn || order.tokenOut !== event.tokenOut)
      tell(at, 'order', `The fill does not fit order ${orderId}.`, {
        expected: `at most ${decimalOf(left + paid.minor, paid.scale)} ${order.tokenIn} for ${order.tokenOut}`,
        found: `${amountIn} ${event.tokenIn} for ${event.tokenOut}`,
      });
    if (filledIn !== event.filledIn || filledOut !== event.filledOut || status !== orderStatus)
      tell(at, 'order', `Order ${orderId} has come to something else than it says.`, {
        expected: `${filledIn} for ${filledOut}, ${status}`,
        found: `${event.filledIn} for ${event.filledOut}, ${orderStatus}`,
      });
    money.reserve(accountId, order.tokenIn, -paid.minor);
    all.put(orderId, { ...order, filledIn, filledOut, status, position: `${at.position}` });
  }

  function checkPrice({ at, event: { amountIn, amountOut, fee, tokenOut } }: Observed<OrderFilled>, { targetPrice }: Order): void {
    const got = amountFrom(amountOut);
    if (targetPrice !== null && !isAtLeastProduct(got, amountFrom(amountIn), amountFrom(targetPrice)))
      tell(at, 'price_not_met', `A fill of ${amountIn} brings less than the target price.`, {
        expected: `${targetPrice} a piece`,
        found: amountOut,
      });
    if (
      fee !== undefined &&
      (fee.asset !== tokenOut || amountFrom(fee.amount).minor > got.minor || amountFrom(fee.amount).scale !== got.scale)
    )
      tell(at, 'wrong_fee', 'The fee is not one that the fill can pay.', {
        expected: `at most ${amountOut} ${tokenOut}`,
        found: `${fee.amount} ${fee.asset}`,
      });
  }

  function repeat({ at, accountId, event }: Observed<Extract<StoredEvent, { type: 'fill-repeated' }>>): void {
    const first = fills.get(event.fillId);
    const said = [event.orderId, event.orderStatus, event.firstRevision, JSON.stringify(event.balances)].join(' ');
    const was =
      first?.accountId === accountId ? [first.orderId, first.orderStatus, first.revision, first.balances].join(' ') : 'no such fill';
    if (said !== was) tell(at, 'order', 'It repeats another fill than there was.', { expected: was, found: said });
  }

  function end(observed: Observed<Extract<StoredEvent, { type: 'order-cancelled' | 'order-expired' }>>): void {
    const { at, accountId, event, occurredAt } = observed;
    const { orderId, amount, asset, filledIn, filledOut } = event;
    const order = pending(observed, orderId);
    if (order === undefined) return;
    const { minor, scale } = amountFrom(order.amountIn);
    const left = decimalOf(minor - amountFrom(order.filledIn).minor, scale);
    if (amount !== left || asset !== order.tokenIn || filledIn !== order.filledIn || filledOut !== order.filledOut)
      tell(at, 'order', `Order ${orderId} ends with other figures than it has.`, {
        expected: `${left} ${order.tokenIn} given back, ${order.filledIn} filled for ${order.filledOut}`,
        found: `${amount} ${asset} given back, ${filledIn} filled for ${filledOut}`,
      });
    if (event.type === 'order-expired' && (order.expiresAt === null || Date.parse(order.expiresAt) > Date.parse(occurredAt)))
      tell(at, 'order', `Order ${orderId} expires before its time.`, { expected: order.expiresAt ?? 'never', found: occurredAt });
    money.reserve(accountId, order.tokenIn, -amountFrom(left).minor);
    all.put(orderId, { ...order, status: event.type === 'order-cancelled' ? 'cancelled' : 'expired', position: `${at.position}` });
  }

  function follow(observed: Observed): void {
    const { event } = observed;
    if (event.type === 'order-placed') place({ ...observed, event });
    else if (event.type === 'order-filled') fill({ ...observed, event });
    else if (event.type === 'fill-repeated') repeat({ ...observed, event });
    else if (event.type === 'order-cancelled' || event.type === 'order-expired') end({ ...observed, event });
  }

  return { follow, all, named };
}
