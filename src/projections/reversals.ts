// The table of reversals: which entries are reversed. An entry is reversed once, but a reversal that sends the money of a
// received transfer back may come to nothing, and then the entry is reversible again.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { LedgerEvent } from '../domain/events.ts';
import type { AccountId } from '../domain/ids.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import { UnappliableEvent } from './errors.ts';

interface Row {
  /** The entry's. */
  readonly eventId: string;
  readonly accountId: AccountId;
  readonly isReversed: boolean;
  readonly position: bigint;
}

/** What the event says of an entry; undefined where it speaks of none. */
function saysOf(event: LedgerEvent): Pick<Row, 'eventId' | 'isReversed'> | undefined {
  if (event.type !== 'entry-reversed' && event.type !== 'transfer-sent' && event.type !== 'transfer-returned') return undefined;
  return event.reverses === undefined ? undefined : { eventId: event.reverses, isReversed: event.type !== 'transfer-returned' };
}

/**
 * Applies the batch to the reversals.
 * @throws UnappliableEvent where an entry is reversed again, another account's is, or one that is not reversed is given back.
 */
export async function applyReversals(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const steps = batch.flatMap(({ event, recorded }) => {
    const says = saysOf(event);
    return says && recorded.subject.kind === 'account' ? [{ ...says, recorded, accountId: recorded.subject.accountId }] : [];
  });
  if (steps.length === 0) return;
  const { rows: known } = await sql<Row>`
    SELECT event_id AS "eventId", account_id AS "accountId", is_reversed AS "isReversed", position
    FROM reversals WHERE event_id = ANY(${steps.map(({ eventId }) => eventId)}::uuid[])
  `.execute(tx);
  const byEntry = new Map(known.map((row) => [row.eventId, row]));
  for (const { eventId, accountId, isReversed, recorded } of steps) {
    const before = byEntry.get(eventId);
    if (before !== undefined && before.accountId !== accountId)
      throw new UnappliableEvent(recorded, `entry ${eventId} is one of account ${before.accountId}`);
    if ((before?.isReversed ?? false) === isReversed)
      throw new UnappliableEvent(recorded, `entry ${eventId} is ${isReversed ? 'reversed already' : 'not reversed'}`);
    byEntry.set(eventId, { eventId, accountId, isReversed, position: recorded.position });
  }
  const rows = [...byEntry.values()];
  await sql`
    INSERT INTO reversals (event_id, account_id, is_reversed, position)
    SELECT * FROM unnest(${rows.map(({ eventId }) => eventId)}::uuid[], ${rows.map(({ accountId }) => accountId)}::uuid[],
      ${rows.map(({ isReversed }) => isReversed)}::boolean[], ${rows.map(({ position }) => position)}::bigint[])
    ON CONFLICT ON CONSTRAINT reversals_pkey DO UPDATE SET is_reversed = excluded.is_reversed, position = excluded.position
  `.execute(tx);
}
