// The holds that are open in an account. Closed ones are not state: an account with a hundred thousand of them decides as fast as a new one.
import type { Map as PersistentMap } from 'immutable';
import type { Decimal } from './amounts.ts';
import { parseDecimal } from './amounts.ts';
import type { HoldCaptured, HoldExpired, HoldPlaced, HoldReleased, LedgerEvent, Side } from './events.ts';
import type { AssetCode, HoldId } from './ids.ts';
import { InvariantViolated } from './invariant.ts';
import { HOLD_TRANSITIONS, nextStatus, restOf } from './lifecycles.ts';

export interface Hold {
  readonly holdId: HoldId;
  readonly asset: AssetCode;
  /** What is still held. */
  readonly remaining: Decimal;
  readonly placedBy: Side;
  /** RFC 3339; absent: it never expires. Looked at by its expiry alone. */
  readonly expiresAt?: string;
}
/** Persistent: a version of it costs the same however many there are. */
export type Holds = PersistentMap<HoldId, Hold>;

export const holdFrom = ({ holdId, asset, amount, placedBy, expiresAt }: Omit<HoldPlaced, 'type' | 'version' | 'balances'>): Hold => ({
  holdId,
  asset,
  remaining: parseDecimal(amount),
  placedBy,
  ...(expiresAt === undefined ? {} : { expiresAt }),
});

/**
 * The open holds after an event of the account.
 * @throws InvariantViolated where it takes from a hold that is not open, or more or other than it holds.
 */
export function evolveHolds(holds: Holds, event: LedgerEvent): Holds {
  if (event.type === 'hold-placed') {
    nextStatus(HOLD_TRANSITIONS, holds.has(event.holdId) ? 'open' : 'none', event.type);
    return holds.set(event.holdId, holdFrom(event));
  }
  return event.type === 'hold-captured' || event.type === 'hold-released' || event.type === 'hold-expired' ? reduced(holds, event) : holds;
}

function reduced(holds: Holds, event: HoldCaptured | HoldReleased | HoldExpired): Holds {
  const hold = holds.get(event.holdId);
  const taken = parseDecimal(event.amount);
  const leftMinor = (hold?.remaining.minor ?? 0n) - taken.minor;
  const saysLeftMinor = event.type === 'hold-captured' ? parseDecimal(event.remaining).minor : 0n;
  const status = nextStatus(HOLD_TRANSITIONS, hold === undefined ? 'none' : 'open', event.type, restOf(leftMinor));
  if (hold === undefined || leftMinor !== saysLeftMinor || hold.asset !== event.asset || hold.remaining.scale !== taken.scale)
    throw new InvariantViolated(`${event.type} of ${event.amount} ${event.asset} does not fit hold ${event.holdId}`);
  return status === 'open' ? holds.set(hold.holdId, { ...hold, remaining: { ...taken, minor: leftMinor } }) : holds.delete(hold.holdId);
}
