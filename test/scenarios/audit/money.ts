// What every event moves, and the balances it leaves: the double entry once more, written down apart from the ledger's.
import type { Amount } from './decimals.ts';
import { amountFrom, decimalOf, minus, sum, zeroAt } from './decimals.ts';
import type { AccountEvent } from './reading.ts';
import { amount, feeOf, insist, text } from './reading.ts';

/** A bucket of the event's account, or an account of the system. */
type Place = 'available' | 'held' | '@world' | '@portfolio' | '@venue' | '@fees' | '@transit';
export interface Movement {
  readonly asset: string;
  readonly amount: Amount;
  readonly from: Place;
  readonly to: Place;
}

/** Events that move one amount of their `asset` one way: the field that says how much, from where and where to. */
const MOVES: Readonly<Record<string, readonly [field: string, from: Place, to: Place]>> = {
  deposited: ['amount', '@world', 'available'],
  withdrawn: ['amount', 'available', '@world'],
  'coin-updated': ['quantity', '@portfolio', 'available'],
  'coin-removed': ['quantity', 'available', '@portfolio'],
  'hold-placed': ['amount', 'available', 'held'],
  'hold-captured': ['amount', 'held', '@world'],
  'hold-released': ['amount', 'held', 'available'],
  'hold-expired': ['amount', 'held', 'available'],
  'order-cancelled': ['amount', 'held', 'available'],
  'order-expired': ['amount', 'held', 'available'],
  'transfer-sent': ['amount', 'available', '@transit'],
  'transfer-received': ['amount', '@transit', 'available'],
  'transfer-returned': ['amount', '@transit', 'available'],
};
const STILL = new Set([
  'account-opened',
  'account-frozen',
  'account-unfrozen',
  'account-closed',
  'limits-set',
  'fill-repeated',
  'transfer-refused',
  'transfer-completed',
  'command-rejected',
]);
/** The account against which an entry was booked, and is undone. */
const BOOKED_AGAINST: Readonly<Record<string, Place>> = {
  deposited: '@world',
  withdrawn: '@world',
  'coin-updated': '@portfolio',
  'coin-removed': '@portfolio',
};

/** @throws where the type is not known. */
export function movementsOf(event: AccountEvent): readonly Movement[] {
  const { type } = event;
  const move = MOVES[type];
  if (move !== undefined) return [{ asset: text(event, 'asset'), amount: amount(event, move[0]), from: move[1], to: move[2] }];
  switch (type) {
    case 'order-placed':
      return [{ asset: text(event, 'tokenIn'), amount: amount(event, 'amountIn'), from: 'available', to: 'held' }];
    case 'order-filled': {
      const [tokenOut, amountOut, fee] = [text(event, 'tokenOut'), amount(event, 'amountOut'), feeOf(event)];
      insist(fee === undefined || fee.asset === tokenOut, event, 'the fee is in another asset');
      const charged = fee === undefined ? zeroAt(amountOut) : amountFrom(fee.amount);
      return [
        { asset: text(event, 'tokenIn'), amount: amount(event, 'amountIn'), from: 'held', to: '@venue' },
        { asset: tokenOut, amount: sum(amountOut, minus(charged)), from: '@venue', to: 'available' },
        { asset: tokenOut, amount: charged, from: '@venue', to: '@fees' },
      ];
    }
    case 'entry-reversed': {
      const from = BOOKED_AGAINST[text(event, 'reversedType')];
      insist(from !== undefined, event, 'what it reverses cannot be reversed in place');
      return [{ asset: text(event, 'asset'), amount: amount(event, 'amount'), from, to: 'available' }];
    }
    default:
      insist(STILL.has(type), event, 'the type is unknown');
      return [];
  }
}

interface Balance {
  readonly available: Amount;
  readonly held: Amount;
}
const plus = (one: Balance, other: Balance): Balance => ({
  available: sum(one.available, other.available),
  held: sum(one.held, other.held),
});

/** Every balance, and the journal that led to it. */
export function makeMoney() {
  /** By whose it is, then by asset. System accounts have no bucket but the first. */
  const balances = new Map<string, Map<string, Balance>>();
  const journal: string[] = [];
  const balanceOf = (owner: string, asset: string): Balance | undefined => balances.get(owner)?.get(asset);

  return {
    /** One line an event, account and asset: position, account, asset, changes, balances after them, event. */
    journal,
    balanceOf,
    assetsOf: (owner: string): readonly string[] => [...(balances.get(owner)?.keys() ?? [])],
    /** A line an account and asset. */
    lines: (): string[] =>
      [...balances].flatMap(([owner, byAsset]) =>
        [...byAsset].map(([asset, { available, held }]) => `${owner} ${asset} ${decimalOf(available)} ${decimalOf(held)}`),
      ),
    /**
     * Books the event, and gives back what it leaves its account of every asset it touched, a line each.
     * @throws where a customer's bucket would go below zero.
     */
    book(event: AccountEvent): readonly string[] {
      const changes = new Map<string, { readonly owner: string; readonly asset: string; change: Balance }>();
      const change = (place: Place, asset: string, moved: Amount): void => {
        const owner = place === 'available' || place === 'held' ? event.account : place;
        const key = `${owner} ${asset}`;
        const before = changes.get(key)?.change ?? { available: zeroAt(moved), held: zeroAt(moved) };
        const bucket = place === 'held' ? 'held' : 'available';
        changes.set(key, { owner, asset, change: { ...before, [bucket]: sum(before[bucket], moved) } });
      };
      for (const { asset, amount: moved, from, to } of movementsOf(event)) {
        if (moved.minor === 0n) continue;
        change(from, asset, minus(moved));
        change(to, asset, moved);
      }
      const left: string[] = [];
      for (const { owner, asset, change: moved } of changes.values()) {
        const before = balanceOf(owner, asset);
        const after = before === undefined ? moved : plus(before, moved);
        const isCustomers = owner === event.account;
        insist(
          !isCustomers || (after.available.minor >= 0n && after.held.minor >= 0n),
          event,
          `takes ${asset} to ${decimalOf(after.available)} available, ${decimalOf(after.held)} held`,
        );
        balances.set(owner, (balances.get(owner) ?? new Map<string, Balance>()).set(asset, after));
        const texts = [moved.available, moved.held, after.available, after.held].map(decimalOf);
        journal.push(`${event.position} ${owner} ${asset} ${texts.join(' ')} ${event.id} ${event.type}`);
        if (isCustomers) left.push(`${asset} ${texts[2]} ${texts[3]}`);
      }
      return left.sort();
    },
  };
}
