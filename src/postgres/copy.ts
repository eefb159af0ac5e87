// COPY: the fastest way of many rows into a table, as text.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** A value of a column. A bigint is written in decimal, a boolean as t or f; JSON and times are given as text. */
export type CopyValue = string | number | bigint | boolean | null;

export interface CopyColumn<Name extends string> {
  readonly name: Name;
  /** Whether its values are free text (or JSON), in which there may be characters that COPY writes otherwise. */
  readonly isFreeText: boolean;
}

/** So much text is handed over at a time. Much more at once takes longer: it is put together from very many pieces then. */
const CHUNK_CHARACTERS = 1 << 16;
const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

const escaped = (text: string): string =>
  SPECIAL.test(text) ? text.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character) : text;

/** The rows in COPY's text format. */
function* chunksOf<Name extends string>(
  columns: readonly CopyColumn<Name>[],
  rows: readonly Readonly<Record<Name, CopyValue>>[],
): Generator<Buffer> {
  let text = '';
  for (const row of rows) {
    let separator = '';
    for (const { name, isFreeText } of columns) {
      const value = row[name];
      text += separator;
      if (value === null) text += '\\N';
      else text += isFreeText ? escaped(`${value}`) : value;
      separator = '\t';
    }
    text += '\n';
    if (text.length < CHUNK_CHARACTERS) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}

/**
 * Adds the rows to the table, over the connection and so inside its transaction. Names are as the connection's search_path resolves them.
 * @throws the database's error; none of the rows are kept then.
 */
export async function copyRows<Name extends string>(
  client: pg.ClientBase,
  table: string,
  columns: readonly CopyColumn<Name>[],
  rows: readonly Readonly<Record<Name, CopyValue>>[],
): Promise<void> {
  const names = columns.map(({ name }) => client.escapeIdentifier(name)).join(', ');
  const target = client.query(copyFrom(`COPY ${client.escapeIdentifier(table)} (${names}) FROM STDIN`));
  await pipeline(Readable.from(chunksOf(columns, rows)), target);
}
