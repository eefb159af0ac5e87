// The client's own fold of an account's events: what the log itself says the account came to. It knows the events by the contract's
// document alone, and only those that a load can cause.
import type { AccountEvent } from '@ledgerfold/client';
import { z } from 'zod';
import type { AccountView } from './account-book.ts';
import { lines } from './account-book.ts';
import { decimalOf, minorOf, scaleOf } from './money.ts';
import { EMPTY, withLine } from './tally.ts';

const said = z.array(z.object({ asset: z.string(), available: z.string(), held: z.string() }));
const moved = z.object({ asset: z.string(), amount: z.string() });
const coin = z.object({ asset: z.string(), quantity: z.string() });
const hold = z.object({ holdId: z.string(), asset: z.string(), amount: z.string() });
const captured = hold.extend({ remaining: z.string() });
const placed = z.object({
  orderId: z.string(),
  tokenIn: z.string(),
  tokenOut: z.string(),
  amountIn: z.string(),
  filledIn: z.string(),
  filledOut: z.string(),
});
const filled = placed.extend({
  amountOut: z.string(),
  fee: z.object({ amount: z.string() }).optional(),
  orderStatus: z.string(),
});
const ended = z.object({ orderId: z.string(), asset: z.string(), amount: z.string(), filledIn: z.string(), filledOut: z.string() });
const sent = moved.extend({ transferId: z.string(), to: z.string() });
const received = moved.extend({ transferId: z.string(), from: z.string() });
const transferId = z.object({ transferId: z.string() });

/** What the log came to, and what in it contradicts itself. */
export interface Folded {
  readonly view: AccountView;
  readonly faults: readonly string[];
}

interface Bucket {
  available: bigint;
  held: bigint;
  readonly scale: number;
}
interface HoldSeen {
  readonly asset: string;
  readonly amount: string;
  readonly remaining: string;
  readonly status: string;
}
interface OrderSeen extends z.output<typeof placed> {
  readonly status: string;
}
const minus = (amount: string): string => (amount.startsWith('-') ? amount.slice(1) : `-${amount}`);

