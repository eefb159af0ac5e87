// The checkpoint row: how far the projections are, and the lease of whoever may move them. It is a row and not a session lock,
// so that a projector that was paused or cut off can do no harm, and connection poolers are fine.
import type { Selectable, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { EventPlace } from '../eventstore/errors.ts';
import { isRunOut, leaseEnd } from '../postgres/leases.ts';
import { hasTable } from '../postgres/migrate.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { CheckpointTable, LedgerTables } from '../postgres/tables.ts';
import { LeaseLost } from './errors.ts';

/** The event on which the projector has stopped, and why. */
export interface Halt extends EventPlace {
  readonly reason: string;
}
export interface Checkpoint {
  /** Of the last event applied; -1n before the first. */
  readonly position: bigint;
  readonly eventId: string | undefined;
  /** How many events were applied so far. */
  readonly events: bigint;
  /** The recorded time of the last event; null before the first. */
  readonly recordedAt: string | null;
  readonly halt: Halt | undefined;
}

function toCheckpoint(row: Selectable<CheckpointTable>): Checkpoint {
  const {
    halted_stream: stream,
    halted_revision: revision,
    halted_position: position,
    halted_event_id: eventId,
    halted_reason: reason,
  } = row;
  const isHalted = stream !== null && revision !== null && position !== null && eventId !== null && reason !== null;
  return {
    position: row.position ?? -1n,
    eventId: row.event_id ?? undefined,
    events: row.events,
    recordedAt: row.recorded_at,
    halt: isHalted ? { stream, revision, position, eventId, reason } : undefined,
  };
}

/** The checkpoint as committed last. */
export async function readCheckpoint(db: LedgerDb): Promise<Checkpoint> {
  return toCheckpoint(await db.selectFrom('checkpoint').selectAll().executeTakeFirstOrThrow());
}

/** Whether anything was ever applied. The tables need not be up to date, nor be there. */
export async function isProjected(db: LedgerDb): Promise<boolean> {
  if (!(await hasTable(db, 'checkpoint'))) return false;
  return (await db.selectFrom('checkpoint').select('event_id').where('event_id', 'is not', null).execute()).length > 0;
}

/**
 * Takes the lease if nobody has it or it has run out by Postgres' clock, and gives back where the work is to be taken up;
 * undefined while somebody else has it.
 */
export async function takeLease(db: LedgerDb, owner: string, leaseMs: number): Promise<Checkpoint | undefined> {
  const row = await db
    .updateTable('checkpoint')
    .set({ owner, lease_until: leaseEnd(leaseMs) })
    .where(({ or, eb }) => or([eb('owner', 'is', null), eb('owner', '=', owner), isRunOut('lease_until')]))
    .returningAll()
    .executeTakeFirst();
  return row && toCheckpoint(row);
}

/** Makes the lease last another `leaseMs`. @returns the checkpoint's position (-1n before the first event); undefined: the lease is somebody else's now. */
export async function renewLease(db: LedgerDb, owner: string, leaseMs: number): Promise<bigint | undefined> {
  const row = await db
    .updateTable('checkpoint')
    .set({ lease_until: leaseEnd(leaseMs) })
    .where('owner', '=', owner)
    .returning('position')
    .executeTakeFirst();
  return row && (row.position ?? -1n);
}

/** Gives the lease up, so that a standby takes over at once. Nothing happens where it is somebody else's. */
export async function releaseLease(db: LedgerDb, owner: string): Promise<void> {
  await db.updateTable('checkpoint').set({ owner: null, lease_until: null }).where('owner', '=', owner).execute();
}

/**
 * Locks the checkpoint for this transaction and checks that it is still ours; the first statement of every batch. From here on
 * Postgres ends the transaction by itself when nothing is heard of it for `leaseMs`: a projector stopped in the middle of it
 * would otherwise keep the row, and every standby, waiting for ever.
 * @throws LeaseLost where the lease is somebody else's.
 */
export async function lockCheckpoint(tx: Transaction<LedgerTables>, owner: string, leaseMs: number): Promise<Checkpoint> {
  const { rows } = await sql<Selectable<CheckpointTable>>`
    SELECT checkpoint.*, set_config('idle_in_transaction_session_timeout', ${`${leaseMs}ms`}, true)
    FROM checkpoint FOR UPDATE
  `.execute(tx);
  const [row] = rows;
  if (row === undefined || row.owner !== owner) throw new LeaseLost();
  return toCheckpoint(row);
}

/** The channel on which a schema's checkpoint is announced; the payload is the position. */
export const announcementChannel = (schema: string): string => `ledger_checkpoint_${schema}`.slice(0, 63);

export interface Advance {
  readonly position: bigint;
  readonly eventId: string;
  readonly recordedAt: string;
  /** How many events were applied in this transaction. */
  readonly events: number;
}

/** Moves the checkpoint, renews the lease, and announces the position when the transaction commits. To be called with the row locked. */
export async function moveCheckpoint(tx: Transaction<LedgerTables>, to: Advance, leaseMs: number): Promise<void> {
  await sql`
    WITH moved AS (
      UPDATE checkpoint SET position = ${to.position}, event_id = ${to.eventId}, recorded_at = ${to.recordedAt}, events = events + ${to.events},
        lease_until = ${leaseEnd(leaseMs)},
        halted_stream = NULL, halted_revision = NULL, halted_position = NULL, halted_event_id = NULL, halted_reason = NULL
      RETURNING position
    )
    SELECT pg_notify(left('ledger_checkpoint_' || current_schema(), 63), position::text) FROM moved
  `.execute(tx);
}

/** Writes down on which event the projector has stopped. @throws LeaseLost */
export async function recordHalt(db: LedgerDb, owner: string, halt: Halt): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('checkpoint')
    .set({
      halted_stream: halt.stream,
      halted_revision: halt.revision,
      halted_position: halt.position,
      halted_event_id: halt.eventId,
      halted_reason: halt.reason.replaceAll('\0', '\uFFFD'),
    })
    .where('owner', '=', owner)
    .executeTakeFirst();
  if (numUpdatedRows !== 1n) throw new LeaseLost();
}
