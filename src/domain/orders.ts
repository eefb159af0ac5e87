// Orders: amountIn of tokenIn set aside, and paid out to the venue fill by fill for tokenOut. Every amount is the one that was
// reported: nothing is computed and so nothing rounded, and what a fill does not take stays held. No dust is made or lost.
import type { Account } from './account.ts';
import { canonicalDecimal, formatMinor } from './amounts.ts';
import { amountIn, notMoving, resolveAsset } from './checks.ts';
import type { CancelOrder, ExpireOrder, FillOrder, PlaceOrder } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { accepted, refused, rejected } from './decision.ts';
import { fundsRefusal, moved, rangeRefusal } from './entries.ts';
import type { OrderFilled } from './events.ts';
import type { BookedFill } from './facts.ts';
import { insufficientHeld, isDue, nothingDue } from './holds.ts';
import type { OrderId } from './ids.ts';
import { OrderIdSchema } from './ids.ts';
import type { Order } from './open-orders.ts';
import { filledOf, heldMinorOf } from './open-orders.ts';
import { leastOut, meetsPrice } from './price.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';
import { canonicalTime } from './time.ts';

export function placeOrder(command: PlaceOrder, account: Account, context: DecisionContext): Decision {
  const tokenIn = resolveAsset(command.tokenIn, context);
  if ('detail' in tokenIn) return refused(tokenIn);
  const tokenOut = resolveAsset(command.tokenOut, context);
  if ('detail' in tokenOut) return refused(tokenOut);
  const amountMinor = amountIn(command.amountIn, tokenIn);
  if (typeof amountMinor !== 'bigint') return refused(amountMinor);
  const refusal = notMoving(account) ?? fundsRefusal(account, tokenIn, amountMinor);
  if (refusal) return refused(refusal);
  const { orderType, targetPrice, expiresAt } = command;
  return moved(account, {
    type: 'order-placed',
    version: 1,
    orderId: OrderIdSchema.parse(context.eventId),
    orderType,
    tokenIn: tokenIn.code,
    tokenOut: tokenOut.code,
    amountIn: formatMinor(amountMinor, tokenIn.scale),
    filledIn: formatMinor(0n, tokenIn.scale),
    filledOut: formatMinor(0n, tokenOut.scale),
    balances: [],
    ...(targetPrice === undefined ? {} : { targetPrice: canonicalDecimal(targetPrice) }),
    ...(expiresAt === undefined ? {} : { expiresAt: canonicalTime(expiresAt) }),
  });
}

/**
 * Books a fill. A fill reported again (the same txHash and logIndex) with the same figures is answered with the first one's
 * outcome, whatever has become of the order and the account since; with other figures it is another fill under a taken name.
 */
export function fillOrder(command: FillOrder, account: Account, context: DecisionContext): Decision {
  const { orderId, txHash, logIndex } = command;
  const booked = txHash === undefined ? undefined : context.fact({ kind: 'fill', txHash, logIndex });
  if (booked !== undefined) return repeatedFill(command, booked.fill);
  const order = notMoving(account) ?? pendingOrder(orderId, account, context);
  if ('detail' in order) return refused(order);
  const figures = figuresOf(command, order);
  if ('detail' in figures) return refused(figures);
  const { inMinor, outMinor, feeMinor } = figures;
  const tokenOut = { code: order.tokenOut, scale: order.filledOut.scale };
  const refusal =
    leftRefusal(order, inMinor) ??
    priceRefusal(order, figures) ??
    feeRefusal(order, outMinor, feeMinor) ??
    rangeRefusal(account, tokenOut, outMinor - feeMinor);
  return refusal ? refused(refusal) : moved(account, filled(command, order, figures, context.eventId));
}

/** Gives back what no fill has taken; what was filled stays filled. */
export function cancelOrder({ orderId }: CancelOrder, account: Account, context: DecisionContext): Decision {
  const order = notMoving(account) ?? pendingOrder(orderId, account, context);
  return 'detail' in order ? refused(order) : ended('order-cancelled', order, account);
}

/** The end of an order whose time is over. Where nothing is due, nothing happens. */
export function expireOrder({ orderId }: ExpireOrder, account: Account, context: DecisionContext): Decision {
  const order = account.orders.get(orderId);
  return order !== undefined && isDue(order, context) ? ended('order-expired', order, account) : nothingDue;
}

function pendingOrder(orderId: OrderId, account: Account, context: DecisionContext): Order | Rejection {
  const order = account.orders.get(orderId);
  if (order !== undefined) return order;
  return context.fact({ kind: 'closed-order', orderId }) === undefined
    ? rejection('order_not_found', `The account has no order ${orderId}.`)
    : rejection('order_not_open', `Order ${orderId} is not pending.`);
}

interface FillFigures {
  readonly inMinor: bigint;
  readonly outMinor: bigint;
  readonly feeMinor: bigint;
}

