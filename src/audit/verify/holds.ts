// Holds: placed once, captured up to what they hold, then closed.
import type { AccountId } from '../../domain/ids.ts';
import { amountFrom, decimalOf } from './decimals.ts';
import type { Money } from './money.ts';
import type { Observed, Tell } from './observation.ts';
import type { Papers, Shelf } from './papers.ts';

/** A hold, with what it is at the end of what was read. Amounts are decimal strings. */
export interface Hold {
  readonly accountId: AccountId;
  readonly asset: string;
  readonly amount: string;
  readonly remaining: string;
  readonly captured: string;
  readonly status: 'open' | 'captured' | 'released' | 'expired';
  readonly placedBy: 'user' | 'operator';
  readonly expiresAt: string | null;
  /** Of the last event of its life. */
  readonly position: string;
}

export interface Holds {
  follow(observed: Observed): void;
  readonly all: Shelf<Hold>;
}

export function makeHolds(papers: Papers, money: Pick<Money, 'reserve'>, tell: Tell): Holds {
  const all = papers.shelf<Hold>();

  function follow({ at, accountId, event, occurredAt }: Observed): void {
    const position = `${at.position}`;
    if (event.type === 'hold-placed') {
      const { holdId, asset, amount, placedBy, expiresAt = null } = event;
      const { minor, scale } = amountFrom(amount);
      const hold: Hold = {
        accountId,
        asset,
        amount,
        remaining: amount,
        captured: decimalOf(0n, scale),
        status: 'open',
        placedBy,
        expiresAt,
        position,
      };
      if (all.add(holdId, hold) !== undefined) tell(at, 'hold', `Hold ${holdId} is placed again.`);
      else money.reserve(accountId, asset, minor);
      if (holdId !== at.eventId)
        tell(at, 'hold', 'The hold has not the id of the event that places it.', { expected: at.eventId, found: holdId });
      return;
    }
    if (event.type !== 'hold-captured' && event.type !== 'hold-released' && event.type !== 'hold-expired') return;
    const { holdId, asset, amount } = event;
    const hold = all.get(holdId);
    if (hold?.accountId !== accountId || hold.status !== 'open' || hold.asset !== asset) {
      const found = hold === undefined ? 'no such hold' : `a hold of ${hold.asset} in ${hold.accountId} that is ${hold.status}`;
      tell(at, 'hold', `A ${event.type} event is of hold ${holdId}.`, { expected: `an open hold of ${asset} in this account`, found });
      return;
    }
    const before = amountFrom(hold.remaining);
    const taken = amountFrom(amount).minor;
    const left = before.minor - taken;
    const said = event.type === 'hold-captured' ? amountFrom(event.remaining).minor : 0n;
    if (left < 0n || left !== said)
      tell(at, 'hold', `Hold ${holdId} has another rest than it says.`, {
        expected: decimalOf(left, before.scale),
        found: decimalOf(said, before.scale),
      });
    if (event.type === 'hold-captured' && event.capturedBy === 'user' && hold.placedBy === 'operator')
      tell(at, 'hold', `The owner captures hold ${holdId}, which an operator placed.`);
    if (event.type === 'hold-expired' && (hold.expiresAt === null || Date.parse(hold.expiresAt) > Date.parse(occurredAt)))
      tell(at, 'hold', `Hold ${holdId} expires before its time.`, { expected: hold.expiresAt ?? 'never', found: occurredAt });
    money.reserve(accountId, asset, -taken);
    const captured = event.type === 'hold-captured' ? decimalOf(amountFrom(hold.captured).minor + taken, before.scale) : hold.captured;
    all.put(holdId, { ...hold, remaining: decimalOf(left, before.scale), captured, status: statusAfter(event.type, left), position });
  }

  return { follow, all };
}

function statusAfter(type: 'hold-captured' | 'hold-released' | 'hold-expired', left: bigint): Hold['status'] {
  if (type === 'hold-captured') return left === 0n ? 'captured' : 'open';
  return type === 'hold-released' ? 'released' : 'expired';
}
