// How rows get into tables: the live projector inserts them, a rebuild copies them. What the rows are, neither has a say in.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type pg from 'pg';
import type { CopyValue } from '../postgres/copy.ts';
import { copyRows } from '../postgres/copy.ts';
import type { LedgerTables } from '../postgres/tables.ts';

export type ColumnType = 'uuid' | 'bigint' | 'integer' | 'text' | 'numeric' | 'timestamptz' | 'json';

/** A table whose rows are only ever added. */
export interface AppendOnlyTable<Column extends string> {
  readonly table: keyof LedgerTables;
  readonly columns: Readonly<Record<Column, ColumnType>>;
}
/** A row of it; JSON and times as text. */
export type NewRow<Column extends string> = Readonly<Record<Column, CopyValue>>;

/** Where a batch is written. */
export interface TableWriter {
  /** For what is looked up, and for rows that later events change. */
  readonly tx: Transaction<LedgerTables>;
  /** Adds rows that no later event changes. */
  add<Column extends string>(table: AppendOnlyTable<Column>, rows: readonly NewRow<Column>[]): Promise<void>;
}

const columnNames = <Column extends string>({ columns }: AppendOnlyTable<Column>): readonly Column[] =>
  // Its keys are the columns, whatever else an object might have.
  Object.keys(columns) as Column[];

/** One statement a table, whatever the number of rows. */
export const insertingWriter = (tx: Transaction<LedgerTables>): TableWriter => ({
  tx,
  add: async (target, rows) => {
    if (rows.length === 0) return;
    const names = columnNames(target);
    const values = names.map((name) => sql`${rows.map((row) => row[name])}::${sql.raw(target.columns[name])}[]`);
    await sql`INSERT INTO ${sql.table(target.table)} (${sql.join(names.map((name) => sql.ref(name)))}) SELECT * FROM unnest(${sql.join(values)})`.execute(
      tx,
    );
  },
});

const FREE_TEXT: ReadonlySet<ColumnType> = new Set(['text', 'json']);

/** For many rows at a time. `client` is the connection that the transaction is on. */
export const copyingWriter = (tx: Transaction<LedgerTables>, client: pg.ClientBase): TableWriter => ({
  tx,
  add: async (target, rows) => {
    if (rows.length === 0) return;
    const columns = columnNames(target).map((name) => ({ name, isFreeText: FREE_TEXT.has(target.columns[name]) }));
    await copyRows(client, target.table, columns, rows);
  },
});
