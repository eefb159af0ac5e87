// What the journal is asked for: an account's entries, by either time. How it is written stands in journal.ts.
import { sql } from 'kysely';
import type { EventType } from '../domain/events.ts';
import type { AccountId, AssetCode, CommandId } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { TimeAxis } from './balances.ts';
import { storable } from './batch.ts';
import type { Page, PageRequest } from './page.ts';
import { POSITION, paginate, TIME } from './page.ts';

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
