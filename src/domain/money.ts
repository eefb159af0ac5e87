// Deposits and withdrawals. Pure: what may happen, and nothing about how it is stored.
import type { Account } from './account.ts';
import { formatMinor } from './amounts.ts';
import type { Asset } from './assets.ts';
import { amountIn, notMoving, resolveAsset } from './checks.ts';
import type { Deposit, Withdraw } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { refused } from './decision.ts';
import { moved, paidRefusal, rangeRefusal, spendingRefusal } from './entries.ts';
import type { Deposited } from './events.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';

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
  return refusal ? refused(refusal) : moved(account, { ...entryOf(command, asset, amountMinor), type: 'deposited' });
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
  return refusal ? refused(refusal) : moved(account, { ...entryOf(command, asset, amountMinor), type: 'withdrawn' });
}

/** Backdating looks back, never ahead. */
function lateRefusal(command: Deposit | Withdraw, context: DecisionContext): Rejection | undefined {
  if (command.effectiveAt === undefined || Date.parse(command.effectiveAt) <= Date.parse(context.occurredAt)) return undefined;
  return rejection('malformed_request', `effectiveAt ${command.effectiveAt} is in the future.`);
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
