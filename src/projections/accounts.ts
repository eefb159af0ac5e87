// The table of accounts: how events change it, and the state of an account that commands are decided on.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { AccountOpened, EventType, HoldPlaced, LedgerEvent, OrderPlaced, TransferSent } from '../domain/events.ts';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import { ACCOUNT_TRANSITIONS } from '../domain/lifecycles.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { AccountStatus, LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import { storable } from './batch.ts';
import { UnappliableEvent } from './errors.ts';

/** All that a decision needs of an account, at `revision`. Amounts are decimal strings at exactly their asset's scale. */
export interface AccountRow {
  readonly accountId: AccountId;
  /** Of the last event in the account's stream, refusals included; `position` is that event's. */
  readonly revision: bigint;
  readonly position: bigint;
  readonly status: AccountStatus;
  readonly ownerId?: string;
  readonly lastOccurredAt: string;
  readonly balances: readonly { readonly asset: AssetCode; readonly available: string; readonly held: string }[];
  readonly limits: readonly { readonly asset: AssetCode; readonly perWithdrawal?: string; readonly perDay?: string }[];
  /** What left the account on its newest day of spending; `day` is YYYY-MM-DD in UTC. */
  readonly spending: readonly { readonly asset: AssetCode; readonly day: string; readonly amount: string }[];
  /** Open ones, `amount` being what remains; times are RFC 3339 in UTC with milliseconds, as events have them. */
  readonly holds: readonly Pick<HoldPlaced, 'holdId' | 'asset' | 'amount' | 'placedBy' | 'expiresAt'>[];
  /** Pending ones. */
  readonly orders: readonly Omit<OrderPlaced, 'type' | 'version' | 'balances'>[];
  /** Sent and not ended yet. */
  readonly transfers: readonly Pick<TransferSent, 'transferId' | 'to' | 'asset' | 'amount' | 'reverses'>[];
}

/** What a batch does to one account. */
interface AccountChange {
  readonly first: BatchEvent;
  last: BatchEvent;
  opened: { readonly by: BatchEvent; readonly event: AccountOpened } | undefined;
  status: AccountStatus | null;
  lastOccurredAt: string | null;
}

/** Each of these events leads to one status, wherever it comes from. */
const STATUS_AFTER: ReadonlyMap<EventType, AccountStatus> = new Map(ACCOUNT_TRANSITIONS.map(({ on, to }) => [on, to]));

/** The status an event leaves the account in; null where it leaves it as it is. */
const statusAfter = (event: LedgerEvent): AccountStatus | null =>
  event.type === 'annulled' ? null : (STATUS_AFTER.get(event.type) ?? null);

function changesOf(batch: readonly BatchEvent[]): ReadonlyMap<AccountId, AccountChange> {
  const changes = new Map<AccountId, AccountChange>();
  for (const entry of batch) {
    const { event, recorded, occurredAt } = entry;
    if (recorded.subject.kind !== 'account') continue;
    const { accountId } = recorded.subject;
    const change = changes.get(accountId) ?? { first: entry, last: entry, opened: undefined, status: null, lastOccurredAt: null };
    changes.set(accountId, change);
    change.last = entry;
    if (event.type === 'annulled') continue; // nothing but its revision
    if (event.type === 'account-opened') {
      if (change.opened !== undefined) throw new UnappliableEvent(recorded, 'the account is opened again');
      change.opened = { by: entry, event };
    }
    change.status = statusAfter(event) ?? change.status;
    if (change.lastOccurredAt === null || occurredAt > change.lastOccurredAt) change.lastOccurredAt = occurredAt;
  }
  return changes;
}

/**
 * Applies the batch to the accounts.
 * @throws UnappliableEvent where an event's revision does not follow on the account's last one, or its account was never opened.
 */
export async function applyAccounts(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const changes = [...changesOf(batch)];
  await insertOpened(tx, changes);
  await updateKnown(
    tx,
    changes.filter(([, { opened }]) => opened === undefined),
  );
}

async function insertOpened(tx: Transaction<LedgerTables>, changes: readonly (readonly [AccountId, AccountChange])[]): Promise<void> {
  const rows = changes.flatMap(([accountId, { last, opened, status, lastOccurredAt }]) =>
    opened === undefined
      ? []
      : [
          {
            account_id: accountId,
            revision: last.recorded.revision,
            position: last.recorded.position,
            opened_position: opened.by.recorded.position,
            opened_at: opened.by.recordedAt,
            last_occurred_at: lastOccurredAt ?? opened.by.occurredAt,
            status: status ?? 'open',
            owner_id: storable(opened.event.ownerId),
            external_id: storable(opened.event.externalId),
            label: storable(opened.event.label),
          } as const,
        ],
  );
  if (rows.length === 0) return;
  const column = <Name extends keyof (typeof rows)[number]>(name: Name) => rows.map((row) => row[name]);
  await sql`
    INSERT INTO accounts (account_id, revision, position, opened_position, opened_at, last_occurred_at, status, owner_id, external_id, label)
    SELECT * FROM unnest(${column('account_id')}::uuid[], ${column('revision')}::bigint[], ${column('position')}::bigint[],
      ${column('opened_position')}::bigint[], ${column('opened_at')}::timestamptz[], ${column('last_occurred_at')}::timestamptz[],
      ${column('status')}::text[], ${column('owner_id')}::text[], ${column('external_id')}::text[], ${column('label')}::text[])
  `.execute(tx);
}

