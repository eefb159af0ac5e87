// Deposits and withdrawals. Pure: what may happen, and nothing about how it is stored.
import type { Account } from './account.ts';
import { amountIn, notMoving, resolveAsset } from './checks.ts';
import type { Deposit, Withdraw } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { refused } from './decision.ts';
import { moved, paidRefusal, paymentOf, rangeRefusal, spendingRefusal } from './entries.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';
import { timeMs } from './time.ts';

export function deposit(command: Deposit, account: Account, context: DecisionContext): Decision {
  const asset = resolveAsset(command.asset, context);
  if ('detail' in asset) return refused(asset);
  const amountMinor = amountIn(command.amount, asset);
  if (typeof amountMinor !== 'bigint') return refused(amountMinor);
  const refusal =
    lateRefusal(command, context) ??
    notMoving(account) ??
    paidRefusal(command.externalId, context) ??
    rangeRefusal(account, asset, amountMinor);
  return refusal ? refused(refusal) : moved(account, { ...paymentOf(command, asset, amountMinor), type: 'deposited' });
}

export function withdraw(command: Withdraw, account: Account, context: DecisionContext): Decision {
  const asset = resolveAsset(command.asset, context);
  if ('detail' in asset) return refused(asset);
  const amountMinor = amountIn(command.amount, asset);
  if (typeof amountMinor !== 'bigint') return refused(amountMinor);
  const refusal =
    lateRefusal(command, context) ??
    notMoving(account) ??
    paidRefusal(command.externalId, context) ??
    spendingRefusal(account, asset, amountMinor, context);
  return refusal ? refused(refusal) : moved(account, { ...paymentOf(command, asset, amountMinor), type: 'withdrawn' });
}

/** Backdating looks back, never ahead. */
function lateRefusal(command: Deposit | Withdraw, context: DecisionContext): Rejection | undefined {
  if (command.effectiveAt === undefined || timeMs(command.effectiveAt) <= Date.parse(context.occurredAt)) return undefined;
  return rejection('malformed_request', `effectiveAt ${command.effectiveAt} is in the future.`);
}
