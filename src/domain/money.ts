// Deposits and withdrawals. Pure: what may happen, and nothing about how it is stored.
import type { Account } from './account.ts';
import { applyPostings, balanceAfter, balanceOf, InvariantViolated } from './account.ts';
import { formatMinor, MAX_MINOR } from './amounts.ts';
import type { Asset } from './assets.ts';
import { amountIn, notMoving, resolveAsset } from './checks.ts';
import type { Deposit, Withdraw } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { accepted, refused } from './decision.ts';
import type { CoinRemoved, CoinUpdated, Deposited, Withdrawn } from './events.ts';
import { dayOf, limitRefusal, spentOn } from './limits.ts';
import { postingsOf } from './postings.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';

export function deposit(command: Deposit, account: Account, context: DecisionContext): Decision {
  const asset = resolveAsset(command.asset, context);
  if ('detail' in asset) return refused(asset);
  const amountMinor = amountIn(command.amount, asset);
  if (typeof amountMinor !== 'bigint') return refused(amountMinor);
  const refusal =
    lateRefusal(command, context) ?? notMoving(account) ?? paidRefusal(command, context) ?? rangeRefusal(account, asset, amountMinor);
  return refusal ? refused(refusal) : moved(account, asset, { ...entryOf(command, asset, amountMinor), type: 'deposited' });
}

export function withdraw(command: Withdraw, account: Account, context: DecisionContext): Decision {
  const asset = resolveAsset(command.asset, context);
  if ('detail' in asset) return refused(asset);
  const amountMinor = amountIn(command.amount, asset);
  if (typeof amountMinor !== 'bigint') return refused(amountMinor);
  const refusal =
    lateRefusal(command, context) ??
    notMoving(account) ??
    paidRefusal(command, context) ??
    spendingRefusal(account, asset, amountMinor, context);
  return refusal ? refused(refusal) : moved(account, asset, { ...entryOf(command, asset, amountMinor), type: 'withdrawn' });
}

/** The refusal of a credit that no balance may hold; undefined where it fits. */
export function rangeRefusal(account: Account, asset: Asset, amountMinor: bigint): Rejection | undefined {
  const { availableMinor, heldMinor } = balanceOf(account, asset);
  if (availableMinor + heldMinor + amountMinor <= MAX_MINOR) return undefined;
  return rejection('amount_out_of_range', `The balance would exceed ${formatMinor(MAX_MINOR, asset.scale)} ${asset.code}.`, {
    asset: asset.code,
  });
}

/** The refusal of a debit above a limit or above what is available. Held money is not available: orders and holds have first claim on it. */
export function spendingRefusal(account: Account, asset: Asset, amountMinor: bigint, context: DecisionContext): Rejection | undefined {
  const spentMinor = spentOn(account.spending, dayOf(context.occurredAt), asset.code);
  return limitRefusal(account.limits.get(asset.code), spentMinor, amountMinor, asset) ?? fundsRefusal(account, asset, amountMinor);
}

function fundsRefusal(account: Account, asset: Asset, amountMinor: bigint): Rejection | undefined {
  const { availableMinor } = balanceOf(account, asset);
  if (availableMinor >= amountMinor) return undefined;
  const [available, requested] = [formatMinor(availableMinor, asset.scale), formatMinor(amountMinor, asset.scale)];
  return rejection('insufficient_funds', `${requested} ${asset.code} requested, ${available} available.`, {
    asset: asset.code,
    available,
    requested,
  });
}

/** Backdating looks back, never ahead. */
function lateRefusal(command: Deposit | Withdraw, context: DecisionContext): Rejection | undefined {
  if (command.effectiveAt === undefined || Date.parse(command.effectiveAt) <= Date.parse(context.occurredAt)) return undefined;
  return rejection('malformed_request', `effectiveAt ${command.effectiveAt} is in the future.`);
}

/** A payment's own id counts once per account, whatever key it comes under. */
function paidRefusal(command: Deposit | Withdraw, context: DecisionContext): Rejection | undefined {
  const { externalId } = command;
  if (externalId === undefined || !context.isExternalIdUsed(externalId)) return undefined;
  return rejection('already_exists', `The account has an entry with the externalId ${externalId} already.`, { externalId });
}

function entryOf(command: Deposit | Withdraw, asset: Asset, amountMinor: bigint): Omit<Deposited, 'type'> {
  const { reference, externalId, metadata } = command;
  return {
    version: 1,
    asset: asset.code,
    amount: formatMinor(amountMinor, asset.scale),
    balances: [],
    ...(reference === undefined ? {} : { reference }),
    ...(externalId === undefined ? {} : { externalId }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** The event with the balance that it leaves. The rules came before: a bucket below zero here is a bug, and throws. */
export function moved(account: Account, asset: Asset, event: Deposited | Withdrawn | CoinUpdated | CoinRemoved): Decision {
  const after = applyPostings(account, postingsOf(event, account.accountId)).get(asset.code);
  if (!after) throw new InvariantViolated(`a ${event.type} event of ${account.accountId} moved no ${asset.code}`);
  return accepted({ ...event, balances: [balanceAfter(asset.code, after)] });
}
