// Where value goes, by docs/domain.md: what every event moves between an account's buckets and the system's accounts, and what is left.
import { assertNever } from '../../domain/assert-never.ts';
import type { LedgerEvent, StoredEvent } from '../../domain/events.ts';
import type { AccountId } from '../../domain/ids.ts';
import { amountFrom, decimalOf } from './decimals.ts';
import type { Observed, Tell } from './observation.ts';
import type { Papers, Shelf } from './papers.ts';

/** What an event changes for one holder (an account's id, or a system account's name) in one asset; and what is left. */
export interface JournalLine {
  readonly holder: string;
  readonly asset: string;
  readonly available: string;
  readonly held: string;
  readonly availableAfter: string;
  readonly heldAfter: string;
}

/** In minor units, as text. `reserved` is what open holds and pending orders say is held. */
export interface Balance {
  readonly scale: number;
  readonly available: string;
  readonly held: string;
  readonly reserved: string;
  /** By how much what was said of it is off: told once, not again at every event after it. */
  readonly drift: readonly [available: string, held: string, reserved: string];
}

interface Move {
  readonly asset: string;
  readonly amount: string;
  readonly from: Place;
  readonly to: Place;
}
type Place = 'available' | 'held' | '@world' | '@portfolio' | '@venue' | '@fees' | '@transit';

export interface Money {
  /** The asset is registered with so many decimals. */
  register(asset: string, scale: number): void;
  /** Books the event. @returns the lines of the journal; none where nothing moves. */
  book(observed: Observed): readonly JournalLine[];
  /** Holds and orders have set so much more aside (or less). */
  reserve(accountId: AccountId, asset: string, change: bigint): void;
  /** To be called when all parts have seen the event: what is held must be what holds and orders hold. */
  checkReserved(observed: Observed, lines: readonly JournalLine[]): void;
  /** In minor units; nothing where it never moved. */
  balanceOf(accountId: AccountId, asset: string): { readonly available: bigint; readonly held: bigint };
  scaleOf(asset: string): number | undefined;
  isEmpty(accountId: AccountId): boolean;
  /** All customers' balances by account and asset; all of the system's. */
  readonly balances: Shelf<Balance>;
  readonly system: ReadonlyMap<string, bigint>;
}

/** As many digits of the smallest unit a balance may have. */
const LARGEST = 10n ** 60n - 1n;

/** What the event moves, and between which places. */
function movesOf(event: LedgerEvent): readonly Move[] {
  const one = (asset: string, amount: string, from: Place, to: Place): readonly Move[] => [{ asset, amount, from, to }];
  switch (event.type) {
    case 'deposited':
      return one(event.asset, event.amount, '@world', 'available');
    case 'withdrawn':
      return one(event.asset, event.amount, 'available', '@world');
    case 'coin-updated':
      return one(event.asset, event.quantity, '@portfolio', 'available');
    case 'coin-removed':
      return one(event.asset, event.quantity, 'available', '@portfolio');
    case 'hold-placed':
      return one(event.asset, event.amount, 'available', 'held');
    case 'hold-captured':
      return one(event.asset, event.amount, 'held', '@world');
    case 'hold-released':
    case 'hold-expired':
    case 'order-cancelled':
    case 'order-expired':
      return one(event.asset, event.amount, 'held', 'available');
    case 'order-placed':
      return one(event.tokenIn, event.amountIn, 'available', 'held');
    case 'order-filled': {
      const got = amountFrom(event.amountOut);
      const fee = event.fee === undefined ? 0n : amountFrom(event.fee.amount).minor;
      return [
        { asset: event.tokenIn, amount: event.amountIn, from: 'held', to: '@venue' },
        { asset: event.tokenOut, amount: decimalOf(got.minor - fee, got.scale), from: '@venue', to: 'available' },
        { asset: event.tokenOut, amount: decimalOf(fee, got.scale), from: '@venue', to: '@fees' },
      ];
    }
    case 'transfer-sent':
      return one(event.asset, event.amount, 'available', '@transit');
    case 'transfer-received':
    case 'transfer-returned':
      return one(event.asset, event.amount, '@transit', 'available');
    case 'entry-reversed': {
      const other = event.reversedType === 'deposited' || event.reversedType === 'withdrawn' ? '@world' : '@portfolio';
      return one(event.asset, event.amount, other, 'available');
    }
    case 'account-opened':
    case 'account-frozen':
    case 'account-unfrozen':
    case 'account-closed':
    case 'limits-set':
    case 'fill-repeated':
    case 'transfer-refused':
    case 'transfer-completed':
    case 'asset-registered':
    case 'command-rejected':
    case 'annulled':
      return [];
    default:
      return assertNever(event);
  }
}

