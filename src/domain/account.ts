// The state of an account: a fold of its stream, and everything a decision about it needs.
import { formatMinor, parseDecimal } from './amounts.ts';
import { assertNever } from './assert-never.ts';
import type { BalanceAfter, LedgerEvent } from './events.ts';
import type { AccountId, AssetCode } from './ids.ts';
import type { Limits, Spending } from './limits.ts';
import { limitsFrom, NOTHING_SPENT, spend, spendingIn } from './limits.ts';
import type { Posting } from './postings.ts';
import { postingsOf } from './postings.ts';

/** A customer's value in one asset, in minor units; neither bucket is ever negative. */
export interface Balance {
  readonly scale: number;
  readonly availableMinor: bigint;
  readonly heldMinor: bigint;
}
/** `none`: the stream has no event yet. */
export type AccountStatus = 'none' | 'open' | 'frozen' | 'closed';

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

/** A fact that contradicts the ledger's rules: an event that can never be applied. Its stream is refused until an operator has seen to it. */
export class InvariantViolated extends Error {
  override readonly name = 'InvariantViolated';
}

export const emptyAccount = (accountId: AccountId): Account => ({
  kind: 'account',
  accountId,
  status: 'none',
  revision: -1n,
  balances: new Map(),
  limits: new Map(),
  spending: NOTHING_SPENT,
});

const zero = (scale: number): Balance => ({ scale, availableMinor: 0n, heldMinor: 0n });

/** The balance in an asset; zero where it never moved. */
export const balanceOf = (account: Account, asset: { readonly code: AssetCode; readonly scale: number }): Balance =>
  account.balances.get(asset.code) ?? zero(asset.scale);

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
 * @throws InvariantViolated where the event cannot follow: a gap in the revisions, a negative bucket, another scale.
 */
export function evolve(account: Account, happened: Happened): Account {
  const { event, revision, occurredAt } = happened;
  if (revision !== account.revision + 1n) {
    throw new InvariantViolated(`revision ${revision} cannot follow ${account.revision} in the stream of ${account.accountId}`);
  }
  const balances = applyPostings(account, postingsOf(event, account.accountId));
  const moved: Account = { ...account, revision, balances, ...(occurredAt === undefined ? {} : { lastOccurredAt: occurredAt }) };
  const spent = spendingIn(event);
  const after = spent && occurredAt !== undefined ? { ...moved, spending: spend(account.spending, occurredAt, spent) } : moved;
  return withStatus(after, event);
}

function withStatus(account: Account, event: LedgerEvent): Account {
  switch (event.type) {
    case 'account-opened': {
      const limits = new Map(event.limits.map((entry) => [entry.asset, limitsFrom(entry)]));
      return { ...account, status: 'open', limits, ...(event.ownerId === undefined ? {} : { ownerId: event.ownerId }) };
    }
    case 'account-frozen':
      return { ...account, status: 'frozen' };
    case 'account-unfrozen':
      return { ...account, status: 'open' };
    case 'account-closed':
      return { ...account, status: 'closed' };
    case 'limits-set':
      return { ...account, limits: new Map(account.limits).set(event.asset, limitsFrom(event)) };
    case 'deposited':
    case 'withdrawn':
    case 'coin-updated':
    case 'coin-removed':
    case 'command-rejected':
    case 'annulled':
      return account;
    case 'asset-registered':
      throw new InvariantViolated(`an asset cannot be registered in the stream of account ${account.accountId}`);
    default:
      return assertNever(event);
  }
}

/** A balance read from its decimal strings. */
export function balanceFrom(available: string, held: string): Balance {
  const first = parseDecimal(available);
  return { scale: first.scale, availableMinor: first.minor, heldMinor: parseDecimal(held).minor };
}
