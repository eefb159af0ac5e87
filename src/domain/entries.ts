// What the deciders that move value share: does it fit what the account has, and what does it leave.
import type { Account } from './account.ts';
import { applyPostings, balanceAfter, balanceOf } from './account.ts';
import { formatMinor, MAX_MINOR } from './amounts.ts';
import type { Asset } from './assets.ts';
import type { Deposit, Transfer, Withdraw } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { accepted } from './decision.ts';
import type { Deposited, StoredEvent } from './events.ts';
import { InvariantViolated } from './invariant.ts';
import { dayOf, limitRefusal, spentOn } from './limits.ts';
import { postingsOf } from './postings.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';

/** An asset as far as amounts in it are concerned. */
export type Unit = Pick<Asset, 'code' | 'scale'>;

/**
 * The refusal of a credit that no balance may hold; undefined where it fits. Transfers under way count as if they were
 * still here, so that every one of them can come back.
 */
export function rangeRefusal(account: Account, unit: Unit, amountMinor: bigint): Rejection | undefined {
  const { availableMinor, heldMinor } = balanceOf(account, unit);
  const underWayMinor = [...account.transfers.values()].reduce(
    (sum, { asset, amount }) => (asset === unit.code ? sum + amount.minor : sum),
    0n,
  );
  if (availableMinor + heldMinor + underWayMinor + amountMinor <= MAX_MINOR) return undefined;
  return rejection('amount_out_of_range', `The balance would exceed ${formatMinor(MAX_MINOR, unit.scale)} ${unit.code}.`, {
    asset: unit.code,
  });
}

/** The refusal of more than is available. Held money is not: orders and holds have first claim on it. */
export function fundsRefusal(account: Account, unit: Unit, amountMinor: bigint): Rejection | undefined {
  const { availableMinor } = balanceOf(account, unit);
  if (availableMinor >= amountMinor) return undefined;
  const [available, requested] = [formatMinor(availableMinor, unit.scale), formatMinor(amountMinor, unit.scale)];
  return rejection('insufficient_funds', `${requested} ${unit.code} requested, ${available} available.`, {
    asset: unit.code,
    available,
    requested,
  });
}

/** The refusal of an amount above a limit of the account. */
export function overLimitRefusal(account: Account, unit: Unit, amountMinor: bigint, context: DecisionContext): Rejection | undefined {
  const spentMinor = spentOn(account.spending, dayOf(context.occurredAt), unit.code);
  return limitRefusal(account.limits.get(unit.code), spentMinor, amountMinor, unit);
}

/** The refusal of what the owner takes out: above a limit, or above what is available. */
export const spendingRefusal = (account: Account, unit: Unit, amountMinor: bigint, context: DecisionContext): Rejection | undefined =>
  overLimitRefusal(account, unit, amountMinor, context) ?? fundsRefusal(account, unit, amountMinor);

/** A payment's own id counts once per account, whatever key it comes under. */
export function paidRefusal(externalId: string | undefined, context: DecisionContext): Rejection | undefined {
  if (externalId === undefined || context.fact({ kind: 'payment', externalId }) === undefined) return undefined;
  return rejection('already_exists', `The account has an entry with the externalId ${externalId} already.`, { externalId });
}

type Payment = Pick<Deposited, 'version' | 'asset' | 'amount' | 'balances' | 'reference' | 'externalId' | 'metadata'>;

/** What the event of a payment says besides its type: the amount, and the payer's own words about it. */
export function paymentOf({ reference, externalId, metadata }: Deposit | Withdraw | Transfer, unit: Unit, amountMinor: bigint): Payment {
  return {
    version: 1,
    asset: unit.code,
    amount: formatMinor(amountMinor, unit.scale),
    balances: [],
    ...(reference === undefined ? {} : { reference }),
    ...(externalId === undefined ? {} : { externalId }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

type MovingEvent = Extract<StoredEvent, { readonly balances: unknown }>;

/** The event with the balances that it leaves. The rules came before: a bucket below zero here is a bug, and throws. */
export function moved<Event extends MovingEvent>(account: Account, event: Event): Decision {
  const postings = postingsOf(event, account.accountId);
  const after = applyPostings(account, postings);
  const touched = new Set(postings.flatMap(({ account: place, asset }) => (place === account.accountId ? [asset] : [])));
  if (touched.size === 0) throw new InvariantViolated(`a ${event.type} event of ${account.accountId} moves nothing`);
  const balances = [...touched].flatMap((asset) => {
    const balance = after.get(asset);
    return balance === undefined ? [] : [balanceAfter(asset, balance)];
  });
  return accepted({ ...event, balances });
}
