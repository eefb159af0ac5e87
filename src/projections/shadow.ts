// A shadow: the projections' tables once more, being built from the log beside the live ones. One process at a time builds; what
// is committed is never done again, whatever kills it.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { RecordedEvent } from '../domain/events.ts';
import type { Database, LedgerDb } from '../postgres/pool.ts';
import type { Session } from '../postgres/session.ts';
import { openSession } from '../postgres/session.ts';
import { workOut } from './batch.ts';
import type { Checkpoint } from './checkpoint.ts';
import { moveCheckpoint, readCheckpoint } from './checkpoint.ts';
import { isCausedByData, UnappliableEvent } from './errors.ts';
import type { NewShadow, ShadowOnlyTables } from './shadow-tables.ts';
import { dropSchema, finishShadowTables, makeShadowTables, replacedSchemaOf, shadowSchemaOf } from './shadow-tables.ts';
import { copyingWriter } from './table-writer.ts';
import { applyToTables } from './tables.ts';

/** How far the log was read, whatever of it concerned the tables. */
export interface ReadSoFar {
  /** Undefined before the first record. */
  readonly position: bigint | undefined;
  /** The chain up to there; see audit/chain.ts. */
  readonly chain: { readonly events: bigint; readonly hash: string };
  /** Whether nothing that was read contradicts what was signed. What does is not gone on with by a later run, which reads it all again. */
  readonly isBorneOut: boolean;
}

export interface Shadow extends AsyncDisposable {
  readonly schema: string;
  readonly live: string;
  /** What earlier runs have left; moves with `apply`. */
  checkpoint(): Checkpoint;
  readSoFar(): ReadSoFar;
  /**
   * Applies the events, in log order, and remembers how far the log was read with them; both or nothing.
   * @throws UnappliableEvent for the first event that cannot be applied, after all before it were.
   */
  apply(events: readonly RecordedEvent[], read: ReadSoFar): Promise<void>;
  /**
   * Makes what the tables lack yet. @throws NotUnique where two events say what only one may: a careful rebuild finds the second.
   */
  finish(onStep: (done: number, of: number) => void): Promise<void>;
  /** Throws everything away and begins anew. */
  restart(options: { readonly isCareful: boolean }): Promise<void>;
  /** Drops it for good. */
  drop(): Promise<void>;
}

/** Another process is rebuilding the same tables. */
export class RebuildUnderWay extends Error {
  override readonly name = 'RebuildUnderWay';
  constructor() {
    super('another rebuild of these tables is under way (or a diff, which makes one)');
  }
}

/** Two events say what only one may say. */
export class NotUnique extends Error {
  override readonly name = 'NotUnique';
}

/** The connection of a rebuild that was killed ends once it has finished its statement. */
const LOCK_PATIENCE_MS = 5_000;
const LOCK_POLL_MS = 100;

export interface ShadowOptions extends Pick<NewShadow, 'release' | 'chainHash'> {
  readonly database: Pick<Database, 'db' | 'pool'>;
  /** Whether the log has that event there: else what is there was built from another log, and is begun anew. */
  readonly isInLog: (place: Pick<Checkpoint, 'position' | 'eventId'>) => Promise<boolean>;
}

/** The schema that the database's tables are in. */
export async function liveSchemaOf(db: LedgerDb): Promise<string> {
  const { rows } = await sql<{ schema: string }>`SELECT current_schema() AS schema`.execute(db);
  return rows[0]?.schema ?? '';
}

/** Whether a rebuild has left a shadow there. */
export async function hasShadow(db: LedgerDb): Promise<boolean> {
  const schema = shadowSchemaOf(await liveSchemaOf(db));
  const { rows } = await sql<{ found: boolean }>`SELECT to_regclass(format('%I.rebuild', ${schema}::text)) IS NOT NULL AS found`.execute(
    db,
  );
  return rows[0]?.found ?? false;
}

/**
 * Opens the shadow of the database's tables, and makes it where there is none, or none that can be gone on with: by another release,
 * of other tables, from another log. Disposing of it keeps it for the next time. @throws RebuildUnderWay
 */
