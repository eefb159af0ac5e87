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

/** Runs a task on one connection that sees the database as it is at one moment, whatever is written meanwhile. */
export async function inSnapshot<Result>({ pool }: Pick<Database, 'pool'>, task: (client: pg.ClientBase) => Promise<Result>) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
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
