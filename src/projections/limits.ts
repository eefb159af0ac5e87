// The table of limits: per account and asset, as last set.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';

/** Decimal strings at exactly the asset's scale; absent where there is no such limit. */
export interface Limit {
  readonly asset: AssetCode;
  readonly perWithdrawal?: string;
  readonly perDay?: string;
}
interface SetLimit {
  readonly accountId: AccountId;
  readonly limit: Omit<Limit, 'perWithdrawal' | 'perDay'> & {
    readonly perWithdrawal?: string | undefined;
    readonly perDay?: string | undefined;
  };
}

function setBy({ event, recorded }: BatchEvent): readonly SetLimit[] {
  if (recorded.subject.kind !== 'account') return [];
  const { accountId } = recorded.subject;
  if (event.type === 'limits-set') return [{ accountId, limit: event }];
  return event.type === 'account-opened' ? event.limits.map((limit) => ({ accountId, limit })) : [];
}

/** Applies the batch's limits; setting an asset's limits replaces both, and one that is not given is none. */
export async function applyLimits(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const newest = new Map(batch.flatMap(setBy).map((set) => [`${set.accountId} ${set.limit.asset}`, set]));
  if (newest.size === 0) return;
  const sets = [...newest.values()];
  await sql`
    INSERT INTO limits (account_id, asset, per_withdrawal, per_day)
    SELECT * FROM unnest(${sets.map(({ accountId }) => accountId)}::uuid[], ${sets.map(({ limit }) => limit.asset)}::text[],
      ${sets.map(({ limit }) => limit.perWithdrawal ?? null)}::numeric[], ${sets.map(({ limit }) => limit.perDay ?? null)}::numeric[])
    ON CONFLICT ON CONSTRAINT limits_pkey DO UPDATE SET per_withdrawal = excluded.per_withdrawal, per_day = excluded.per_day
  `.execute(tx);
}

/** The limits of an account, by asset. */
export async function limitsOf(db: LedgerDb, accountId: AccountId): Promise<readonly Limit[]> {
  const rows = await db
    .selectFrom('limits')
    .select(['asset', 'per_withdrawal', 'per_day'])
    .where('account_id', '=', accountId)
    .orderBy('asset')
    .execute();
  return rows.map(toLimit);
}

/** The limits that a new account of that owner inherits: those of the owner's first account. Empty where there is none. */
export async function inheritedLimits(db: LedgerDb, ownerId: string): Promise<readonly Limit[]> {
  const rows = await db
    .selectFrom('limits')
    .select(['asset', 'per_withdrawal', 'per_day'])
    .where('account_id', '=', (first) =>
      first.selectFrom('accounts').select('account_id').where('owner_id', '=', ownerId).orderBy('opened_position').limit(1),
    )
    .orderBy('asset')
    .execute();
  return rows.map(toLimit);
}

const toLimit = (row: { asset: AssetCode; per_withdrawal: string | null; per_day: string | null }): Limit => ({
  asset: row.asset,
  ...(row.per_withdrawal !== null && { perWithdrawal: row.per_withdrawal }),
  ...(row.per_day !== null && { perDay: row.per_day }),
});
