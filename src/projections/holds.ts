// The table of holds, open and closed: each row is the fold of its hold's life.
import { Map as PersistentMap } from 'immutable';
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import { addDecimals, formatMinor, parseDecimal, zeroLike } from '../domain/amounts.ts';
import type { HoldCaptured, HoldExpired, HoldPlaced, HoldReleased, LedgerEvent, Side } from '../domain/events.ts';
import type { AccountId, AssetCode, HoldId } from '../domain/ids.ts';
import { InvariantViolated } from '../domain/invariant.ts';
import type { HoldStatus } from '../domain/lifecycles.ts';
import { HOLD_TRANSITIONS, nextStatus, restOf } from '../domain/lifecycles.ts';
import { evolveHolds, holdFrom } from '../domain/open-holds.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { HoldsTable, LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import { storable } from './batch.ts';
import { folded } from './errors.ts';
import type { Page, PageRequest } from './page.ts';
import { POSITION, paginate } from './page.ts';

type HoldEvent = HoldPlaced | HoldCaptured | HoldReleased | HoldExpired;

/** An event of a hold's life, in its place. */
interface HoldStep {
  readonly entry: BatchEvent;
  readonly accountId: AccountId;
  readonly event: HoldEvent;
}

const isHoldEvent = (event: LedgerEvent): event is HoldEvent =>
  event.type === 'hold-placed' || event.type === 'hold-captured' || event.type === 'hold-released' || event.type === 'hold-expired';

const stepsIn = (batch: readonly BatchEvent[]): readonly HoldStep[] =>
  batch.flatMap((entry) => {
    const { subject } = entry.recorded;
    return subject.kind === 'account' && isHoldEvent(entry.event) ? [{ entry, accountId: subject.accountId, event: entry.event }] : [];
  });

/**
 * Applies the batch to the holds.
 * @throws UnappliableEvent where an event concerns a hold that is not there, not open or not the account's, or takes what it does not hold.
 */
export async function applyHolds(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const steps = stepsIn(batch);
  if (steps.length === 0) return;
  const ids = [...new Set(steps.map(({ event }) => event.holdId))];
  const known = await tx.selectFrom('holds').selectAll().where('hold_id', '=', sql<HoldId>`ANY(${ids}::uuid[])`).execute();
  const holds = new Map(known.map((row) => [row.hold_id, row]));
  for (const step of steps) {
    const { holdId } = step.event;
    holds.set(
      holdId,
      folded(step.entry.recorded, () => holdAfter(holds.get(holdId), step)),
    );
  }
  await writeHolds(tx, [...holds.values()]);
}

/** The row after an event. @throws InvariantViolated where it cannot follow. */
function holdAfter(before: HoldsTable | undefined, { entry, accountId, event }: HoldStep): HoldsTable {
  const status = nextStatus(HOLD_TRANSITIONS, before?.status ?? 'none', event.type, restAfter(event));
  if (event.type === 'hold-placed') return placedHold(event, accountId, entry);
  if (before?.account_id !== accountId) throw new InvariantViolated(`hold ${event.holdId} is another account's`);
  const open = evolveHolds(PersistentMap([[before.hold_id, openHold(before)]]), event).get(before.hold_id);
  return {
    ...before,
    status,
    remaining: open === undefined ? zeroLike(before.amount) : formatMinor(open.remaining.minor, open.remaining.scale),
    captured: event.type === 'hold-captured' ? sumOf(before.captured, event.amount) : before.captured,
    closed_at: open === undefined ? entry.recordedAt : null,
    position: entry.recorded.position,
  };
}

/** What an event says is left; `evolveHolds` sees whether it is. */
const restAfter = (event: HoldEvent) => (event.type === 'hold-captured' ? restOf(parseDecimal(event.remaining).minor) : undefined);

function placedHold(event: HoldPlaced, accountId: AccountId, { recorded: { position }, recordedAt }: BatchEvent): HoldsTable {
  const { holdId, asset, amount, placedBy, reference, expiresAt = null } = event;
  return {
    hold_id: holdId,
    account_id: accountId,
    asset,
    amount,
    remaining: amount,
    captured: zeroLike(amount),
    status: 'open',
    placed_by: placedBy,
    reference: storable(reference),
    expires_at: expiresAt,
    placed_at: recordedAt,
    closed_at: null,
    placed_position: position,
    position,
  };
}

/** The hold of an open row as the domain has it. */
const openHold = ({ hold_id, asset, remaining, placed_by }: HoldsTable) =>
  holdFrom({ holdId: hold_id, asset, amount: remaining, placedBy: placed_by });

