// The client's own book of one account: what every acknowledged command did to it. It grows with what is open, not with what happened.
import { decimalOf } from './money.ts';
import type { Tally } from './tally.ts';
import { EMPTY, withLine } from './tally.ts';

export interface OpenHold {
  readonly asset: string;
  readonly scale: number;
  readonly amountMinor: bigint;
  readonly remainingMinor: bigint;
}
export interface OpenOrder {
  readonly tokenIn: string;
  readonly tokenOut: string;
  readonly inScale: number;
  readonly outScale: number;
  readonly inMinor: bigint;
  readonly filledInMinor: bigint;
  readonly filledOutMinor: bigint;
}

/** What can be compared: a line each. What is over is known by number and digest only. */
export interface AccountView {
  /** `USD 90.00 10.00`: available and held; none that is zero. */
  readonly balances: readonly string[];
  readonly openHolds: readonly string[];
  readonly closedHolds: Tally;
  readonly openOrders: readonly string[];
  readonly closedOrders: Tally;
  /** All of them are over when books are compared. */
  readonly transfers: Tally;
}

/** The lines that things are compared by, wherever they come from. */
export const lines = {
  balance: (asset: string, available: string, held: string): string => `${asset} ${available} ${held}`,
  hold: (id: string, asset: string, amount: string, captured: string, status: string): string =>
    `${id} ${asset} ${amount} ${captured} ${status}`,
  order: (id: string, tokenIn: string, tokenOut: string, amountIn: string, filledIn: string, filledOut: string, status: string): string =>
    `${id} ${tokenIn} ${tokenOut} ${amountIn} ${filledIn} ${filledOut} ${status}`,
  transfer: (id: string, from: string, to: string, asset: string, amount: string, state: string): string =>
    `${id} ${from} ${to} ${asset} ${amount} ${state}`,
};

export interface AccountBook {
  change(asset: string, scale: number, availableMinor: bigint, heldMinor: bigint): void;
  hold(id: string): OpenHold | undefined;
  order(id: string): OpenOrder | undefined;
  keepHold(id: string, hold: OpenHold): void;
  closeHold(id: string, hold: OpenHold, status: 'captured' | 'released'): void;
  keepOrder(id: string, order: OpenOrder): void;
  closeOrder(id: string, order: OpenOrder, status: 'executed' | 'cancelled'): void;
  transferred(line: string): void;
  /** The account's highest position in any answer; a read from there on sees everything that was answered. */
  lastPosition(): string;
  saw(position: string): void;
  view(): AccountView;
}

interface Balance {
  readonly scale: number;
  readonly availableMinor: bigint;
  readonly heldMinor: bigint;
}

const holdLine = (id: string, { asset, scale, amountMinor, remainingMinor }: OpenHold, status: string): string =>
  lines.hold(id, asset, decimalOf(amountMinor, scale), decimalOf(amountMinor - remainingMinor, scale), status);
const orderLine = (id: string, order: OpenOrder, status: string): string => {
  const { tokenIn, tokenOut, inScale, outScale, inMinor, filledInMinor, filledOutMinor } = order;
  const filled = [decimalOf(filledInMinor, inScale), decimalOf(filledOutMinor, outScale)] as const;
  return lines.order(id, tokenIn, tokenOut, decimalOf(inMinor, inScale), ...filled, status);
};

export function makeAccountBook(): AccountBook {
  const balances = new Map<string, Balance>();
  const holds = new Map<string, OpenHold>();
  const orders = new Map<string, OpenOrder>();
  let [closedHolds, closedOrders, transfers] = [EMPTY, EMPTY, EMPTY];
  let position = 0n;

  return {
    change(asset, scale, availableMinor, heldMinor) {
      const before = balances.get(asset) ?? { scale, availableMinor: 0n, heldMinor: 0n };
      const after = { scale, availableMinor: before.availableMinor + availableMinor, heldMinor: before.heldMinor + heldMinor };
      balances.set(asset, after);
    },
    hold: (id) => holds.get(id),
    order: (id) => orders.get(id),
    keepHold: (id, hold) => void holds.set(id, hold),
    closeHold(id, hold, status) {
      holds.delete(id);
      closedHolds = withLine(closedHolds, holdLine(id, hold, status));
    },
    keepOrder: (id, order) => void orders.set(id, order),
    closeOrder(id, order, status) {
      orders.delete(id);
      closedOrders = withLine(closedOrders, orderLine(id, order, status));
    },
    transferred(line) {
      transfers = withLine(transfers, line);
    },
    lastPosition: () => String(position),
    saw(seen) {
      const at = BigInt(seen);
      if (at > position) position = at;
    },
    view: () => ({
      balances: [...balances]
        .filter(([, { availableMinor, heldMinor }]) => availableMinor !== 0n || heldMinor !== 0n)
        .map(([asset, { scale, availableMinor, heldMinor }]) =>
          lines.balance(asset, decimalOf(availableMinor, scale), decimalOf(heldMinor, scale)),
        )
        .sort(),
      openHolds: [...holds].map(([id, hold]) => holdLine(id, hold, 'open')).sort(),
      closedHolds,
      openOrders: [...orders].map(([id, order]) => orderLine(id, order, 'pending')).sort(),
      closedOrders,
      transfers,
    }),
  };
}
