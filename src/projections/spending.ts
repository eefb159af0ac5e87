// The table of spending: what left an account on a UTC day, for the limits per day. Only the newest day is kept: an
// account's time never goes back, so no older day is ever asked for.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Decimal } from '../domain/amounts.ts';
import { formatMinor, parseDecimal } from '../domain/amounts.ts';
import type { LedgerEvent } from '../domain/events.ts';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import { addDecimals } from './batch.ts';

interface Spent {
  readonly accountId: AccountId;
  readonly asset: AssetCode;
  day: string;
  amount: Decimal;
}

/** What the event counts as spent; undefined where it counts as nothing. */
function spentBy(event: LedgerEvent): { readonly asset: AssetCode; readonly amount: string } | undefined {
  if (event.type === 'withdrawn') return { asset: event.asset, amount: event.amount };
  if (event.type === 'coin-removed') return { asset: event.asset, amount: event.quantity };
  if (event.type === 'coin-updated' && event.quantity.startsWith('-')) return { asset: event.asset, amount: event.quantity.slice(1) };
  return undefined;
}

function newestDays(batch: readonly BatchEvent[]): readonly Spent[] {
  const newest = new Map<string, Spent>();
  for (const { event, recorded, occurredAt } of batch) {
    const spent = spentBy(event);
    if (spent === undefined || recorded.subject.kind !== 'account') continue;
    const { accountId } = recorded.subject;
    const amount = parseDecimal(spent.amount);
    const day = occurredAt.slice(0, 10);
    const key = `${accountId} ${spent.asset}`;
    const sum = newest.get(key);
    if (sum === undefined || day > sum.day) newest.set(key, { accountId, asset: spent.asset, day, amount });
    else if (day === sum.day) sum.amount = addDecimals(sum.amount, amount);
  }
  return [...newest.values()];
}

/** Adds what the batch spent. */
export async function applySpending(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const sums = newestDays(batch);
  if (sums.length === 0) return;
  await sql`
    INSERT INTO spending AS s (account_id, asset, day, amount)
    SELECT * FROM unnest(${sums.map(({ accountId }) => accountId)}::uuid[], ${sums.map(({ asset }) => asset)}::text[],
      ${sums.map(({ day }) => day)}::date[], ${sums.map(({ amount }) => formatMinor(amount.minor, amount.scale))}::numeric[])
    ON CONFLICT ON CONSTRAINT spending_pkey DO UPDATE
    SET day = excluded.day, amount = CASE WHEN excluded.day = s.day THEN s.amount + excluded.amount ELSE excluded.amount END
    WHERE excluded.day >= s.day
  `.execute(tx);
}