async function updateKnown(tx: Transaction<LedgerTables>, changes: readonly (readonly [AccountId, AccountChange])[]): Promise<void> {
  if (changes.length === 0) return;
  const ids = changes.map(([accountId]) => accountId);
  const of = <T>(pick: (change: AccountChange) => T): T[] => changes.map(([, change]) => pick(change));
  const { rows } = await sql<{ account_id: AccountId }>`
    UPDATE accounts AS a
    SET revision = c.revision, position = c.position, status = coalesce(c.status, a.status),
      last_occurred_at = greatest(a.last_occurred_at, c.last_occurred_at)
    FROM unnest(${ids}::uuid[], ${of(({ first }) => (first.event.type === 'annulled' ? null : first.recorded.revision - 1n))}::bigint[], ${of(({ last }) => last.recorded.revision)}::bigint[],
      ${of(({ last }) => last.recorded.position)}::bigint[], ${of(({ status }) => status)}::text[],
      ${of(({ lastOccurredAt }) => lastOccurredAt)}::timestamptz[])
      AS c(account_id, revision_before, revision, position, status, last_occurred_at)
    WHERE a.account_id = c.account_id AND a.revision = coalesce(c.revision_before, a.revision)
    RETURNING a.account_id
  `.execute(tx);
  if (rows.length === changes.length) return;
  const updated = new Set(rows.map(({ account_id }) => account_id));
  const missed = changes.filter(([accountId]) => !updated.has(accountId));
  const { rows: known } = await sql<{ account_id: AccountId; revision: bigint }>`
    SELECT account_id, revision FROM accounts WHERE account_id = ANY(${missed.map(([accountId]) => accountId)}::uuid[])
  `.execute(tx);
  const revisions = new Map(known.map(({ account_id, revision }) => [account_id, revision]));
  for (const [accountId, { first, lastOccurredAt }] of missed) {
    const revision = revisions.get(accountId);
    // Before an account is opened there may be annulled events in its stream, and those leave no trace.
    if (revision === undefined && lastOccurredAt === null) continue;
    throw new UnappliableEvent(
      first.recorded,
      revision === undefined ? 'the account was never opened' : `it follows on revision ${revision} of its stream`,
    );
  }
}

/** Postgres writes times into JSON in its session's zone; here as events have them. */
const expiresAtText = sql`to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** The states of those accounts that the projection knows, in one statement and so of one moment. */
export async function loadAccounts(db: LedgerDb, accountIds: readonly AccountId[]): Promise<Map<AccountId, AccountRow>> {
  const { rows } = await sql<{
    account_id: AccountId;
    revision: bigint;
    position: bigint;
    status: AccountStatus;
    owner_id: string | null;
    last_occurred_at: string;
    balances: AccountRow['balances'] | null;
    limits: AccountRow['limits'] | null;
    spending: AccountRow['spending'] | null;
    holds: AccountRow['holds'] | null;
    orders: AccountRow['orders'] | null;
    transfers: AccountRow['transfers'] | null;
  }>`
    SELECT a.account_id, a.revision, a.position, a.status, a.owner_id, a.last_occurred_at,
      (SELECT json_agg(json_build_object('asset', asset, 'available', available::text, 'held', held::text) ORDER BY asset)
        FROM balances b WHERE b.account_id = a.account_id) AS balances,
      (SELECT json_agg(json_strip_nulls(json_build_object('asset', asset, 'perWithdrawal', per_withdrawal::text, 'perDay', per_day::text)) ORDER BY asset)
        FROM limits l WHERE l.account_id = a.account_id) AS limits,
      (SELECT json_agg(json_build_object('asset', asset, 'day', day::text, 'amount', amount::text) ORDER BY asset)
        FROM spending s WHERE s.account_id = a.account_id) AS spending,
      (SELECT json_agg(json_strip_nulls(json_build_object('holdId', hold_id, 'asset', asset, 'amount', remaining::text, 'placedBy', placed_by,
          'expiresAt', ${expiresAtText})) ORDER BY placed_position)
        FROM holds h WHERE h.account_id = a.account_id AND h.status = 'open') AS holds,
      (SELECT json_agg(json_strip_nulls(json_build_object('orderId', order_id, 'orderType', order_type, 'tokenIn', token_in, 'tokenOut', token_out,
          'amountIn', amount_in::text, 'filledIn', filled_in::text, 'filledOut', filled_out::text, 'targetPrice', target_price::text,
          'expiresAt', ${expiresAtText})) ORDER BY placed_position)
        FROM orders o WHERE o.account_id = a.account_id AND o.status = 'pending') AS orders,
      (SELECT json_agg(json_strip_nulls(json_build_object('transferId', transfer_id, 'to', to_account, 'asset', asset, 'amount', amount::text,
          'reverses', reverses)) ORDER BY sent_position)
        FROM transfers t WHERE t.from_account = a.account_id AND t.state = 'pending') AS transfers
    FROM accounts a WHERE a.account_id = ANY(${[...accountIds]}::uuid[])
  `.execute(db);
  return new Map(
    rows.map((row) => [
      row.account_id,
      {
        accountId: row.account_id,
        revision: row.revision,
        position: row.position,
        status: row.status,
        ...(row.owner_id !== null && { ownerId: row.owner_id }),
        lastOccurredAt: row.last_occurred_at,
        balances: row.balances ?? [],
        limits: row.limits ?? [],
        spending: row.spending ?? [],
        holds: row.holds ?? [],
        orders: row.orders ?? [],
        transfers: row.transfers ?? [],
      },
    ]),
  );
}