export async function openShadow({ database, release, chainHash, isInLog }: ShadowOptions): Promise<Shadow> {
  const live = await liveSchemaOf(database.db);
  const schema = shadowSchemaOf(live);
  await using opened = new AsyncDisposableStack();
  const session = opened.use(await openSession(database, schema));
  const { db } = session;
  await takeLock(db, schema);
  await dropSchema(db, replacedSchemaOf(live)); // left by one that was killed right after its swap
  const make = (isCareful: boolean): Promise<void> => makeShadowTables(db, { schema, release, chainHash, isCareful });
  const isGood = (await hasShadow(database.db)) && (await isOfThis(db, release, live)) && (await isInLog(await readCheckpoint(db)));
  // Where the live projector stands at an event already, so will this.
  if (!isGood) await make((await readCheckpoint(database.db)).halt !== undefined);
  let checkpoint = await readCheckpoint(db);
  let read = await readReadSoFar(db);

  async function applyAll(events: readonly RecordedEvent[], upTo: ReadSoFar): Promise<void> {
    const [first] = events;
    try {
      checkpoint = await applyOnce(session, checkpoint, events, upTo);
      read = upTo;
    } catch (error) {
      if (first === undefined || !(error instanceof Error && isCausedByData(error))) throw error;
      if (events.length === 1) throw error instanceof UnappliableEvent ? error : new UnappliableEvent(first, error.message);
      const middle = Math.floor(events.length / 2);
      // As far as the first half is applied the log was not read to `upTo`: it is gone on with from where it was.
      await applyAll(events.slice(0, middle), read);
      await applyAll(events.slice(middle), upTo);
    }
  }

  const kept = opened.move();
  return {
    schema,
    live,
    checkpoint: () => checkpoint,
    readSoFar: () => read,
    apply: applyAll,
    finish: async (onStep) => {
      try {
        await finishShadowTables(db, schema, onStep);
      } catch (error) {
        throw error instanceof Error && isCausedByData(error) ? new NotUnique(error.message, { cause: error }) : error;
      }
    },
    restart: async ({ isCareful }) => {
      await make(isCareful);
      checkpoint = await readCheckpoint(db);
      read = await readReadSoFar(db);
    },
    drop: () => dropSchema(db, schema),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function takeLock(db: LedgerDb, schema: string): Promise<void> {
  const until = performance.now() + LOCK_PATIENCE_MS;
  for (;;) {
    const { rows } = await sql<{
      taken: boolean;
    }>`SELECT pg_try_advisory_lock(hashtextextended(${`ledger ${schema}`}, 0)) AS taken`.execute(db);
    if (rows[0]?.taken === true) return;
    if (performance.now() > until) throw new RebuildUnderWay();
    await sleep(LOCK_POLL_MS);
  }
}

/** Whether this release began it, with the tables that the live ones are, from a log that is as it was signed. */
async function isOfThis(ledgerDb: LedgerDb, release: string, live: string): Promise<boolean> {
  const begun = await ledgerDb.withTables<ShadowOnlyTables>().selectFrom('rebuild').selectAll().executeTakeFirst(); // another release's may have other columns
  const { rows } = await sql<{ same: boolean }>`
    SELECT NOT EXISTS (
      SELECT FROM ledger_migrations s FULL JOIN ${sql.id(live, 'ledger_migrations')} l ON l.name = s.name WHERE s.name IS NULL OR l.name IS NULL
    ) AS same
  `.execute(ledgerDb);
  return begun?.release === release && begun.is_borne_out && rows[0]?.same === true;
}

async function readReadSoFar(ledgerDb: LedgerDb): Promise<ReadSoFar> {
  const row = await ledgerDb.withTables<ShadowOnlyTables>().selectFrom('rebuild').selectAll().executeTakeFirstOrThrow();
  return { position: row.position ?? undefined, chain: { events: row.chain_events, hash: row.chain_hash }, isBorneOut: row.is_borne_out };
}

/** All of it in one transaction. @returns where the checkpoint is then. */
async function applyOnce(
  { db, client }: Session,
  before: Checkpoint,
  events: readonly RecordedEvent[],
  { position: readTo, chain, isBorneOut }: ReadSoFar,
): Promise<Checkpoint> {
  const batch = workOut(events, before.recordedAt);
  return db.transaction().execute(async (tx) => {
    // What a crash of Postgres takes with it is read again.
    await sql`SET LOCAL synchronous_commit = off`.execute(tx);
    await applyToTables(copyingWriter(tx, client), batch);
    const last = batch.at(-1);
    if (last !== undefined) {
      const { position, eventId } = last.recorded;
      await moveCheckpoint(tx, { position, eventId, recordedAt: last.recordedAt, events: batch.length }, 0);
    }
    const row = { position: readTo ?? null, chain_events: chain.events, chain_hash: chain.hash, is_borne_out: isBorneOut };
    await tx.withTables<ShadowOnlyTables>().updateTable('rebuild').set(row).execute();
    return last === undefined
      ? before
      : {
          position: last.recorded.position,
          eventId: last.recorded.eventId,
          events: before.events + BigInt(batch.length),
          recordedAt: last.recordedAt,
          halt: undefined,
        };
  });
}
