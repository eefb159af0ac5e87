// Whole tables out of Postgres and into it, as text that COPY writes and reads: every value exactly as it is.
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { Database } from './pool.ts';

/** Columns of a table. */
export interface CopiedTable {
  readonly name: string;
  readonly columns: readonly string[];
}

const listOf = (client: pg.ClientBase, columns: readonly string[]): string =>
  columns.map((column) => client.escapeIdentifier(column)).join(', ');

/** What COPY's text depends on, whatever the server, the database or the user has as its own. */
const AS_COPIED = `
  SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL timezone = 'UTC';
  SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL client_encoding = 'UTF8'`;

/** Runs a task on one connection that sees the database as it is at one moment, whatever is written meanwhile. */
export const inSnapshot = <Result>(database: Pick<Database, 'pool'>, task: (client: pg.ClientBase) => Promise<Result>): Promise<Result> =>
  inTransaction(database, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', task);

/** Runs a task that copies rows in, on one connection; what it has written is kept if it succeeds. */
export const inOneWriting = <Result>(database: Pick<Database, 'pool'>, task: (client: pg.ClientBase) => Promise<Result>): Promise<Result> =>
  inTransaction(database, 'BEGIN', task);

async function inTransaction<Result>(
  { pool }: Pick<Database, 'pool'>,
  begin: string,
  task: (client: pg.ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query(`${begin};${AS_COPIED}`);
    const result = await task(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/** The table's rows as COPY's text, a line each; they are fetched as they are taken. */
export const copyOut = (client: pg.ClientBase, { name, columns }: CopiedTable): Readable =>
  client.query(copyTo(`COPY (SELECT ${listOf(client, columns)} FROM ${client.escapeIdentifier(name)} ORDER BY 1) TO STDOUT`));

/** Adds the rows that {@link copyOut} has written, in the connection's transaction. @returns how many there were. */
export async function copyIn(client: pg.ClientBase, { name, columns }: CopiedTable, rows: Readable): Promise<number> {
  const target = client.query(copyFrom(`COPY ${client.escapeIdentifier(name)} (${listOf(client, columns)}) FROM STDIN`));
  await pipeline(rows, target);
  return target.rowCount;
}

const ESCAPED: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** The rows in a text that {@link copyOut} has written, by the names of their columns. */
export function rowsIn(text: string, columns: readonly string[]): ReadonlyArray<Readonly<Record<string, string | null>>> {
  const read = (field: string | undefined): string | null =>
    field === undefined || field === '\\N' ? null : field.replaceAll(/\\(.)/g, (_, character: string) => ESCAPED[character] ?? character);
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const fields = line.split('\t');
    return Object.fromEntries(columns.map((column, index) => [column, read(fields[index])]));
  });
}
