// COPY: the fastest way of many rows into a table, as text.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** A value of a column. A bigint is written in decimal, a boolean as t or f; JSON and times are given as text. */
export type CopyValue = string | number | bigint | boolean | null;

/** So much text is handed over at a time. */
const CHUNK_CHARACTERS = 1 << 18;
const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** A value as COPY's text format has it. */
function copyText(value: CopyValue): string {
  if (value === null) return '\\N';
  if (typeof value !== 'string') return `${value}`;
  return SPECIAL.test(value) ? value.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character) : value;
}

function* chunksOf<Column extends string>(
  columns: readonly Column[],
  rows: readonly Readonly<Record<Column, CopyValue>>[],
): Generator<Buffer> {
  let lines: string[] = [];
  let characters = 0;
  for (const row of rows) {
    // Joined, not added to one another: that would make a piece of garbage for every value.
    const line = columns.map((column) => copyText(row[column])).join('\t');
    lines.push(line);
    characters += line.length;
    if (characters < CHUNK_CHARACTERS) continue;
    yield Buffer.from(`${lines.join('\n')}\n`);
    lines = [];
    characters = 0;
  }
  if (lines.length > 0) yield Buffer.from(`${lines.join('\n')}\n`);
}

/**
 * Adds the rows to the table, over the connection and so inside its transaction. Names are as the connection's search_path resolves them.
 * @throws the database's error; none of the rows are kept then.
 */
export async function copyRows<Column extends string>(
  client: pg.ClientBase,
  table: string,
  columns: readonly Column[],
  rows: readonly Readonly<Record<Column, CopyValue>>[],
): Promise<void> {
  const names = columns.map((column) => client.escapeIdentifier(column)).join(', ');
  const target = client.query(copyFrom(`COPY ${client.escapeIdentifier(table)} (${names}) FROM STDIN`));
  await pipeline(Readable.from(chunksOf(columns, rows)), target);
}
