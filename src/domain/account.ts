// The state of an account: a fold of its stream, and everything a decision about it needs.
import { Map as PersistentMap } from 'immutable';
import { formatMinor, parseDecimal } from './amounts.ts';
import type { BalanceAfter, LedgerEvent } from './events.ts';
import type { AccountId, AssetCode } from './ids.ts';
import { InvariantViolated } from './invariant.ts';
import type { AccountLife } from './lifecycles.ts';
import { ACCOUNT_TRANSITIONS, nextStatus } from './lifecycles.ts';
import type { Limits, Spending } from './limits.ts';
import { limitsFrom, NOTHING_SPENT, spend, spendingIn } from './limits.ts';
import type { Holds } from './open-holds.ts';
import { evolveHolds } from './open-holds.ts';
import type { Orders } from './open-orders.ts';
import { evolveOrders } from './open-orders.ts';
import type { Posting } from './postings.ts';
import { postingsOf } from './postings.ts';
import type { TransfersUnderWay } from './transfers-under-way.ts';
import { evolveTransfers } from './transfers-under-way.ts';

/** A customer's value in one asset, in minor units; neither bucket is ever negative. */
export interface Balance {
  readonly scale: number;
  readonly availableMinor: bigint;
  readonly heldMinor: bigint;
}
/** `none`: the stream has no event yet. */
export type AccountStatus = 'none' | AccountLife;

export interface Account {
  readonly kind: 'account';
  readonly accountId: AccountId;
  readonly status: AccountStatus;
  /** Of the last event folded in; -1 before the first. */
  readonly revision: bigint;
  readonly ownerId?: string;
  readonly balances: ReadonlyMap<AssetCode, Balance>;
  readonly limits: ReadonlyMap<AssetCode, Limits>;
  readonly spending: Spending;
  /** Open holds, pending orders and transfers under way alone: what has ended is looked up, not carried. */
  readonly holds: Holds;
  readonly orders: Orders;
  readonly transfers: TransfersUnderWay;
  /** RFC 3339; the next event's is never before it. Absent before the first event. */
  readonly lastOccurredAt?: string;
}

/** An event as far as the fold looks at it: in its place in the stream, at its time. */
export interface Happened {
  readonly event: LedgerEvent;
  readonly revision: bigint;
  /** Absent for an annulled event. */
  readonly occurredAt?: string;
}

export const emptyAccount = (accountId: AccountId): Account => ({
  kind: 'account',
  accountId,
  status: 'none',
  revision: -1n,
  balances: new Map(),
  limits: new Map(),
  spending: NOTHING_SPENT,
  holds: PersistentMap(),
  orders: PersistentMap(),
  transfers: PersistentMap(),
});

const zero = (scale: number): Balance => ({ scale, availableMinor: 0n, heldMinor: 0n });

/** The balance in an asset; zero where it never moved. */
export const balanceOf = (account: Account, asset: { readonly code: AssetCode; readonly scale: number }): Balance =>
  account.balances.get(asset.code) ?? zero(asset.scale);

/** Whether it has no money, held money included. */
export const isEmpty = (account: Account): boolean =>
  [...account.balances.values()].every((balance) => balance.availableMinor === 0n && balance.heldMinor === 0n);

/** A balance as answers and events show it. */
export const balanceAfter = (asset: AssetCode, balance: Balance): BalanceAfter => ({
  asset,
  available: formatMinor(balance.availableMinor, balance.scale),
  held: formatMinor(balance.heldMinor, balance.scale),
});

/**
 * The balances after postings; those of other accounts are passed over.
 * @throws InvariantViolated where a bucket would be negative or an amount is not at its asset's scale.
 */
export function applyPostings(account: Account, postings: readonly Posting[]): ReadonlyMap<AssetCode, Balance> {
  const own = postings.filter((posting) => posting.account === account.accountId);
  if (own.length === 0) return account.balances;
  const balances = new Map(account.balances);
  for (const { asset, bucket, amountMinor, scale } of own) {
    const before = balances.get(asset) ?? zero(scale);
    if (before.scale !== scale) throw new InvariantViolated(`${asset} has ${before.scale} decimals, an amount was written with ${scale}`);
    const after: Balance =
      bucket === 'available'
        ? { ...before, availableMinor: before.availableMinor + amountMinor }
        : { ...before, heldMinor: before.heldMinor + amountMinor };
    balances.set(asset, after);
  }
  for (const { asset } of own) {
    const { availableMinor, heldMinor } = balances.get(asset) ?? zero(0);
    if (availableMinor < 0n || heldMinor < 0n) {
      throw new InvariantViolated(
        `${account.accountId} would have ${availableMinor} available and ${heldMinor} held of ${asset} (minor units)`,
      );
    }
  }
  return balances;
}

/**
 * The account after an event of its stream.
 * @throws InvariantViolated where the event cannot follow: a gap in the revisions, a negative bucket, another scale, a status it cannot lead on from.
 */
export function evolve(account: Account, happened: Happened): Account {
  const { event, revision, occurredAt } = happened;
  if (revision !== account.revision + 1n) {
    throw new InvariantViolated(`revision ${revision} cannot follow ${account.revision} in the stream of ${account.accountId}`);
  }
  if (event.type === 'asset-registered')
    throw new InvariantViolated(`an asset cannot be registered in the stream of account ${account.accountId}`);
  const spent = spendingIn(event);
  return {
    ...account,
    revision,
    balances: applyPostings(account, postingsOf(event, account.accountId)),
    spending: spent && occurredAt !== undefined ? spend(account.spending, occurredAt, spent) : account.spending,
    holds: evolveHolds(account.holds, event),
    orders: evolveOrders(account.orders, event),
    transfers: evolveTransfers(account.transfers, event),
    status: statusAfter(account.status, event),
    limits: limitsAfter(account.limits, event),
    ...(event.type === 'account-opened' && event.ownerId !== undefined ? { ownerId: event.ownerId } : {}),
    ...(occurredAt === undefined ? {} : { lastOccurredAt: occurredAt }),
  };
}

const CHANGES_STATUS: ReadonlySet<string> = new Set(ACCOUNT_TRANSITIONS.map(({ on }) => on));

function statusAfter(status: AccountStatus, event: LedgerEvent): AccountStatus {
  return event.type !== 'annulled' && CHANGES_STATUS.has(event.type) ? nextStatus(ACCOUNT_TRANSITIONS, status, event.type) : status;
}

function limitsAfter(limits: Account['limits'], event: LedgerEvent): Account['limits'] {
  if (event.type === 'account-opened') return new Map(event.limits.map((entry) => [entry.asset, limitsFrom(entry)]));
  return event.type === 'limits-set' ? new Map(limits).set(event.asset, limitsFrom(event)) : limits;
}

/** A balance read from its decimal strings. */
export function balanceFrom(available: string, held: string): Balance {
  const first = parseDecimal(available);
  return { scale: first.scale, availableMinor: first.minor, heldMinor: parseDecimal(held).minor };
}
