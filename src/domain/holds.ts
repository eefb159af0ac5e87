// Holds: money set aside, then taken in one or several captures, or given back. Whoever placed one decides over it.
import type { Account } from './account.ts';
import type { Decimal } from './amounts.ts';
import { formatMinor } from './amounts.ts';
import { amountIn, closedRefusal, notMoving, resolveAsset } from './checks.ts';
import type { CaptureHold, ExpireHold, PlaceHold, ReleaseHold } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { refused, rejected } from './decision.ts';
import { fundsRefusal, moved, overLimitRefusal } from './entries.ts';
import type { HoldId } from './ids.ts';
import { HoldIdSchema } from './ids.ts';
import type { Hold } from './open-holds.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';
import { canonicalTime } from './time.ts';

export function placeHold(command: PlaceHold, account: Account, context: DecisionContext): Decision {
  const asset = resolveAsset(command.asset, context);
  if ('detail' in asset) return refused(asset);
  const amountMinor = amountIn(command.amount, asset);
  if (typeof amountMinor !== 'bigint') return refused(amountMinor);
  const refusal = notMoving(account) ?? fundsRefusal(account, asset, amountMinor);
  if (refusal) return refused(refusal);
  const { expiresAt, reference } = command;
  return moved(account, {
    type: 'hold-placed',
    version: 1,
    holdId: HoldIdSchema.parse(context.eventId),
    asset: asset.code,
    amount: formatMinor(amountMinor, asset.scale),
    placedBy: context.side,
    balances: [],
    ...(expiresAt === undefined ? {} : { expiresAt: canonicalTime(expiresAt) }),
    ...(reference === undefined ? {} : { reference }),
  });
}

/** Takes some of a hold, or all that is left. What the owner takes counts towards the limits; what the house takes does not. */
export function captureHold(command: CaptureHold, account: Account, context: DecisionContext): Decision {
  const hold = notMoving(account) ?? theirHold(command.holdId, account, context);
  if ('detail' in hold) return refused(hold);
  const { asset, remaining } = hold;
  const unit = { code: asset, scale: remaining.scale };
  const amountMinor = command.amount === undefined ? remaining.minor : amountIn(command.amount, unit);
  if (typeof amountMinor !== 'bigint') return refused(amountMinor);
  const refusal =
    heldRefusal(hold, amountMinor) ?? (context.side === 'user' ? overLimitRefusal(account, unit, amountMinor, context) : undefined);
  if (refusal) return refused(refusal);
  return moved(account, {
    type: 'hold-captured',
    version: 1,
    holdId: hold.holdId,
    asset,
    amount: formatMinor(amountMinor, unit.scale),
    remaining: formatMinor(remaining.minor - amountMinor, unit.scale),
    capturedBy: context.side,
    balances: [],
  });
}

/** Gives back all that is left. A frozen account's holds can be released: nothing leaves it. */
export function releaseHold(command: ReleaseHold, account: Account, context: DecisionContext): Decision {
  const hold = closedRefusal(account) ?? theirHold(command.holdId, account, context);
  return 'detail' in hold ? refused(hold) : givenBack('hold-released', hold, account);
}

/** The end of a hold whose time is over. Where nothing is due, nothing happens. */
export function expireHold({ holdId }: ExpireHold, account: Account, context: DecisionContext): Decision {
  const hold = account.holds.get(holdId);
  return hold !== undefined && isDue(hold, context) ? givenBack('hold-expired', hold, account) : nothingDue;
}

/** Whether the time of what expires is over. */
export const isDue = ({ expiresAt }: { readonly expiresAt?: string }, { occurredAt }: Pick<DecisionContext, 'occurredAt'>): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= Date.parse(occurredAt);
export const nothingDue: Decision = rejected('not_found', 'Nothing is due.');

/** The open hold, if whoever acts may decide over it. */
function theirHold(holdId: HoldId, account: Account, context: DecisionContext): Hold | Rejection {
  const hold = account.holds.get(holdId);
  if (hold === undefined) {
    return context.fact({ kind: 'closed-hold', holdId }) === undefined
      ? rejection('hold_not_found', `The account has no hold ${holdId}.`)
      : rejection('hold_not_open', `Hold ${holdId} is closed.`);
  }
  return context.side === 'user' && hold.placedBy === 'operator'
    ? rejection('forbidden', `Hold ${holdId} was placed by an operator; operators alone capture and release it.`)
    : hold;
}

function heldRefusal({ holdId, asset, remaining }: Hold, amountMinor: bigint): Rejection | undefined {
  return amountMinor <= remaining.minor ? undefined : insufficientHeld(`hold ${holdId}`, asset, remaining, amountMinor);
}

/** The refusal of more than is left in a hold or behind an order. */
export function insufficientHeld(by: string, asset: string, remaining: Decimal, amountMinor: bigint): Rejection {
  const [held, requested] = [formatMinor(remaining.minor, remaining.scale), formatMinor(amountMinor, remaining.scale)];
  return rejection('insufficient_held', `${requested} ${asset} requested, ${held} left in ${by}.`, { asset, held, requested });
}

function givenBack(type: 'hold-released' | 'hold-expired', { holdId, asset, remaining }: Hold, account: Account): Decision {
  return moved(account, { type, version: 1, holdId, asset, amount: formatMinor(remaining.minor, remaining.scale), balances: [] });
}
