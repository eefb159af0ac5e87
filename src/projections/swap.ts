// Putting a shadow in the place of the live tables, in one transaction, while everybody goes on reading and writing.
import { sql } from 'kysely';
import type { LeaseName, LogPlace } from '../postgres/leases.ts';
import { setBackLease } from '../postgres/leases.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { Session } from '../postgres/session.ts';
import type { Checkpoint } from './checkpoint.ts';
import { announcementChannel, readCheckpoint } from './checkpoint.ts';
import type { Shadow } from './shadow.ts';
import { dropSchema, replacedSchemaOf, tablesIn } from './shadow-tables.ts';

/**
 * How long a lock is waited for. Whoever reads meanwhile waits behind it, so it is short; and shorter than the second after which
 * Postgres looks for deadlocks, so that it is always the swap that gives way, never a reader.
 */
const LOCK_TIMEOUT_MS = 200;
/** "lock_not_available" */
const NO_LOCK = '55P03';

export interface SwapOptions {
  /** A session of its own, in the live schema. */
  readonly session: Session;
  readonly shadow: Pick<Shadow, 'schema' | 'live' | 'checkpoint'>;
  /**
   * Called while nobody can move the live tables, with what they were built up to: brings the shadow to at least there. False: that
   * took too long, let the others go on and try again.
   */
  readonly catchUp: (live: Checkpoint) => Promise<boolean>;
  /** Works that follow the log, and where they are to go on from: changed together with the tables. */
  readonly setBack: readonly SetBack[];
}

/** A work that is somewhere in a log which is not this one, and where it goes on from instead; undefined: from the beginning. */
export interface SetBack {
  readonly name: LeaseName;
  readonly from: LogPlace;
  readonly to: LogPlace | undefined;
}

/** Views and the like that stand on the live tables: they would go on showing the old ones, and keep them from being dropped. */
export async function dependentsOf(db: LedgerDb, tables: readonly string[]): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT DISTINCT r.ev_class::regclass::text AS name
    FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_class t ON t.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relname = ANY(${[...tables]}::text[]) AND r.ev_class <> t.oid
    ORDER BY 1
  `.execute(db);
  return rows.map(({ name }) => name);
}

/**
 * Tries to swap, once. Afterwards the live tables are the shadow's, the shadow is gone, nobody has the projector's lease, and whoever waits for a
 * position has been told; the tables that were replaced are to be dropped by `dropReplaced`.
 * @returns false where somebody had a table for too long, or the shadow could not be brought up in time: nothing has changed then.
 */
export async function trySwap({ session: { db }, shadow: { schema, live }, catchUp, setBack }: SwapOptions): Promise<boolean> {
  const replaced = replacedSchemaOf(live);
  try {
    return await db.transaction().execute(async (tx) => {
      await sql`SELECT set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`.execute(tx);
      // The table, not its row: a projector that waits for the row would wake up on the old tables and apply its batch a second time.
      await sql`LOCK TABLE checkpoint IN ACCESS EXCLUSIVE MODE`.execute(tx);
      if (!(await catchUp(await readCheckpoint(tx)))) return false;
      const tables = await tablesIn(tx, schema);
      const names = [live, schema].flatMap((of) => tables.map((table) => sql.id(of, table)));
      await sql`LOCK TABLE ${sql.join(names)} IN ACCESS EXCLUSIVE MODE`.execute(tx);
      await sql`CREATE SCHEMA ${sql.id(replaced)}`.execute(tx);
      for (const statement of await accessStatements(tx, { live, schema, tables })) await sql.raw(statement).execute(tx);
      for (const table of tables) {
        await sql`ALTER TABLE ${sql.id(live, table)} SET SCHEMA ${sql.id(replaced)}`.execute(tx);
        await sql`ALTER TABLE ${sql.id(schema, table)} SET SCHEMA ${sql.id(live)}`.execute(tx);
      }
      // With the tables it would be taken for a shadow to go on with.
      await sql`DROP SCHEMA ${sql.id(schema)} CASCADE`.execute(tx);
      // A projector that waited finds that the lease is not its own, and takes it anew.
      await tx.updateTable('checkpoint').set({ owner: null, lease_until: null }).execute();
      for (const { name, to } of setBack) await setBackLease(tx, name, to);
      const { position } = await readCheckpoint(tx);
      if (position >= 0n) await sql`SELECT pg_notify(${announcementChannel(live)}, ${`${position}`})`.execute(tx);
      return true;
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === NO_LOCK) return false;
    throw error;
  }
}

/** What gives the shadow's tables the owner of those that they replace, and to others what they may do with them. */
async function accessStatements(
  db: LedgerDb,
  { live, schema, tables }: { readonly live: string; readonly schema: string; readonly tables: readonly string[] },
): Promise<readonly string[]> {
  const { rows } = await sql<{ statement: string }>`
    WITH live AS (
      SELECT c.relname, c.relacl, c.relowner, format('%I.%I', ${schema}::text, c.relname) AS target
      FROM pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident(${live})) AND c.relkind = 'r' AND c.relname = ANY(${[...tables]}::text[])
    )
    SELECT format('ALTER TABLE %s OWNER TO %I', target, pg_get_userbyid(relowner)) AS statement
    FROM live WHERE relowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
    UNION ALL
    SELECT format('GRANT %s ON %s TO %s%s', privilege_type, target,
      CASE grantee WHEN 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(grantee)) END,
      CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM live CROSS JOIN LATERAL aclexplode(relacl) WHERE grantee <> relowner
  `.execute(db);
  return rows.map(({ statement }) => statement);
}

/** Drops the tables that were replaced. */
export const dropReplaced = (db: LedgerDb, { live }: Pick<Shadow, 'live'>): Promise<void> => dropSchema(db, replacedSchemaOf(live));

/** The last event that both the live tables and the shadow were built from; undefined where there is none. */
export async function lastCommonEvent(db: LedgerDb, { schema, live }: Pick<Shadow, 'schema' | 'live'>): Promise<LogPlace | undefined> {
  const { rows } = await sql<LogPlace>`
    SELECT position, event_id AS "eventId"
    FROM ${sql.id(live, 'command_outcomes')} JOIN ${sql.id(schema, 'command_outcomes')} USING (command_id, event_id, position)
    ORDER BY position DESC LIMIT 1
  `.execute(db);
  return rows[0];
}

/** Who has read or written the tables for longest and still does, in words: whom a swap waits for. */
export async function longestUser(db: LedgerDb, { live }: Pick<Shadow, 'live'>): Promise<string> {
  const { rows } = await sql<{ who: string }>`
    SELECT format('process %s of Postgres (%s) since %s', a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'), a.xact_start) AS who
    FROM pg_locks k JOIN pg_class t ON t.oid = k.relation JOIN pg_stat_activity a ON a.pid = k.pid
    WHERE k.granted AND t.relnamespace = to_regnamespace(quote_ident(${live})) AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
    ORDER BY a.xact_start LIMIT 1
  `.execute(db);
  return rows[0]?.who ?? 'nobody now';
}
