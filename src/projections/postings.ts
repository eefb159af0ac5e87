// The journal: one row an event, account and asset, with the balance after it.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { EventType, LedgerEvent } from '../domain/events.ts';
import type { AccountId, AssetCode, CommandId } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { TimeAxis } from './balances.ts';
import { carryCustomerBalances, carrySystemBalances } from './balances.ts';
import type { BatchEvent, JournalLine } from './batch.ts';
import { storable } from './batch.ts';
import type { Page, PageRequest } from './page.ts';
import { POSITION, paginate, TIME } from './page.ts';

interface NewPosting {
  readonly entry: BatchEvent;
  readonly line: number;
  readonly posting: JournalLine;
}

interface SaidOfPayment {
  readonly reference?: string | undefined;
  readonly externalId?: string | undefined;
  readonly metadata?: unknown;
}

/** What the client said of the payment that the event books. */
function saidOfPayment(event: LedgerEvent): SaidOfPayment {
  if (event.type === 'deposited' || event.type === 'withdrawn' || event.type === 'transfer-sent') return event;
  return event.type === 'transfer-received' || event.type === 'hold-placed' ? { reference: event.reference } : {};
}

/** What only customers' rows say about their event. */
function detailsOf({ entry: { event, recorded, occurredAt, effectiveAt }, posting: { accountId } }: NewPosting) {
  if (accountId === null)
    return { occurredAt: null, effectiveAt: null, commandId: null, reference: null, externalId: null, metadata: null };
  const { commandId } = recorded.metadata;
  const { reference, externalId, metadata } = saidOfPayment(event);
  return {
    occurredAt,
    effectiveAt: effectiveAt ?? null,
    commandId,
    reference: storable(reference),
    externalId: storable(externalId),
    metadata: metadata === undefined ? null : JSON.stringify(metadata),
  };
}

/**
 * Adds the batch's postings with their running balances, which continue those of the balance tables, and carries the last ones
 * over to these, all in one statement. The constraint on the running balances is what keeps every customer's balance from
 * being negative, at every event.
 */
export async function applyPostings(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const postings = batch.flatMap((entry) => entry.lines.map((posting, line): NewPosting => ({ entry, line, posting })));
  if (postings.length === 0) return;
  const of = <T>(pick: (posting: NewPosting) => T): T[] => postings.map(pick);
  const details = of(detailsOf);
  await sql`
    WITH journal AS (
    INSERT INTO postings (position, line, account_id, system_account, asset, available, held, available_after, held_after,
      event_id, event_type, recorded_at, occurred_at, effective_at, command_id, reference, external_id, metadata)
    SELECT p.position, p.line, p.account_id, p.system_account, p.asset, p.available, p.held,
      coalesce(b.available, s.balance, 0) + sum(p.available) OVER running, coalesce(b.held, 0) + sum(p.held) OVER running,
      p.event_id, p.event_type, p.recorded_at, p.occurred_at, p.effective_at, p.command_id, p.reference, p.external_id, p.metadata
    FROM unnest(${of(({ entry }) => entry.recorded.position)}::bigint[], ${of(({ line }) => line)}::integer[],
      ${of(({ posting }) => posting.accountId)}::uuid[], ${of(({ posting }) => posting.systemAccount)}::text[],
      ${of(({ posting }) => posting.asset)}::text[], ${of(({ posting }) => posting.available)}::numeric[], ${of(({ posting }) => posting.held)}::numeric[],
      ${of(({ entry }) => entry.recorded.eventId)}::uuid[], ${of(({ entry }) => entry.event.type)}::text[], ${of(({ entry }) => entry.recordedAt)}::timestamptz[],
      ${details.map(({ occurredAt }) => occurredAt)}::timestamptz[], ${details.map(({ effectiveAt }) => effectiveAt)}::timestamptz[],
      ${details.map(({ commandId }) => commandId)}::uuid[], ${details.map(({ reference }) => reference)}::text[],
      ${details.map(({ externalId }) => externalId)}::text[], ${details.map(({ metadata }) => metadata)}::json[])
      AS p(position, line, account_id, system_account, asset, available, held, event_id, event_type, recorded_at,
        occurred_at, effective_at, command_id, reference, external_id, metadata)
      LEFT JOIN balances b ON b.account_id = p.account_id AND b.asset = p.asset
      LEFT JOIN system_balances s ON s.system_account = p.system_account AND s.asset = p.asset
    WINDOW running AS (PARTITION BY p.account_id, p.system_account, p.asset ORDER BY p.position, p.line)
    RETURNING position, line, account_id, system_account, asset, available_after, held_after
    ), customers AS (${carryCustomerBalances})
    ${carrySystemBalances}
  `.execute(tx);
}

/** An entry of an account's journal. Amounts are decimal strings at the asset's scale; the change is signed. */
export interface Entry {
  /** The id of the event, which is the entry's id. */
  readonly entryId: string;
  readonly position: bigint;
  readonly line: number;
  readonly type: EventType;
  readonly asset: AssetCode;
  readonly available: string;
  readonly held: string;
  readonly availableAfter: string;
  readonly heldAfter: string;
  readonly recordedAt: string;
  readonly occurredAt: string;
  readonly effectiveAt?: string;
  readonly commandId: CommandId;
  readonly reference?: string;
  readonly externalId?: string;
  readonly metadata?: unknown;
}

