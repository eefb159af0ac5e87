// The table of spending: what left an account on a UTC day, for the limits per day. Only the newest day is kept: an
// account's time never goes back, so no older day is ever asked for.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Decimal } from '../domain/amounts.ts';
import { addDecimals, formatMinor } from '../domain/amounts.ts';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import { dayOf, spendingIn } from '../domain/limits.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';

interface Spent {
  readonly accountId: AccountId;
  readonly asset: AssetCode;
  day: string;
  amount: Decimal;
}

function newestDays(batch: readonly BatchEvent[]): readonly Spent[] {
  const newest = new Map<string, Spent>();
  for (const { event, recorded, occurredAt } of batch) {
    const spent = spendingIn(event);
    if (spent === undefined || recorded.subject.kind !== 'account') continue;
    const { accountId } = recorded.subject;
    const { asset, amount } = spent;
    const day = dayOf(occurredAt);
    const key = `${accountId} ${asset}`;
    const sum = newest.get(key);
    if (sum === undefined || day > sum.day) newest.set(key, { accountId, asset, day, amount });
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
