// Reversals: an entry undone by another, once. A received transfer is undone by a transfer back to its sender.
import type { Account } from './account.ts';
import { formatMinor, parseDecimal } from './amounts.ts';
import { assertNever } from './assert-never.ts';
import { notMoving } from './checks.ts';
import type { Reverse } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { refused, rejected } from './decision.ts';
import type { Unit } from './entries.ts';
import { fundsRefusal, moved, rangeRefusal } from './entries.ts';
import { REVERSIBLE_IN_PLACE } from './events.ts';
import type { BookedEntry } from './facts.ts';
import type { AccountId } from './ids.ts';
import { TransferIdSchema } from './ids.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';

type ReversedInPlace = (typeof REVERSIBLE_IN_PLACE)[number];
const isReversedInPlace = (type: string): type is ReversedInPlace => REVERSIBLE_IN_PLACE.some((reversible) => reversible === type);

/** How an entry is undone: where it stands, or by sending the money back. */
type Reversal = { readonly kind: 'in-place'; readonly reversedType: ReversedInPlace } | { readonly kind: 'back'; readonly to: AccountId };

/** Undoes an entry of the account. The limits do not count it; what is available must cover it. */
export function reverse(command: Reverse, account: Account, context: DecisionContext): Decision {
  const { eventId, reason } = command;
  const halted = notMoving(account);
  if (halted) return refused(halted);
  const entry = context.fact({ kind: 'entry', eventId })?.entry;
  if (entry === undefined) return rejected('entry_not_found', `The account has no entry ${eventId}.`);
  const reversal = reversalOf(entry);
  if ('detail' in reversal) return refused(reversal);
  if (context.fact({ kind: 'reversal', eventId })?.isReversed) return rejected('already_reversed', `Entry ${eventId} is reversed already.`);
  const { minor, scale } = parseDecimal(entry.amount);
  const unit: Unit = { code: entry.asset, scale };
  const refusal = minor > 0n ? fundsRefusal(account, unit, minor) : rangeRefusal(account, unit, -minor);
  if (refusal) return refused(refusal);
  const common = { version: 1 as const, asset: entry.asset, reverses: eventId, reason, balances: [] };
  switch (reversal.kind) {
    case 'in-place': {
      const { reversedType } = reversal;
      return moved(account, { ...common, type: 'entry-reversed', amount: formatMinor(-minor, scale), reversedType });
    }
    case 'back': {
      const transferId = TransferIdSchema.parse(context.eventId);
      return moved(account, { ...common, type: 'transfer-sent', transferId, to: reversal.to, amount: formatMinor(minor, scale) });
    }
    default:
      return assertNever(reversal);
  }
}

function reversalOf({ type, from }: BookedEntry): Reversal | Rejection {
  if (isReversedInPlace(type)) return { kind: 'in-place', reversedType: type };
  if (from !== undefined) return { kind: 'back', to: from };
  return rejection('not_reversible', `An entry of a ${type} event cannot be reversed.`, { entryType: type });
}