export interface EntryFilter {
  readonly accountId: AccountId;
  readonly asset?: AssetCode | undefined;
  /** At or after, and before, by the time that `by` says; RFC 3339. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The time that orders and bounds the list. By effective time, an entry that is not backdated stands at its recorded time. Default: system. */
  readonly by?: TimeAxis | undefined;
  readonly type?: EventType | undefined;
  readonly reference?: string | undefined;
  /** Default: newest first. */
  readonly order?: 'newest-first' | 'oldest-first' | undefined;
}

const LINE = /^[0-9]{1,9}$/;
/** The key of an entry. By system time, the time stands first for the index only: the order is that of (position, line). */
const KEYS = { system: [TIME, POSITION, LINE], effective: [/^effective$/, TIME, POSITION, LINE] } as const;
const COLUMNS = [
  'event_id',
  'position',
  'line',
  'event_type',
  'asset',
  'available',
  'held',
  'available_after',
  'held_after',
  'recorded_at',
  'occurred_at',
  'effective_at',
  'command_id',
  'reference',
  'external_id',
  'metadata',
] as const;

/** A page of an account's journal. @throws InvalidCursor */
export function listEntries(db: LedgerDb, filter: EntryFilter, request: PageRequest): Promise<Page<Entry>> {
  const { order = 'newest-first', by = 'system' } = filter;
  const keyOf = ({ recordedAt, effectiveAt = recordedAt, position, line }: Entry): string[] =>
    by === 'system' ? [recordedAt, `${position}`, `${line}`] : ['effective', effectiveAt, `${position}`, `${line}`];
  return paginate(request, KEYS[by], keyOf, async ({ walk, beyond, limit }) => {
    const direction = (order === 'oldest-first') === (walk === 'forwards') ? 'asc' : 'desc';
    const slice: EntrySlice = { direction, beyond: by === 'system' ? beyond : beyond?.slice(1), limit };
    const entries = by === 'system' ? entriesBy(db, 'recorded_at', filter, slice) : entriesByEffectiveTime(db, filter, slice);
    return (await entries.execute()).flatMap((row) => toEntry(row));
  });
}

interface EntrySlice {
  readonly direction: 'asc' | 'desc';
  /** The time, position and line of the entry at the edge. */
  readonly beyond: readonly string[] | undefined;
  readonly limit: number;
}

/** The entries in the order of one column. */
function entriesBy(db: LedgerDb, time: 'recorded_at' | 'effective_at', filter: EntryFilter, { direction, beyond, limit }: EntrySlice) {
  const { accountId, asset, from, to, type, reference } = filter;
  let query = db
    .selectFrom('postings')
    .select(COLUMNS)
    .where('account_id', '=', accountId)
    .orderBy(time, direction)
    .orderBy('position', direction)
    .orderBy('line', direction)
    .limit(limit);
  if (asset !== undefined) query = query.where('asset', '=', asset);
  if (from !== undefined) query = query.where(time, '>=', from);
  if (to !== undefined) query = query.where(time, '<', to);
  if (type !== undefined) query = query.where('event_type', '=', type);
  if (reference !== undefined) query = query.where('reference', '=', storable(reference));
  if (beyond !== undefined) {
    const [at = '', position = '', line = ''] = beyond;
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple(time, 'position', 'line'), direction === 'asc' ? '>' : '<', tuple(at, BigInt(position), Number(line))),
    );
  }
  return query;
}

/** Two ordered walks merged, each up to a page: the backdated entries, which have an index of their own, and the others. */
function entriesByEffectiveTime(db: LedgerDb, filter: EntryFilter, slice: EntrySlice) {
  const { direction, limit } = slice;
  const others = entriesBy(db, 'recorded_at', filter, slice).where('effective_at', 'is', null);
  const backdated = entriesBy(db, 'effective_at', filter, slice).where('effective_at', 'is not', null);
  return db
    .selectFrom(sql<PostingRow>`((${others}) UNION ALL (${backdated}))`.as('entries'))
    .select(COLUMNS)
    .orderBy(sql`coalesce(effective_at, recorded_at)`, direction)
    .orderBy('position', direction)
    .orderBy('line', direction)
    .limit(limit);
}

type PostingRow = Pick<LedgerTables['postings'], (typeof COLUMNS)[number]>;

function toEntry(row: PostingRow): readonly Entry[] {
  // Customers' rows have both; the type of the table, which system accounts share, does not say so.
  if (row.occurred_at === null || row.command_id === null) return [];
  return [
    {
      entryId: row.event_id,
      position: row.position,
      line: row.line,
      type: row.event_type,
      asset: row.asset,
      available: row.available,
      held: row.held,
      availableAfter: row.available_after,
      heldAfter: row.held_after,
      recordedAt: row.recorded_at,
      occurredAt: row.occurred_at,
      commandId: row.command_id,
      ...(row.effective_at !== null && { effectiveAt: row.effective_at }),
      ...(row.reference !== null && { reference: row.reference }),
      ...(row.external_id !== null && { externalId: row.external_id }),
      ...(row.metadata !== null && { metadata: row.metadata }),
    },
  ];
}
