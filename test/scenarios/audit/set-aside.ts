// Holds and orders as the log has them: what is set aside, for what, and how it ended.
import type { Amount } from './decimals.ts';
import { decimalOf, isAtLeast, isSame, minus, product, sum, zeroAt } from './decimals.ts';
import type { AccountEvent } from './reading.ts';
import { amount, balancesSaidBy, insist, text, textOrNone } from './reading.ts';

interface Hold {
  readonly account: string;
  readonly asset: string;
  readonly amount: Amount;
  readonly remaining: Amount;
  readonly captured: Amount;
  readonly status: string;
  readonly placedBy: string;
  readonly expiresAt: string;
}
interface Order {
  readonly account: string;
  readonly tokenIn: string;
  readonly tokenOut: string;
  readonly amountIn: Amount;
  readonly filledIn: Amount;
  readonly filledOut: Amount;
  readonly targetPrice?: Amount;
  readonly status: string;
  readonly expiresAt: string;
}

/** Whether the time it was to end at is over. */
function insistDue({ expiresAt }: { readonly expiresAt: string }, event: AccountEvent): void {
  const at = String(event.metadata['occurredAt']);
  insist(expiresAt !== '' && Date.parse(expiresAt) <= Date.parse(at), event, `at ${at}, but its time is over at "${expiresAt}"`);
}