/** The figures in minor units of the order's assets, or why they are none. */
function figuresOf(
  { amountIn: paid, amountOut: got, fee }: FillOrder,
  { tokenOut, amountIn: { scale }, tokenIn, filledOut }: Order,
): FillFigures | Rejection {
  if (fee !== undefined && fee.asset !== tokenOut)
    return rejection('malformed_request', `The fee of this order is paid in ${tokenOut}, not in ${fee.asset}.`);
  const out = { code: tokenOut, scale: filledOut.scale };
  const inMinor = amountIn(paid, { code: tokenIn, scale });
  const outMinor = amountIn(got, out);
  const feeMinor = fee === undefined ? 0n : amountIn(fee.amount, out);
  if (typeof inMinor !== 'bigint') return inMinor;
  if (typeof outMinor !== 'bigint') return outMinor;
  return typeof feeMinor === 'bigint' ? { inMinor, outMinor, feeMinor } : feeMinor;
}

function leftRefusal(order: Order, inMinor: bigint): Rejection | undefined {
  const leftMinor = heldMinorOf(order);
  const remaining = { minor: leftMinor, scale: order.amountIn.scale };
  return inMinor <= leftMinor ? undefined : insufficientHeld(`order ${order.orderId}`, order.tokenIn, remaining, inMinor);
}

function priceRefusal({ targetPrice, tokenOut, filledIn, filledOut }: Order, { inMinor, outMinor }: FillFigures): Rejection | undefined {
  const [paid, amountOut] = [formatMinor(inMinor, filledIn.scale), formatMinor(outMinor, filledOut.scale)];
  if (targetPrice === undefined || meetsPrice(paid, amountOut, targetPrice)) return undefined;
  const required = leastOut(paid, targetPrice);
  return rejection('price_not_met', `At ${targetPrice}, ${paid} is worth ${required} ${tokenOut}; the fill brings ${amountOut}.`, {
    targetPrice,
    amountOut,
    required,
  });
}

function feeRefusal({ tokenOut, filledOut: { scale } }: Order, outMinor: bigint, feeMinor: bigint): Rejection | undefined {
  if (feeMinor <= outMinor) return undefined;
  const [fee, proceeds] = [formatMinor(feeMinor, scale), formatMinor(outMinor, scale)];
  return rejection('amount_out_of_range', `The fee of ${fee} ${tokenOut} is more than the ${proceeds} that the fill brings.`, {
    asset: tokenOut,
  });
}

function filled(command: FillOrder, order: Order, { inMinor, outMinor, feeMinor }: FillFigures, eventId: string): OrderFilled {
  const { txHash, logIndex, fee } = command;
  const { orderId, tokenIn, tokenOut } = order;
  const [inScale, outScale] = [order.filledIn.scale, order.filledOut.scale];
  const filledIn = { scale: inScale, minor: order.filledIn.minor + inMinor };
  const filledOut = { scale: outScale, minor: order.filledOut.minor + outMinor };
  return {
    type: 'order-filled',
    version: 1,
    orderId,
    fillId: eventId,
    tokenIn,
    tokenOut,
    amountIn: formatMinor(inMinor, inScale),
    amountOut: formatMinor(outMinor, outScale),
    ...filledOf({ filledIn, filledOut }),
    orderStatus: filledIn.minor === order.amountIn.minor ? 'executed' : 'pending',
    balances: [],
    ...(fee === undefined ? {} : { fee: { asset: fee.asset, amount: formatMinor(feeMinor, outScale) } }),
    ...(txHash === undefined ? {} : { txHash }),
    ...(logIndex === undefined ? {} : { logIndex }),
  };
}

function repeatedFill(command: FillOrder, first: BookedFill): Decision {
  const isSame =
    command.orderId === first.orderId &&
    isSameAmount(command.amountIn, first.amountIn) &&
    isSameAmount(command.amountOut, first.amountOut) &&
    command.fee?.asset === first.fee?.asset &&
    isSameAmount(command.fee?.amount ?? '0', first.fee?.amount ?? '0');
  if (!isSame) {
    const name = `${command.txHash}${command.logIndex === undefined ? '' : `, log index ${command.logIndex}`}`;
    return rejected('already_exists', `The account has another fill of ${name} already.`, { fillId: first.fillId });
  }
  const { orderId, fillId, orderStatus, balances, revision } = first;
  return accepted({
    type: 'fill-repeated',
    version: 1,
    orderId,
    fillId,
    orderStatus,
    firstRevision: revision.toString(),
    balances: [...balances],
  });
}

const isSameAmount = (one: string, other: string): boolean => canonicalDecimal(one) === canonicalDecimal(other);

function ended(type: 'order-cancelled' | 'order-expired', order: Order, account: Account): Decision {
  const {
    orderId,
    tokenIn,
    amountIn: { scale },
  } = order;
  const amount = formatMinor(heldMinorOf(order), scale);
  return moved(account, { type, version: 1, orderId, asset: tokenIn, amount, ...filledOf(order), balances: [] });
}
