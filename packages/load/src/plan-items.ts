// Steps about holds and orders: each is placed, touched by steps that build on one another, and closed.
import { amountOf, COINS, LARGEST_MINOR, MONEY, smallestMinor } from './money.ts';
import { leastOutMinor, priceFrom, priceText } from './order-prices.ts';
import type { OpenHold, OpenOrder, Planning } from './planning.ts';
import { command } from './planning.ts';
import type { Action, Draft, Strand } from './steps.ts';

/** A little more is opened than closed, so that there is always something to build on; as many may be open for a user, on the average. */
const MOST_OPEN = 4;
/** As many closed ones are kept, to be closed again in vain. */
const MOST_CLOSED = 20;
const PARTLY_CAPTURED_PERCENT = 40;
const PARTLY_FILLED_PERCENT = 40;
const MARKET_PERCENT = 25;
const BROKER_PERCENT = 50;
/** A fee is a thousandth of what a fill brings in. */
const FEE_PARTS = 1_000n;
/** A fill brings in up to a hundredth more than it has to. */
const BETTER_PARTS = 100n;

export function makeItems(planning: Planning) {
  const { chance, number, holds, orders, closed } = planning;
  const begins = (): Strand => ({ id: number(), place: 'begins' });
  const someOf = (minor: bigint): bigint => (minor * chance.between(25n, 75n)) / 100n;

  /** The last step of what is closed; now and then there is a further one, in vain. */
  function closing(strand: number, account: number, inVain: Extract<Action, { readonly type: 'release-hold' | 'cancel-order' }>): Strand {
    if (closed.size() >= MOST_CLOSED) return { id: strand, place: 'ends' };
    closed.put({ strand, account, action: inVain });
    return { id: strand, place: 'continues' };
  }
  const closingHold = ({ strand, account }: OpenHold): Strand => closing(strand, account, { type: 'release-hold', hold: 'of-strand' });
  const closingOrder = ({ strand, account }: OpenOrder): Strand => closing(strand, account, { type: 'cancel-order', order: 'of-strand' });

  function placeHold(): Draft | undefined {
    if (holds.size() >= MOST_OPEN * planning.users) return undefined;
    const account = planning.anybody();
    const asset = chance.pick([...MONEY, ...COINS]);
    const remainingMinor = chance.between(smallestMinor(asset), LARGEST_MINOR[asset]);
    holds.put({ strand: number(), account, asset, remainingMinor });
    const action = { type: 'place-hold', asset, amount: amountOf(asset, remainingMinor) } as const;
    return command(planning, { account, action, strand: begins() });
  }

  function capture(): Draft | undefined {
    const hold = holds.take();
    if (hold === undefined) return undefined;
    const { account, asset, remainingMinor, strand } = hold;
    const captured = (minor: bigint): Action => ({ type: 'capture-hold', hold: 'of-strand', amount: amountOf(asset, minor) });
    const part = someOf(remainingMinor);
    if (!chance.percent(PARTLY_CAPTURED_PERCENT) || part === 0n)
      return command(planning, { account, action: captured(remainingMinor), strand: closingHold(hold) });
    holds.put({ ...hold, remainingMinor: remainingMinor - part });
    return command(planning, { account, action: captured(part), strand: { id: strand, place: 'continues' } });
  }

  function release(): Draft | undefined {
    const hold = holds.take();
    if (hold === undefined) return undefined;
    const { account } = hold;
    return command(planning, { account, action: { type: 'release-hold', hold: 'of-strand' }, strand: closingHold(hold) });
  }

  function placeOrder(): Draft | undefined {
    if (orders.size() >= MOST_OPEN * planning.users) return undefined;
    const account = planning.anybody();
    const limit = priceFrom(chance);
    const { tokenIn, tokenOut } = limit;
    const leftMinor = chance.between(smallestMinor(tokenIn), LARGEST_MINOR[tokenIn]);
    const orderType = chance.percent(MARKET_PERCENT) ? 'MARKET' : 'LIMIT';
    orders.put({ strand: number(), account, limit, orderType, leftMinor });
    const action = {
      type: 'place-order',
      orderType,
      tokenIn,
      tokenOut,
      amountIn: amountOf(tokenIn, leftMinor),
      ...(orderType === 'LIMIT' ? { targetPrice: priceText(limit) } : {}),
    } as const;
    return command(planning, { account, action, strand: begins() });
  }

  /** At the price or better; of every other fill the venue keeps a fee. */
  function fillOf({ limit }: OpenOrder, inMinor: bigint): Action {
    const leastMinor = leastOutMinor(limit, inMinor);
    const outMinor = leastMinor + chance.between(0n, leastMinor / BETTER_PARTS);
    const feeMinor = chance.percent(50) ? outMinor / FEE_PARTS : 0n;
    const { tokenIn, tokenOut } = limit;
    return {
      type: 'fill-order',
      order: 'of-strand',
      amountIn: amountOf(tokenIn, inMinor),
      amountOut: amountOf(tokenOut, outMinor),
      ...(feeMinor === 0n ? {} : { fee: { asset: tokenOut, amount: amountOf(tokenOut, feeMinor) } }),
    };
  }
  function fill(): Draft | undefined {
    const order = orders.take();
    if (order === undefined) return undefined;
    const { account, leftMinor, strand } = order;
    const isPart = chance.percent(PARTLY_FILLED_PERCENT) && leftMinor >= smallestMinor(order.limit.tokenIn);
    const inMinor = isPart ? someOf(leftMinor) : leftMinor;
    if (isPart) orders.put({ ...order, leftMinor: leftMinor - inMinor });
    return command(planning, {
      account,
      sender: 'operator',
      action: fillOf(order, inMinor),
      strand: isPart ? { id: strand, place: 'continues' } : closingOrder(order),
      isForBroker: chance.percent(BROKER_PERCENT),
    });
  }

  function cancel(): Draft | undefined {
    const order = orders.take();
    if (order === undefined) return undefined;
    return command(planning, {
      account: order.account,
      action: { type: 'cancel-order', order: 'of-strand' },
      strand: closingOrder(order),
    });
  }

  return {
    'hold-place': placeHold,
    'hold-capture': capture,
    'hold-release': release,
    'order-place': placeOrder,
    'order-fill': fill,
    'order-cancel': cancel,
  };
}
