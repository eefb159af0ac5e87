// The journal in Postgres, held against the log line by line while that is read: both are in the order of the log.
import type { BooksSnapshot, SnapshotRow } from '../../projections/books-snapshot.ts';
import { amountFrom } from './decimals.ts';
import type { Booked } from './fold.ts';
import type { JournalLine } from './money.ts';
import type { Findings } from './observation.ts';
import { canonicalTime, keepable } from './observation.ts';

type Posting = SnapshotRow<'postings'>;

export interface JournalCheck {
  /** Holds the event's lines against the journal's at its position; those before it belong to no event. */
  compare(booked: Booked): Promise<void>;
  /** What is left in the journal belongs to no event. */
  end(): Promise<void>;
}

const holderOf = ({ account_id, system_account }: Posting): string => account_id ?? system_account ?? '';
const keyOf = (holder: string, asset: string): string => `${holder} ${asset}`;

/** What a line says besides the balances it leaves. */
function expectedLine(
  { observed: { at, event, accountId, recordedAt, occurredAt } }: Booked,
  { holder, available, held }: JournalLine,
): string {
  const common = [available, held, at.eventId, event.type, recordedAt];
  if (holder !== accountId) return common.join(' ');
  const { commandId, effectiveAt } = at.metadata;
  const reference = 'reference' in event ? keepable(event.reference) : null;
  const isPayment = event.type === 'deposited' || event.type === 'withdrawn' || event.type === 'transfer-sent';
  const externalId = isPayment ? keepable(event.externalId) : null;
  return [
    ...common,
    occurredAt,
    effectiveAt === undefined ? '-' : canonicalTime(effectiveAt),
    commandId,
    reference ?? '-',
    externalId ?? '-',
  ].join(' ');
}

function foundLine(row: Posting): string {
  const common = [row.available, row.held, row.event_id, row.event_type, canonicalTime(row.recorded_at)];
  if (row.account_id === null) return common.join(' ');
  const [occurredAt, effectiveAt] = [row.occurred_at, row.effective_at].map((time) => (time === null ? '-' : canonicalTime(time)));
  return [...common, occurredAt, effectiveAt, row.command_id, row.reference ?? '-', row.external_id ?? '-'].join(' ');
}

export function makeJournalCheck(snapshot: Pick<BooksSnapshot, 'rows'>, { tell, add }: Findings): JournalCheck {
  const postings = snapshot.rows('postings');
  let next: Posting | undefined;
  let hasBegun = false;
  /** By how much the running balances of a holder are off: told where that changes, not at every line after it. */
  const drifts = new Map<string, string>();

  async function advance(): Promise<void> {
    const { value } = await postings.next();
    next = value ?? undefined;
    hasBegun = true;
  }

  const extra = (row: Posting): void =>
    add({
      kind: 'postings_row_extra',
      detail: `The journal has a line at position ${row.position} for ${holderOf(row)}, which no event of the log makes.`,
      position: row.position,
      eventId: row.event_id,
      found: foundLine(row),
    });

  /** The lines at that position; what stands before it is told of. */
  async function takeAt(position: bigint): Promise<Map<string, Posting>> {
    if (!hasBegun) await advance();
    for (; next !== undefined && next.position < position; await advance()) extra(next);
    const taken = new Map<string, Posting>();
    for (; next !== undefined && next.position === position; await advance()) {
      const key = keyOf(holderOf(next), next.asset);
      if (taken.has(key)) extra(next);
      else taken.set(key, next);
    }
    return taken;
  }

  function compareLine(booked: Booked, line: JournalLine, row: Posting | undefined): void {
    const { at } = booked.observed;
    const expected = expectedLine(booked, line);
    if (row === undefined) {
      tell(at, 'postings_row_missing', `The journal does not have its line for ${line.holder} in ${line.asset}.`, { expected });
      return;
    }
    const found = foundLine(row);
    if (found !== expected)
      tell(at, 'postings_row_differs', `The journal has another line for ${line.holder} in ${line.asset}.`, { expected, found });
    const drift = `${amountFrom(row.available_after).minor - amountFrom(line.availableAfter).minor} ${amountFrom(row.held_after).minor - amountFrom(line.heldAfter).minor}`;
    const key = keyOf(line.holder, line.asset);
    if (drift === (drifts.get(key) ?? '0 0')) return;
    if (drift === '0 0') drifts.delete(key);
    else drifts.set(key, drift);
    tell(at, 'postings_balance_differs', `The journal has another balance of ${line.holder} in ${line.asset} after it.`, {
      expected: `${line.availableAfter} available, ${line.heldAfter} held`,
      found: `${row.available_after} available, ${row.held_after} held`,
    });
  }

  return {
    compare: async (booked) => {
      const taken = await takeAt(booked.observed.at.position);
      for (const line of booked.lines) {
        const key = keyOf(line.holder, line.asset);
        compareLine(booked, line, taken.get(key));
        taken.delete(key);
      }
      for (const row of taken.values()) extra(row);
    },
    end: async () => {
      if (!hasBegun) await advance();
      for (; next !== undefined; await advance()) extra(next);
    },
  };
}
