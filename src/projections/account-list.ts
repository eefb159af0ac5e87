// Lists of accounts, in the order in which they were opened.
import { sql } from 'kysely';
import type { AccountId } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { AccountStatus } from '../postgres/tables.ts';
import type { Page, PageRequest } from './page.ts';
import { POSITION, paginate } from './page.ts';

/** An account as lists and its own page show it. */
export interface AccountSummary {
  readonly accountId: AccountId;
  readonly revision: bigint;
  readonly position: bigint;
  readonly status: AccountStatus;
  readonly ownerId?: string;
  readonly externalId?: string;
  readonly label?: string;
  readonly openedAt: string;
  readonly openedPosition: bigint;
}

const KEY = [POSITION];

const summaries = (db: LedgerDb) =>
  db
    .selectFrom('accounts')
    .select(['account_id', 'revision', 'position', 'status', 'owner_id', 'external_id', 'label', 'opened_at', 'opened_position']);
type SummaryRow = Awaited<ReturnType<ReturnType<typeof summaries>['executeTakeFirstOrThrow']>>;

const toSummary = (row: SummaryRow): AccountSummary => ({
  accountId: row.account_id,
  revision: row.revision,
  position: row.position,
  status: row.status,
  ...(row.owner_id !== null && { ownerId: row.owner_id }),
  ...(row.external_id !== null && { externalId: row.external_id }),
  ...(row.label !== null && { label: row.label }),
  openedAt: row.opened_at,
  openedPosition: row.opened_position,
});

/** The account; undefined where the projection knows none. */
export async function findAccount(db: LedgerDb, accountId: AccountId): Promise<AccountSummary | undefined> {
  const row = await summaries(db).where('account_id', '=', accountId).executeTakeFirst();
  return row && toSummary(row);
}

/** A page of all accounts, or of an owner's. @throws InvalidCursor */
export function listAccounts(
  db: LedgerDb,
  { ownerId }: { readonly ownerId?: string | undefined },
  request: PageRequest,
): Promise<Page<AccountSummary>> {
  const keyOf = ({ openedPosition }: AccountSummary): string[] => [`${openedPosition}`];
  return paginate(request, KEY, keyOf, async ({ walk, beyond: [position] = [], limit }) => {
    const isAscending = walk === 'forwards';
    let query = summaries(db)
      .orderBy('opened_position', isAscending ? 'asc' : 'desc')
      .limit(limit);
    if (ownerId !== undefined) query = query.where('owner_id', '=', ownerId);
    if (position !== undefined) query = query.where('opened_position', isAscending ? '>' : '<', BigInt(position));
    return (await query.execute()).map(toSummary);
  });
}

/** Those of the accounts that the projection knows. */
export async function knownAccounts(db: LedgerDb, accountIds: readonly AccountId[]): Promise<ReadonlySet<AccountId>> {
  const ids = sql<AccountId>`ANY(${[...accountIds]}::uuid[])`; // one text, however many accounts
  const rows = await db.selectFrom('accounts').select('account_id').where('account_id', '=', ids).execute();
  return new Set(rows.map(({ account_id }) => account_id));
}
