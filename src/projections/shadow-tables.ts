// Making the tables of a shadow: a schema beside the live one, made by the same migrations, in which a rebuild writes. What is only
// needed for reading is put off to the end: an index that is made once costs a fraction of one that grows with every row.
import { sql } from 'kysely';
import { migrate } from '../postgres/migrate.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { COMMAND_OUTCOMES } from './command-outcomes.ts';
import { EXTERNAL_IDS } from './external-ids.ts';
import { POSTINGS } from './journal.ts';
import { ORDER_EVENTS } from './order-events.ts';
import { ORDER_FILLS } from './order-fills.ts';

/** The rebuild's own tables in the shadow; everything else there is a table of the projections. */
export type ShadowOnlyTables = {
  /** One row: whose work it is, and how far the log was read; the checkpoint says how far it was applied. */
  rebuild: { release: string; position: bigint | null; chain_events: bigint; chain_hash: string; is_borne_out: boolean };
  /** What is to be done at the end, in this order. */
  rebuild_deferred: { number: number; statement: string };
};
const SHADOW_ONLY: readonly string[] = ['rebuild', 'rebuild_deferred'] satisfies (keyof ShadowOnlyTables)[];

/** Where a rebuild writes that is to take the place of the tables in `live`, and where those go until they are dropped. */
export const shadowSchemaOf = (live: string): string => `${live.slice(0, 50)}_rebuild`;
export const replacedSchemaOf = (live: string): string => `${live.slice(0, 50)}_replaced`;

/** Nothing is looked up in these while they are written. */
const APPEND_ONLY: readonly string[] = [POSTINGS, COMMAND_OUTCOMES, EXTERNAL_IDS, ORDER_EVENTS, ORDER_FILLS].map(({ table }) => table);

export interface NewShadow {
  readonly schema: string;
  /** Of the program that fills it: another one might fill it otherwise. */
  readonly release: string;
  /** The hash of the chain before its first event. */
  readonly chainHash: string;
  /** Keeps what makes rows unique from the beginning: slower, but an event that repeats another is found as it is applied. */
  readonly isCareful: boolean;
}

/** Makes the empty tables. `db` is a session in that schema; what was there is dropped. */
export async function makeShadowTables(db: LedgerDb, { schema, release, chainHash, isCareful }: NewShadow): Promise<void> {
  await dropSchema(db, schema);
  await sql`CREATE SCHEMA ${sql.id(schema)}`.execute(db);
  await migrate(db, 'ledger');
  await db.transaction().execute(async (tx) => {
    const indexes = await indexesIn(tx);
    const deferred = indexes.filter(({ table, constraint }) => constraint === null || (!isCareful && APPEND_ONLY.includes(table)));
    await sql`CREATE TABLE rebuild_deferred (number integer PRIMARY KEY, statement text NOT NULL)`.execute(tx);
    for (const [number, { table, index, constraint, definition }] of deferred.entries()) {
      const isConstraint = constraint !== null;
      await (isConstraint
        ? sql`ALTER TABLE ${sql.id(table)} DROP CONSTRAINT ${sql.id(constraint)}`
        : sql`DROP INDEX ${sql.id(index)}`
      ).execute(tx);
      await sql`INSERT INTO rebuild_deferred VALUES (${number}, ${definition})`.execute(tx);
    }
    // Nothing is gained by looking after tables that only grow; it is done once, at the end.
    for (const table of new Set(indexes.map((index) => index.table)))
      await sql`ALTER TABLE ${sql.id(table)} SET (autovacuum_enabled = false)`.execute(tx);
    // Last: what is there without it was not made to the end.
    await sql`CREATE TABLE rebuild (release text NOT NULL, position bigint, chain_events bigint NOT NULL, chain_hash text NOT NULL, is_borne_out boolean NOT NULL)`.execute(
      tx,
    );
    await sql`INSERT INTO rebuild VALUES (${release}, NULL, 0, ${chainHash}, true)`.execute(tx);
  });
}

interface TableIndex {
  readonly table: string;
  readonly index: string;
  /** Null where it is an index alone. */
  readonly constraint: string | null;
  /** The statement that makes it. */
  readonly definition: string;
}

/** Every index of the current schema, those that keep rows unique first. */
async function indexesIn(db: LedgerDb): Promise<readonly TableIndex[]> {
  const { rows } = await sql<TableIndex>`
    SELECT t.relname AS "table", x.relname AS "index", k.conname AS "constraint",
      CASE WHEN k.oid IS NULL THEN pg_get_indexdef(x.oid)
        ELSE format('ALTER TABLE %I ADD CONSTRAINT %I %s', t.relname, k.conname, pg_get_constraintdef(k.oid)) END AS definition
    FROM pg_index i
      JOIN pg_class t ON t.oid = i.indrelid
      JOIN pg_class x ON x.oid = i.indexrelid
      LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.conrelid = t.oid AND k.contype IN ('p', 'u')
    WHERE t.relnamespace = current_schema()::regnamespace
    ORDER BY k.oid IS NULL, i.indisunique DESC, t.relname, x.relname
  `.execute(db);
  return rows;
}

/**
 * Drops a schema with all that is in it, if it is there. Table by table, each in a transaction of its own: a prepared statement that
 * waits for a table goes on to the next one that it reads, and would be in a deadlock with whoever holds that and wants the first.
 */
export async function dropSchema(db: LedgerDb, schema: string): Promise<void> {
  for (const table of await allTablesIn(db, schema)) await sql`DROP TABLE IF EXISTS ${sql.id(schema, table)} CASCADE`.execute(db);
  await sql`DROP SCHEMA IF EXISTS ${sql.id(schema)} CASCADE`.execute(db);
}

/**
 * Does what was put off, one thing at a time, so that a rebuild that is interrupted goes on from there; then counts what the tables
 * hold, for the planner. @throws the database's error (unique_violation) where two rows are not to be together.
 */
export async function finishShadowTables(ledgerDb: LedgerDb, schema: string, onStep: (done: number, of: number) => void): Promise<void> {
  const db = ledgerDb.withTables<ShadowOnlyTables>();
  const deferred = await db.selectFrom('rebuild_deferred').selectAll().orderBy('number').execute();
  for (const [done, { number, statement }] of deferred.entries()) {
    onStep(done, deferred.length);
    await db.transaction().execute(async (tx) => {
      await sql`SET LOCAL maintenance_work_mem = '256MB'`.execute(tx);
      await sql.raw(statement).execute(tx);
      await tx.deleteFrom('rebuild_deferred').where('number', '=', number).execute();
    });
  }
  if (deferred.length === 0) return;
  for (const table of await tablesIn(ledgerDb, schema)) {
    await sql`ALTER TABLE ${sql.id(table)} RESET (autovacuum_enabled)`.execute(db);
    await sql`ANALYZE ${sql.id(table)}`.execute(db);
  }
}

/** The projections' tables in a shadow's schema: those that are swapped and compared. */
export async function tablesIn(db: LedgerDb, schema: string): Promise<readonly string[]> {
  return (await allTablesIn(db, schema)).filter((table) => !SHADOW_ONLY.includes(table));
}

async function allTablesIn(db: LedgerDb, schema: string): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT relname AS name FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident(${schema})) AND relkind = 'r' ORDER BY relname
  `.execute(db);
  return rows.map(({ name }) => name);
}
