// The table of statistics: how many events of each type there were, and how much they moved.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Decimal } from '../domain/amounts.ts';
import { addDecimals, formatMinor, parseDecimal } from '../domain/amounts.ts';
import type { LedgerEvent } from '../domain/events.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';

export interface Statistic {
  readonly eventType: string;
  /** The asset that moved, the code of a refusal, or '' for other events. */
  readonly detail: string;
  readonly events: bigint;
  /** The sum of the amounts whatever their sign, at the asset's scale; "0" where nothing moved. */
  readonly volume: string;
}

/** What an event counts under, and the amount it adds. */
function countedAs(event: LedgerEvent): { readonly detail: string; readonly amount: string } {
  if ('amount' in event) return { detail: event.asset, amount: event.amount };
  if ('quantity' in event) return { detail: event.asset, amount: event.quantity };
  return { detail: event.type === 'command-rejected' ? event.code : '', amount: '0' };
}

/** Counts the batch in. Annulled events are no events. */
export async function applyStatistics(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const sums = new Map<string, { type: string; detail: string; events: bigint; volume: Decimal }>();
  for (const { event } of batch) {
    if (event.type === 'annulled') continue;
    const { detail, amount } = countedAs(event);
    const { minor, scale } = parseDecimal(amount);
    const key = `${event.type} ${detail}`;
    const sum = sums.get(key) ?? { type: event.type, detail, events: 0n, volume: { minor: 0n, scale } };
    sums.set(key, sum);
    sum.events += 1n;
    sum.volume = addDecimals(sum.volume, { minor: minor < 0n ? -minor : minor, scale });
  }
  if (sums.size === 0) return;
  const rows = [...sums.values()];
  await sql`
    INSERT INTO statistics AS s (event_type, detail, events, volume)
    SELECT * FROM unnest(${rows.map(({ type }) => type)}::text[], ${rows.map(({ detail }) => detail)}::text[],
      ${rows.map(({ events }) => events)}::bigint[], ${rows.map(({ volume }) => formatMinor(volume.minor, volume.scale))}::numeric[])
    ON CONFLICT ON CONSTRAINT statistics_pkey DO UPDATE SET events = s.events + excluded.events, volume = s.volume + excluded.volume
  `.execute(tx);
}

/** All statistics, by type and detail. */
export function loadStatistics(db: LedgerDb): Promise<readonly Statistic[]> {
  return db
    .selectFrom('statistics')
    .select(['event_type as eventType', 'detail', 'events', 'volume'])
    .orderBy('event_type')
    .orderBy('detail')
    .execute();
}
