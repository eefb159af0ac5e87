// Comparing the tables of two schemas, row by row, inside one snapshot.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../postgres/tables.ts';
import type { Shadow } from './shadow.ts';
import { tablesIn } from './shadow-tables.ts';

/** A row by its columns, every value as Postgres writes it. */
export type RowAsText = Readonly<Record<string, string | null>>;

/** A row that is not the same, or not there, on one side. */
export interface RowDifference {
  readonly table: string;
  readonly key: RowAsText;
  /** Null where it is not there. */
  readonly live: RowAsText | null;
  readonly rebuilt: RowAsText | null;
}

/** What is not of the log: which migrations ran when, and who works on the tables. */
const LEFT_OUT: readonly string[] = ['ledger_migrations', 'ledger_migrations_lock'];
const NOT_OF_THE_LOG: Readonly<Record<string, readonly string[]>> = {
  checkpoint: ['owner', 'lease_until', 'halted_stream', 'halted_revision', 'halted_position', 'halted_event_id', 'halted_reason'],
};
const PAGE = 500;

/** The tables that are compared. */
export const comparedTables = async (tx: Transaction<LedgerTables>, schema: string): Promise<readonly string[]> =>
  (await tablesIn(tx, schema)).filter((table) => !LEFT_OUT.includes(table));

/** The rows of a table in which live and shadow differ, as the transaction sees both; a few at a time. */
export async function* differencesIn(
  tx: Transaction<LedgerTables>,
  { live, schema }: Pick<Shadow, 'live' | 'schema'>,
  table: string,
): AsyncGenerator<RowDifference, void, undefined> {
  const { columns, key } = await layoutOf(tx, schema, table);
  const row = (side: string) => sql`row(${sql.join(columns.map((column) => sql.ref(`${side}.${column}`)))})::text`;
  const asText = (side: string, names: readonly string[]) =>
    sql`jsonb_build_object(${sql.join(names.flatMap((name) => [sql.lit(name), sql`${sql.ref(`${side}.${name}`)}::text`]))})`;
  // A null is a value of a key here, as NULLS NOT DISTINCT has it; no key is both.
  const isSameKey = sql.join(
    key.map((name) => sql`coalesce(${sql.ref(`l.${name}`)}::text, '\\N') = coalesce(${sql.ref(`r.${name}`)}::text, '\\N')`),
    sql` AND `,
  );
  await sql`
    DECLARE differences NO SCROLL CURSOR FOR
    SELECT CASE WHEN l.there THEN ${asText('l', columns)} END AS live, CASE WHEN r.there THEN ${asText('r', columns)} END AS rebuilt
    FROM (SELECT *, true AS there FROM ${sql.id(live, table)}) AS l
      FULL JOIN (SELECT *, true AS there FROM ${sql.id(schema, table)}) AS r ON ${isSameKey}
    WHERE l.there IS NULL OR r.there IS NULL OR ${row('l')} <> ${row('r')}
  `.execute(tx);
  for (;;) {
    const { rows } = await sql<Pick<RowDifference, 'live' | 'rebuilt'>>`FETCH ${sql.lit(PAGE)} FROM differences`.execute(tx);
    for (const difference of rows) {
      const side = difference.live ?? difference.rebuilt ?? {};
      yield { table, key: Object.fromEntries(key.map((name) => [name, side[name] ?? null])), ...difference };
    }
    if (rows.length < PAGE) break;
  }
  await sql`CLOSE differences`.execute(tx);
}

/** The columns that are compared, and those that say which row is which. */
async function layoutOf(
  tx: Transaction<LedgerTables>,
  schema: string,
  table: string,
): Promise<{ readonly columns: readonly string[]; readonly key: readonly string[] }> {
  const { rows } = await sql<{ name: string; isKey: boolean }>`
    SELECT a.attname AS name, coalesce(a.attnum = ANY(k.conkey), false) AS "isKey"
    FROM pg_class t
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN LATERAL (
        SELECT conkey FROM pg_constraint WHERE conrelid = t.oid AND contype IN ('p', 'u') ORDER BY contype LIMIT 1
      ) AS k ON true
    WHERE t.relnamespace = to_regnamespace(quote_ident(${schema})) AND t.relname = ${table}
    ORDER BY a.attnum
  `.execute(tx);
  const leftOut = NOT_OF_THE_LOG[table] ?? [];
  const columns = rows.map(({ name }) => name).filter((name) => !leftOut.includes(name));
  return { columns, key: rows.filter(({ isKey }) => isKey).map(({ name }) => name) };
}