/** Events whose amount may have a sign. */
const SIGNED: ReadonlySet<StoredEvent['type']> = new Set(['coin-updated', 'entry-reversed']);
const keyOf = (accountId: string, asset: string): string => `${accountId} ${asset}`;

export function makeMoney(papers: Papers, tell: Tell): Money {
  const balances = papers.shelf<Balance>();
  const assetsOf = papers.shelf<string[]>();
  const system = new Map<string, bigint>();
  const scales = new Map<string, number>();

  function book(observed: Observed): readonly JournalLine[] {
    const { accountId, event, at } = observed;
    const moves = movesOf(event);
    if (moves.length === 0) return [];
    const sums = new Map<string, { holder: string; asset: string; available: bigint; held: bigint }>();
    const add = (place: Place, asset: string, minor: bigint): void => {
      const holder = place === 'available' || place === 'held' ? accountId : place;
      const key = keyOf(holder, asset);
      const sum = sums.get(key) ?? { holder, asset, available: 0n, held: 0n };
      sum[place === 'held' ? 'held' : 'available'] += minor;
      sums.set(key, sum);
    };
    for (const [index, { asset, amount, from, to }] of moves.entries()) {
      const { minor, scale } = amountFrom(amount);
      if (index === 0) checkAmount(observed, asset, minor);
      if (scales.get(asset) !== scale)
        tell(at, 'wrong_scale', `An amount of ${asset} is written with ${scale} decimals.`, {
          expected: `${scales.get(asset) ?? 'no such asset'}`,
          found: `${scale}`,
        });
      if (minor === 0n) continue;
      add(from, asset, -minor);
      add(to, asset, minor);
    }
    const lines = [...sums.values()].map((sum) => (sum.holder === accountId ? customerLine(observed, sum) : systemLine(sum)));
    checkSaid(observed, lines);
    return lines;
  }

  function checkAmount({ event, at }: Observed, asset: string, minor: bigint): void {
    if (minor === 0n || (minor < 0n && !SIGNED.has(event.type)))
      tell(at, 'wrong_amount', `It moves an amount of ${asset} that is not above zero.`);
  }

  function systemLine({ holder, asset, available }: { holder: string; asset: string; available: bigint }): JournalLine {
    const key = keyOf(holder, asset);
    const after = (system.get(key) ?? 0n) + available;
    system.set(key, after);
    return line({ holder, asset, available, held: 0n }, after, 0n, scales.get(asset) ?? 0);
  }

  function customerLine({ at }: Observed, sum: { holder: string; asset: string; available: bigint; held: bigint }): JournalLine {
    const { holder, asset } = sum;
    const before = read(holder, asset);
    const [available, held] = [BigInt(before.available), BigInt(before.held)];
    const [availableAfter, heldAfter] = [available + sum.available, held + sum.held];
    for (const [bucket, was, is] of [
      ['available', available, availableAfter],
      ['held', held, heldAfter],
    ] as const) {
      if (is < 0n && was >= 0n)
        tell(at, 'negative', `It leaves less than nothing ${bucket} of ${asset}.`, {
          expected: 'zero or more',
          found: decimalOf(is, before.scale),
        });
    }
    if (availableAfter + heldAfter > LARGEST) tell(at, 'out_of_range', `It leaves more of ${asset} than a balance may have.`);
    write(holder, asset, { ...before, available: `${availableAfter}`, held: `${heldAfter}` });
    return line(sum, availableAfter, heldAfter, before.scale);
  }

  /** The balances that the event states must be those of the assets it touches, as they are after it. */
  function checkSaid({ event, at, accountId }: Observed, lines: readonly JournalLine[]): void {
    if (!('balances' in event)) return;
    const own = lines.filter(({ holder }) => holder === accountId);
    const said = new Map(event.balances.map((balance) => [balance.asset as string, balance]));
    if (said.size !== event.balances.length || own.length !== said.size || own.some(({ asset }) => !said.has(asset)))
      tell(at, 'balances_said', 'It does not state the balances of exactly the assets that it touches.', {
        expected: own.map(({ asset }) => asset).join(', '),
        found: event.balances.map(({ asset }) => asset).join(', '),
      });
    for (const { asset, availableAfter, heldAfter } of own) {
      const stated = said.get(asset);
      if (stated === undefined) continue;
      const balance = read(accountId, asset);
      const drift = [
        `${amountFrom(stated.available).minor - BigInt(balance.available)}`,
        `${amountFrom(stated.held).minor - BigInt(balance.held)}`,
        balance.drift[2],
      ] as const;
      if (drift.join() === balance.drift.join()) continue;
      write(accountId, asset, { ...balance, drift });
      tell(at, 'balances_said', `It states another balance of ${asset} than the events up to here leave.`, {
        expected: `${availableAfter} available, ${heldAfter} held`,
        found: `${stated.available} available, ${stated.held} held`,
      });
    }
  }

  const read = (holder: string, asset: string): Balance =>
    balances.get(keyOf(holder, asset)) ?? {
      scale: scales.get(asset) ?? 0,
      available: '0',
      held: '0',
      reserved: '0',
      drift: ['0', '0', '0'],
    };

  function write(holder: string, asset: string, balance: Balance): void {
    const assets = assetsOf.get(holder) ?? [];
    if (!assets.includes(asset)) assetsOf.put(holder, [...assets, asset]);
    balances.put(keyOf(holder, asset), balance);
  }

  return {
    register: (asset, scale) => void scales.set(asset, scale),
    book,
    reserve: (accountId, asset, change) => {
      const balance = read(accountId, asset);
      write(accountId, asset, { ...balance, reserved: `${BigInt(balance.reserved) + change}` });
    },
    checkReserved: ({ at, accountId }, lines) => {
      for (const { holder, asset, held } of lines) {
        if (holder !== accountId || /^[-0.]*$/.test(held)) continue;
        const balance = read(accountId, asset);
        const { reserved, held: minor, scale, drift } = balance;
        const off = `${BigInt(reserved) - BigInt(minor)}`;
        if (off === drift[2]) continue;
        write(accountId, asset, { ...balance, drift: [drift[0], drift[1], off] });
        tell(at, 'held_differs', `What is held of ${asset} is not what open holds and pending orders hold.`, {
          expected: decimalOf(BigInt(reserved), scale),
          found: decimalOf(BigInt(minor), scale),
        });
      }
    },
    balanceOf: (accountId, asset) => {
      const { available, held } = read(accountId, asset);
      return { available: BigInt(available), held: BigInt(held) };
    },
    scaleOf: (asset) => scales.get(asset),
    isEmpty: (accountId) =>
      (assetsOf.get(accountId) ?? []).every((asset) => {
        const { available, held } = read(accountId, asset);
        return available === '0' && held === '0';
      }),
    balances,
    system,
  };
}

const line = (
  { holder, asset, available, held }: { holder: string; asset: string; available: bigint; held: bigint },
  availableAfter: bigint,
  heldAfter: bigint,
  scale: number,
): JournalLine => ({
  holder,
  asset,
  available: decimalOf(available, scale),
  held: decimalOf(held, scale),
  availableAfter: decimalOf(availableAfter, scale),
  heldAfter: decimalOf(heldAfter, scale),
});