/** @param events all of the account, oldest first. */
export function foldEvents(accountId: string, events: readonly AccountEvent[]): Folded {
  const balances = new Map<string, Bucket>();
  const holds = new Map<string, HoldSeen>();
  const orders = new Map<string, OrderSeen>();
  const transfers = new Map<string, { readonly parts: readonly [string, string, string, string]; readonly state: string }>();
  const faults: string[] = [];

  function move(asset: string, amount: string, bucket: 'available' | 'held'): void {
    const scale = scaleOf(amount);
    const balance = balances.get(asset) ?? { available: 0n, held: 0n, scale };
    balances.set(asset, balance);
    balance[bucket] += minorOf(amount, scale);
  }
  function hand(asset: string, amount: string, from: 'available' | 'held'): void {
    move(asset, minus(amount), from);
    move(asset, amount, from === 'held' ? 'available' : 'held');
  }
  /** @throws where it was never placed: its placing is missing in the log. */
  function holdOf(holdId: string): HoldSeen {
    const found = holds.get(holdId);
    if (found === undefined) throw new RangeError(`hold ${holdId} was never placed`);
    return found;
  }
  function orderOf(orderId: string): OrderSeen {
    const found = orders.get(orderId);
    if (found === undefined) throw new RangeError(`order ${orderId} was never placed`);
    return found;
  }
  function endHold(data: unknown, status: string): void {
    const { holdId, asset, amount } = hold.parse(data);
    hand(asset, amount, 'held');
    holds.set(holdId, { ...holdOf(holdId), status });
  }
  function endOrder(data: unknown, status: string): void {
    const { orderId, asset, amount, filledIn, filledOut } = ended.parse(data);
    hand(asset, amount, 'held');
    orders.set(orderId, { ...orderOf(orderId), filledIn, filledOut, status });
  }
  function endTransfer(data: unknown, state: string): void {
    const id = transferId.parse(data).transferId;
    const transfer = transfers.get(id);
    if (transfer === undefined) throw new RangeError(`transfer ${id} was never sent`);
    transfers.set(id, { ...transfer, state });
  }

  const follow: Readonly<Record<string, (data: unknown) => void>> = {
    'account-opened': () => undefined,
    'command-rejected': () => undefined,
    deposited(data) {
      const { asset, amount } = moved.parse(data);
      move(asset, amount, 'available');
    },
    withdrawn(data) {
      const { asset, amount } = moved.parse(data);
      move(asset, minus(amount), 'available');
    },
    'coin-updated'(data) {
      const { asset, quantity } = coin.parse(data);
      move(asset, quantity, 'available');
    },
    'coin-removed'(data) {
      const { asset, quantity } = coin.parse(data);
      move(asset, minus(quantity), 'available');
    },
    'hold-placed'(data) {
      const { holdId, asset, amount } = hold.parse(data);
      hand(asset, amount, 'available');
      holds.set(holdId, { asset, amount, remaining: amount, status: 'open' });
    },
    'hold-captured'(data) {
      const { holdId, asset, amount, remaining } = captured.parse(data);
      move(asset, minus(amount), 'held');
      holds.set(holdId, { ...holdOf(holdId), remaining, status: /[1-9]/.test(remaining) ? 'open' : 'captured' });
    },
    'hold-released': (data) => endHold(data, 'released'),
    'order-placed'(data) {
      const order = placed.parse(data);
      hand(order.tokenIn, order.amountIn, 'available');
      orders.set(order.orderId, { ...order, status: 'pending' });
    },
    'order-filled'(data) {
      const { orderId, tokenIn, tokenOut, amountIn, amountOut, fee, filledIn, filledOut, orderStatus } = filled.parse(data);
      move(tokenIn, minus(amountIn), 'held');
      move(tokenOut, amountOut, 'available');
      if (fee !== undefined) move(tokenOut, minus(fee.amount), 'available');
      orders.set(orderId, { ...orderOf(orderId), filledIn, filledOut, status: orderStatus });
    },
    'order-cancelled': (data) => endOrder(data, 'cancelled'),
    'transfer-sent'(data) {
      const { transferId: id, to, asset, amount } = sent.parse(data);
      move(asset, minus(amount), 'available');
      transfers.set(id, { parts: [accountId, to, asset, amount], state: 'pending' });
    },
    'transfer-received'(data) {
      const { transferId: id, from, asset, amount } = received.parse(data);
      move(asset, amount, 'available');
      transfers.set(id, { parts: [from, accountId, asset, amount], state: 'completed' });
    },
    'transfer-completed': (data) => endTransfer(data, 'completed'),
  };

  /** What the event itself says it leaves has to be what it leaves. */
  function checkSaid({ data, revision, type }: AccountEvent): void {
    for (const { asset, available, held } of said.parse(data['balances'] ?? [])) {
      const balance = balances.get(asset);
      const left = lines.balance(
        asset,
        decimalOf(balance?.available ?? 0n, scaleOf(available)),
        decimalOf(balance?.held ?? 0n, scaleOf(held)),
      );
      if (left === lines.balance(asset, available, held)) continue;
      faults.push(`the ${type} at revision ${revision} says that it leaves ${available} ${asset} and ${held} held, and leaves ${left}`);
    }
  }

  for (const [at, event] of events.entries()) {
    if (event.revision !== String(at)) faults.push(`revision ${event.revision} stands where ${at} should`);
    const followed = follow[event.type];
    if (followed === undefined) faults.push(`nothing here asks for a ${event.type} (revision ${event.revision})`);
    try {
      followed?.(event.data);
      checkSaid(event);
    } catch (error) {
      // Whatever cannot be followed is the log's fault, and what comes after it is followed all the same.
      faults.push(`the ${event.type} at revision ${event.revision} cannot be followed: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { view: viewOf(), faults };

  function viewOf(): AccountView {
    let [closedHolds, closedOrders, over] = [EMPTY, EMPTY, EMPTY];
    const [openHolds, openOrders]: [string[], string[]] = [[], []];
    for (const [id, { asset, amount, remaining, status }] of holds) {
      const taken = decimalOf(minorOf(amount, scaleOf(amount)) - minorOf(remaining, scaleOf(amount)), scaleOf(amount));
      const line = lines.hold(id, asset, amount, taken, status);
      if (status === 'open') openHolds.push(line);
      else closedHolds = withLine(closedHolds, line);
    }
    for (const [id, { tokenIn, tokenOut, amountIn, filledIn, filledOut, status }] of orders) {
      const line = lines.order(id, tokenIn, tokenOut, amountIn, filledIn, filledOut, status);
      if (status === 'pending') openOrders.push(line);
      else closedOrders = withLine(closedOrders, line);
    }
    for (const [id, { parts, state }] of transfers) over = withLine(over, lines.transfer(id, ...parts, state));
    const nonZero = [...balances].filter(([, { available, held }]) => available !== 0n || held !== 0n);
    return {
      balances: nonZero
        .map(([asset, { available, held, scale }]) => lines.balance(asset, decimalOf(available, scale), decimalOf(held, scale)))
        .sort(),
      openHolds: openHolds.sort(),
      closedHolds,
      openOrders: openOrders.sort(),
      closedOrders,
      transfers: over,
    };
  }
}