function sumOf(one: string, other: string): string {
  const { minor, scale } = addDecimals(parseDecimal(one), parseDecimal(other));
  return formatMinor(minor, scale);
}

/** Writes the rows; of one that is there, what its life changes. */
async function writeHolds(tx: Transaction<LedgerTables>, holds: readonly HoldsTable[]): Promise<void> {
  const column = <Name extends keyof HoldsTable>(name: Name): HoldsTable[Name][] => holds.map((hold) => hold[name]);
  await sql`
    INSERT INTO holds (hold_id, account_id, asset, amount, remaining, captured, status, placed_by, reference, expires_at, placed_at,
      closed_at, placed_position, position)
    SELECT * FROM unnest(${column('hold_id')}::uuid[], ${column('account_id')}::uuid[], ${column('asset')}::text[], ${column('amount')}::numeric[],
      ${column('remaining')}::numeric[], ${column('captured')}::numeric[], ${column('status')}::text[], ${column('placed_by')}::text[],
      ${column('reference')}::text[], ${column('expires_at')}::timestamptz[], ${column('placed_at')}::timestamptz[],
      ${column('closed_at')}::timestamptz[], ${column('placed_position')}::bigint[], ${column('position')}::bigint[])
    ON CONFLICT ON CONSTRAINT holds_pkey DO UPDATE SET remaining = excluded.remaining, captured = excluded.captured,
      status = excluded.status, closed_at = excluded.closed_at, position = excluded.position
  `.execute(tx);
}

/** A hold as lists and its own page show it. Amounts are decimal strings at the asset's scale. */
export interface HoldSummary {
  readonly holdId: HoldId;
  readonly accountId: AccountId;
  /** The account's owner. */
  readonly ownerId?: string;
  readonly asset: AssetCode;
  readonly amount: string;
  /** Still held; nothing once the hold is closed. */
  readonly remaining: string;
  readonly captured: string;
  readonly status: HoldStatus;
  readonly placedBy: Side;
  readonly reference?: string;
  readonly expiresAt?: string;
  readonly placedAt: string;
  readonly closedAt?: string;
  readonly placedPosition: bigint;
}

const KEY = [POSITION];

const summaries = (db: LedgerDb) =>
  db
    .selectFrom('holds')
    .innerJoin('accounts', 'accounts.account_id', 'holds.account_id')
    .select(['hold_id', 'holds.account_id', 'owner_id', 'asset', 'amount', 'remaining', 'captured', 'holds.status', 'placed_by'])
    .select(['reference', 'expires_at', 'placed_at', 'closed_at', 'placed_position']);
type SummaryRow = Awaited<ReturnType<ReturnType<typeof summaries>['executeTakeFirstOrThrow']>>;

const toSummary = (row: SummaryRow): HoldSummary => ({
  holdId: row.hold_id,
  accountId: row.account_id,
  ...(row.owner_id !== null && { ownerId: row.owner_id }),
  asset: row.asset,
  amount: row.amount,
  remaining: row.remaining,
  captured: row.captured,
  status: row.status,
  placedBy: row.placed_by,
  ...(row.reference !== null && { reference: row.reference }),
  ...(row.expires_at !== null && { expiresAt: row.expires_at }),
  placedAt: row.placed_at,
  ...(row.closed_at !== null && { closedAt: row.closed_at }),
  placedPosition: row.placed_position,
});

/** The hold; undefined where the projection knows none. */
export async function findHold(db: LedgerDb, holdId: HoldId): Promise<HoldSummary | undefined> {
  const row = await summaries(db).where('hold_id', '=', holdId).executeTakeFirst();
  return row && toSummary(row);
}

export interface HoldFilter {
  readonly accountId: AccountId;
  readonly status?: HoldStatus | undefined;
}

/** A page of an account's holds, newest first. @throws InvalidCursor */
export function listHolds(db: LedgerDb, { accountId, status }: HoldFilter, request: PageRequest): Promise<Page<HoldSummary>> {
  const keyOf = ({ placedPosition }: HoldSummary): string[] => [`${placedPosition}`];
  return paginate(request, KEY, keyOf, async ({ walk, beyond: [position] = [], limit }) => {
    const isAscending = walk === 'backwards';
    let query = summaries(db)
      .where('holds.account_id', '=', accountId)
      .orderBy('placed_position', isAscending ? 'asc' : 'desc')
      .limit(limit);
    // Written into the statement: a plan made for any status could not use the index of the open ones.
    if (status !== undefined) query = query.where('holds.status', '=', sql.lit(status));
    if (position !== undefined) query = query.where('placed_position', isAscending ? '>' : '<', BigInt(position));
    return (await query.execute()).map(toSummary);
  });
}
