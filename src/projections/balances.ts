// The tables of balances, customers' and the system's: each is its journal's last running balance.
import { sql } from 'kysely';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import type { SystemAccount } from '../domain/postings.ts';
import { canonicalTime } from '../domain/time.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { backdatedAcross, nothingAcross } from './backdated.ts';

/** Amounts are decimal strings at exactly the asset's scale. */
export interface Balance {
  readonly asset: AssetCode;
  readonly available: string;
  readonly held: string;
  readonly total: string;
}

const balanceColumns = (db: LedgerDb) =>
  db.selectFrom('balances').select(['asset', 'available', 'held', sql<string>`available + held`.as('total')]);

/** Every asset that ever moved on the account, by code. */
export function balancesOf(db: LedgerDb, accountId: AccountId): Promise<readonly Balance[]> {
  return balanceColumns(db).where('account_id', '=', accountId).orderBy('asset').execute();
}

/** The balance of one asset; undefined where it never moved. */
export function balanceOf(db: LedgerDb, accountId: AccountId, asset: AssetCode): Promise<Balance | undefined> {
  return balanceColumns(db).where('account_id', '=', accountId).where('asset', '=', asset).executeTakeFirst();
}

/** By when the ledger took entries down, or by when they count: backdated ones at their effective time, which is before that. */
export type TimeAxis = 'system' | 'effective';

/**
 * The balances at a moment (RFC 3339), of every asset that had moved by then, by code. By system time: those of the journal's
 * last entry until then. By effective time: that, and what was taken down later and backdated across the moment; such a
 * balance may be negative, since only what the ledger had at a time ever bound it. Both cost the same however long the journal is
 * and however much of it is backdated.
 */
export function balancesAt(
  db: LedgerDb,
  accountId: AccountId,
  { at, by }: { readonly at: string; readonly by: TimeAxis },
): Promise<readonly Balance[]> {
  // The ledger's own times are whole milliseconds: what is finer in `at` changes nothing.
  const moment = canonicalTime(at);
  const available = sql<string>`coalesce(until.available_after, 0) + across.available`;
  const held = sql<string>`coalesce(until.held_after, 0) + across.held`;
  return db
    .selectFrom('balances')
    .leftJoinLateral(
      (asset) =>
        asset
          .selectFrom('postings')
          .select(['asset', 'available_after', 'held_after'])
          .where('account_id', '=', accountId)
          // One comparison, and the asset in the order: so no other index will do, on which the entries of other assets would be passed.
          .where(({ eb, refTuple, tuple, ref }) => eb(refTuple('asset', 'recorded_at'), '<=', tuple(ref('balances.asset'), moment)))
          .orderBy('asset', 'desc')
          .orderBy('recorded_at', 'desc')
          .orderBy('position', 'desc')
          .orderBy('line', 'desc')
          .limit(1)
          .as('until'),
      (join) => join.onRef('until.asset', '=', 'balances.asset'),
    )
    .innerJoinLateral((by === 'effective' ? backdatedAcross(moment) : nothingAcross).as('across'), (join) => join.onTrue())
    .select(['balances.asset', available.as('available'), held.as('held'), sql<string>`${available} + ${held}`.as('total')])
    .where('balances.account_id', '=', accountId)
    .where(({ or, eb }) => or([eb('until.available_after', 'is not', null), eb('across.is_moved', '=', true)]))
    .orderBy('balances.asset')
    .execute();
}

/** The coins that the account has, by code; those it has none of are left out. */
export function coinsOf(db: LedgerDb, accountId: AccountId): Promise<readonly { readonly symbol: AssetCode; readonly quantity: string }[]> {
  return db
    .selectFrom('balances')
    .innerJoin('assets', 'assets.code', 'balances.asset')
    .select(['balances.asset as symbol', sql<string>`balances.available + balances.held`.as('quantity')])
    .where('account_id', '=', accountId)
    .where('assets.kind', '=', 'coin')
    .where(sql<boolean>`balances.available + balances.held > 0`)
    .orderBy('balances.asset')
    .execute();
}

/** What the system accounts stand at: with all customers' balances they sum to zero per asset. */
export function systemBalances(
  db: LedgerDb,
): Promise<readonly { readonly account: SystemAccount; readonly asset: AssetCode; readonly balance: string }[]> {
  return db
    .selectFrom('system_balances')
    .select(['system_account as account', 'asset', 'balance'])
    .orderBy('system_account')
    .orderBy('asset')
    .execute();
}

/** Every asset's sum over all accounts, customers' and the system's, where it is not zero: empty while the books balance. */
export async function unequalBooks(db: LedgerDb): Promise<readonly { readonly asset: AssetCode; readonly sum: string }[]> {
  const { rows } = await sql<{ asset: AssetCode; sum: string }>`
    SELECT asset, sum(amount) AS sum FROM (
      SELECT asset, available + held AS amount FROM balances UNION ALL SELECT asset, balance FROM system_balances
    ) AS everything GROUP BY asset HAVING sum(amount) <> 0 ORDER BY asset
  `.execute(db);
  return rows;
}
