// Leases: work that one process at a time does, and how far through the log it is. A row each and not a session lock, so that
// an owner that was paused or cut off can do no harm, and connection poolers are fine. Time is Postgres' clock.
import { sql } from 'kysely';
import type { LedgerDb } from './pool.ts';

/** The work that is leased. */
export type LeaseName = 'transfer-manager' | 'scheduler' | 'event-publisher' | 'chain-signer';

export interface LeasesTable {
  name: LeaseName;
  /** Both null while nobody has it. */
  owner: string | null;
  lease_until: string | null;
  /** Both null before the first event. */
  position: bigint | null;
  event_id: string | null;
}

/** An event's place in the log, and its id: who comes back there can tell whether it is the same log. */
export interface LogPlace {
  readonly position: bigint;
  readonly eventId: string;
}

/** What whoever takes a lease finds. */
export interface TakenLease {
  /** The last event that needs no second look; undefined before the first. */
  readonly checkpoint: LogPlace | undefined;
}

export interface Lease {
  /** Takes it if nobody has it or it has run out; undefined while somebody else has it. */
  take(): Promise<TakenLease | undefined>;
  /** Makes it last anew. False: it is somebody else's now. */
  renew(): Promise<boolean>;
  /** Writes down how far the work is, as its owner only. False: the lease is somebody else's now, and nothing was written. */
  save(checkpoint: LogPlace): Promise<boolean>;
  /** Gives it up, so that a standby takes over at once. Nothing happens where it is somebody else's. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly name: LeaseName;
  /** Unique for every start of a process. */
  readonly owner: string;
  /** How long after its last sign of life somebody else may take it, in ms; at most `LONGEST_LEASE_S`. */
  readonly leaseMs: number;
}

/** The longest that a lease can be set to. */
export const LONGEST_LEASE_S = 300;

/** The end of a lease that begins now. */
export const leaseEnd = (leaseMs: number) => sql<string>`clock_timestamp() + ${leaseMs} * interval '1 millisecond'`;

/**
 * Whether a lease can be taken over. Not only past its end: one that ends later than any lease that begins now was given by a clock that
 * has been set back since, and whoever had it may have ended in between.
 */
export const isRunOut = (column: 'lease_until' | 'leases.lease_until') =>
  sql<boolean>`${sql.ref(column)} NOT BETWEEN clock_timestamp() AND ${leaseEnd(LONGEST_LEASE_S * 1_000)}`;

/** The lease of that name, for one who would own it. Every function throws the database's error where Postgres is away. */
export function makeLease(ledgerDb: LedgerDb, { name, owner, leaseMs }: LeaseOptions): Lease {
  const db = ledgerDb.withTables<{ leases: LeasesTable }>();
  const end = leaseEnd(leaseMs);
  const ours = () => db.updateTable('leases').where('name', '=', name).where('owner', '=', owner);

  return {
    async take() {
      const row = await db
        .insertInto('leases')
        .values({ name, owner, lease_until: end })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({ owner, lease_until: end })
            .where(({ or, eb }) => or([eb('leases.owner', 'is', null), eb('leases.owner', '=', owner), isRunOut('leases.lease_until')])),
        )
        .returning(['position', 'event_id'])
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const { position, event_id: eventId } = row;
      return { checkpoint: position === null || eventId === null ? undefined : { position, eventId } };
    },
    async renew() {
      return (await ours().set({ lease_until: end }).returning('name').executeTakeFirst()) !== undefined;
    },
    async save({ position, eventId }) {
      return (await ours().set({ position, event_id: eventId }).returning('name').executeTakeFirst()) !== undefined;
    },
    async release() {
      await ours().set({ owner: null, lease_until: null }).execute();
    },
  };
}

/** How far each work is in the log, of those that have begun. */
export async function leasePlaces(ledgerDb: LedgerDb): Promise<readonly { readonly name: LeaseName; readonly checkpoint: LogPlace }[]> {
  const rows = await ledgerDb.withTables<{ leases: LeasesTable }>().selectFrom('leases').selectAll().orderBy('name').execute();
  return rows.flatMap(({ name, position, event_id: eventId }) =>
    position === null || eventId === null ? [] : [{ name, checkpoint: { position, eventId } }],
  );
}

/** Sets back how far a work is, whoever has its lease; undefined: to the log's beginning. For when the log is not the one it followed. */
export async function setBackLease(ledgerDb: LedgerDb, name: LeaseName, to: LogPlace | undefined): Promise<void> {
  await ledgerDb
    .withTables<{ leases: LeasesTable }>()
    .updateTable('leases')
    .set({ position: to?.position ?? null, event_id: to?.eventId ?? null })
    .where('name', '=', name)
    .execute();
}