export function makeSetAside() {
  const holds = new Map<string, Hold>();
  const orders = new Map<string, Order>();
  /** What is set aside in all, by account and asset. */
  const held = new Map<string, Amount>();
  /** A line an order's event: order, position, type. */
  const orderEvents: string[] = [];
  /** The fills that the chain has a name for, by account, hash and index. */
  const named = new Set<string>();
  /** What each fill left, by its id. */
  const leftByFill = new Map<string, string>();

  const setAside = (account: string, asset: string, change: Amount): void => {
    const key = `${account} ${asset}`;
    const before = held.get(key);
    held.set(key, before === undefined ? change : sum(before, change));
  };
  const openHold = (event: AccountEvent): Hold & { readonly id: string } => {
    const id = text(event, 'holdId');
    const hold = holds.get(id);
    insist(hold?.status === 'open' && hold.account === event.account, event, `hold ${id} is ${hold?.status ?? 'not there'}`);
    insist(hold.asset === text(event, 'asset'), event, `hold ${id} is of ${hold.asset}`);
    return { ...hold, id };
  };
  const pendingOrder = (event: AccountEvent): Order & { readonly id: string } => {
    const id = text(event, 'orderId');
    const order = orders.get(id);
    insist(order?.status === 'pending' && order.account === event.account, event, `order ${id} is ${order?.status ?? 'not there'}`);
    return { ...order, id };
  };

  function closeHold(event: AccountEvent, status: string): void {
    const { id, ...hold } = openHold(event);
    insist(isSame(amount(event, 'amount'), hold.remaining), event, `hold ${id} has ${decimalOf(hold.remaining)} left`);
    if (status === 'expired') insistDue(hold, event);
    setAside(hold.account, hold.asset, minus(hold.remaining));
    holds.set(id, { ...hold, remaining: zeroAt(hold.remaining), status });
  }

  function capture(event: AccountEvent): void {
    const { id, ...hold } = openHold(event);
    const taken = amount(event, 'amount');
    const remaining = sum(hold.remaining, minus(taken));
    insist(remaining.minor >= 0n && taken.minor > 0n, event, `hold ${id} had ${decimalOf(hold.remaining)} left`);
    insist(isSame(remaining, amount(event, 'remaining')), event, `hold ${id} has ${decimalOf(remaining)} left`);
    setAside(hold.account, hold.asset, minus(taken));
    const status = remaining.minor === 0n ? 'captured' : 'open';
    holds.set(id, { ...hold, remaining, captured: sum(hold.captured, taken), status });
  }

  function fill(event: AccountEvent): void {
    const { id, ...order } = pendingOrder(event);
    const [paid, got] = [amount(event, 'amountIn'), amount(event, 'amountOut')];
    const { targetPrice: price } = order;
    insist(price === undefined || isAtLeast(got, product(paid, price)), event, 'the price is not met');
    const [filledIn, filledOut] = [sum(order.filledIn, paid), sum(order.filledOut, got)];
    insist(isAtLeast(order.amountIn, filledIn), event, `order ${id} is overfilled`);
    const status = isSame(order.amountIn, filledIn) ? 'executed' : 'pending';
    const isSaid = isSame(filledIn, amount(event, 'filledIn')) && isSame(filledOut, amount(event, 'filledOut'));
    insist(isSaid && text(event, 'orderStatus') === status, event, `order ${id} is ${status}, ${decimalOf(filledIn)} filled`);
    const txHash = textOrNone(event, 'txHash');
    const name = `${event.account} ${txHash} ${event.data['logIndex'] ?? '-'}`;
    insist(txHash === '' || !named.has(name), event, `fill ${name} is there already`);
    if (txHash !== '') named.add(name);
    leftByFill.set(event.id, `${balancesSaidBy(event)?.join(', ')}`);
    setAside(order.account, order.tokenIn, minus(paid));
    orders.set(id, { ...order, filledIn, filledOut, status });
  }

  function endOrder(event: AccountEvent, status: string): void {
    const { id, ...order } = pendingOrder(event);
    const rest = sum(order.amountIn, minus(order.filledIn));
    insist(
      text(event, 'asset') === order.tokenIn && isSame(amount(event, 'amount'), rest),
      event,
      `order ${id} has ${decimalOf(rest)} left`,
    );
    if (status === 'expired') insistDue(order, event);
    setAside(order.account, order.tokenIn, minus(rest));
    orders.set(id, { ...order, status });
  }

  function place(event: AccountEvent): void {
    const { account, id, type } = event;
    const [amountField, assetField, idField] = type === 'hold-placed' ? ['amount', 'asset', 'holdId'] : ['amountIn', 'tokenIn', 'orderId'];
    const [placed, asset, expiresAt] = [amount(event, amountField), text(event, assetField), textOrNone(event, 'expiresAt')];
    insist(text(event, idField) === id && !holds.has(id) && !orders.has(id), event, 'it has not the id of its event');
    setAside(account, asset, placed);
    if (type === 'hold-placed') {
      const fresh = { remaining: placed, captured: zeroAt(placed), status: 'open', placedBy: text(event, 'placedBy') };
      holds.set(id, { account, asset, amount: placed, expiresAt, ...fresh });
      return;
    }
    const tokens = { tokenIn: asset, tokenOut: text(event, 'tokenOut') };
    const fresh = { filledIn: zeroAt(placed), filledOut: amount(event, 'filledOut'), status: 'pending' };
    insist(fresh.filledOut.minor === 0n, event, 'a new order is not filled');
    const price = textOrNone(event, 'targetPrice') === '' ? {} : { targetPrice: amount(event, 'targetPrice') };
    orders.set(id, { account, ...tokens, amountIn: placed, expiresAt, ...fresh, ...price });
  }

  function repeat(event: AccountEvent): void {
    const first = leftByFill.get(text(event, 'fillId'));
    insist(first !== undefined && first === balancesSaidBy(event)?.join(', '), event, 'no fill says so');
  }

  const steps: Readonly<Record<string, (event: AccountEvent) => void>> = {
    'hold-placed': place,
    'hold-captured': capture,
    'hold-released': (event) => closeHold(event, 'released'),
    'hold-expired': (event) => closeHold(event, 'expired'),
    'order-placed': place,
    'order-filled': fill,
    'order-cancelled': (event) => endOrder(event, 'cancelled'),
    'order-expired': (event) => endOrder(event, 'expired'),
    'fill-repeated': repeat,
  };

  return {
    /** What open holds and pending orders have set aside of it; undefined where none ever did. */
    heldOf: (account: string, asset: string): Amount | undefined => held.get(`${account} ${asset}`),
    follow(event: AccountEvent): void {
      steps[event.type]?.(event);
      if (event.type.startsWith('order-')) orderEvents.push(`${text(event, 'orderId')} ${event.position} ${event.type}`);
    },
    orderEvents,
    fills: named,
    holds: (): string[] =>
      [...holds].map(([id, { account, asset, amount: placed, remaining, captured, status, placedBy }]) =>
        [id, account, asset, ...[placed, remaining, captured].map(decimalOf), status, placedBy].join(' '),
      ),
    orders: (): string[] =>
      [...orders].map(([id, { account, tokenIn, tokenOut, amountIn, filledIn, filledOut, status }]) =>
        [id, account, tokenIn, tokenOut, ...[amountIn, filledIn, filledOut].map(decimalOf), status].join(' '),
      ),
  };
}
