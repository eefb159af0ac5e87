// Reversals: of an entry of the same account, by exactly what it was, and once.
import type { StoredEvent } from '../../domain/events.ts';
import type { AccountId } from '../../domain/ids.ts';
import { amountFrom, decimalOf } from './decimals.ts';
import type { Observed, Tell } from './observation.ts';
import type { Papers, Shelf } from './papers.ts';

interface Entry {
  readonly accountId: AccountId;
  readonly type: string;
  readonly asset: string;
  /** What it changed in what is available, signed. */
  readonly amount: string;
  /** The sender, of a received transfer. */
  readonly from: AccountId | null;
}

export interface Reversed {
  readonly accountId: AccountId;
  readonly isReversed: boolean;
  readonly position: string;
}

/** The entry that an event makes, if it is one that can be reversed. */
function entryOf(event: StoredEvent, accountId: AccountId): Entry | undefined {
  if (event.type === 'deposited') return { accountId, type: event.type, asset: event.asset, amount: event.amount, from: null };
  if (event.type === 'withdrawn') return { accountId, type: event.type, asset: event.asset, amount: `-${event.amount}`, from: null };
  if (event.type === 'coin-updated') return { accountId, type: event.type, asset: event.asset, amount: event.quantity, from: null };
  if (event.type === 'coin-removed') return { accountId, type: event.type, asset: event.asset, amount: `-${event.quantity}`, from: null };
  return event.type === 'transfer-received'
    ? { accountId, type: event.type, asset: event.asset, amount: event.amount, from: event.from }
    : undefined;
}

/** What an event says that it reverses. */
function expectedOf(event: StoredEvent, accountId: AccountId): Entry | undefined {
  if (event.type === 'entry-reversed') {
    const { minor, scale } = amountFrom(event.amount);
    return { accountId, type: event.reversedType, asset: event.asset, amount: decimalOf(-minor, scale), from: null };
  }
  return event.type === 'transfer-sent'
    ? { accountId, type: 'transfer-received', asset: event.asset, amount: event.amount, from: event.to }
    : undefined;
}

const textOf = ({ accountId, type, asset, amount, from }: Entry): string =>
  `${type} of ${amount} ${asset}${from === null ? '' : ` from ${from}`} in ${accountId}`;

export interface Reversals {
  follow(observed: Observed): void;
  /** Of every entry that ever was reversed. */
  readonly all: Shelf<Reversed>;
}

export function makeReversals(papers: Papers, tell: Tell): Reversals {
  const entries = papers.shelf<Entry>();
  const all = papers.shelf<Reversed>();

  function follow({ at, accountId, event }: Observed): void {
    const entry = entryOf(event, accountId);
    if (entry !== undefined && entries.add(at.eventId, entry) !== undefined)
      tell(at, 'duplicate_event', `There is another entry with the id ${at.eventId}.`);
    const reverses = 'reverses' in event ? event.reverses : undefined;
    if (reverses === undefined) return;
    const isReversed = event.type !== 'transfer-returned';
    const expected = expectedOf(event, accountId);
    const found = entries.get(reverses);
    if (expected !== undefined && (found === undefined || textOf(found) !== textOf(expected)))
      tell(at, 'reversal', `It reverses another entry than ${reverses} is.`, {
        expected: textOf(expected),
        found: found ? textOf(found) : 'no such entry',
      });
    if ((all.get(reverses)?.isReversed ?? false) === isReversed)
      tell(at, 'reversal', `Entry ${reverses} is ${isReversed ? 'reversed already' : 'not reversed'}.`);
    all.put(reverses, { accountId, isReversed, position: `${at.position}` });
  }

  return { follow, all };
}
