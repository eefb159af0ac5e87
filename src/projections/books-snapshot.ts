// The tables as they are at one moment, read from end to end while the service goes on: for whoever checks them against the log.
// Rows come in the order of their keys by bytes, a few at a time, however many there are.
import type { RawBuilder, Selectable, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readCheckpoint } from './checkpoint.ts';

/** In which order the rows of each table come. */
const ORDERS = {
  postings: ['position', 'line'],
  accounts: ['account_id'],
  balances: ['account_id', 'asset'],
  system_balances: ['system_account', 'asset'],
  holds: ['hold_id'],
  orders: ['order_id'],
  transfers: ['transfer_id'],
  reversals: ['event_id'],
  assets: ['code'],
  external_ids: ['account_id', 'external_id'],
  order_fills: ['account_id', `coalesce(log_index::text, '-') COLLATE "C"`, 'tx_hash'],
  command_outcomes: ['command_id', 'asset NULLS FIRST'],
  statistics: ['event_type', 'detail'],
} as const satisfies { readonly [Table in keyof LedgerTables]?: readonly string[] };

export type SnapshotTable = keyof typeof ORDERS;
/** A row as it is read: see postgres/tables.ts. */
export type SnapshotRow<Table extends SnapshotTable> = Readonly<Selectable<LedgerTables[Table]>>;

export interface BooksSnapshot {
  /** Up to where the tables go. */
  readonly checkpoint: Checkpoint;
  rows<Table extends SnapshotTable>(table: Table): AsyncGenerator<SnapshotRow<Table>, void, undefined>;
}

const ROWS = 2_000;

/**
 * Gives the tables as they are now; later changes do not show, however long it takes. What is replaced meanwhile (by a rebuild)
 * waits for the end of it.
 */
export function withBooksSnapshot<Result>(db: LedgerDb, use: (snapshot: BooksSnapshot) => Promise<Result>): Promise<Result> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (tx) => {
      // Between two pages the transaction is idle for as long as the reader of the log takes.
      await sql`SET LOCAL idle_in_transaction_session_timeout = 0`.execute(tx);
      const checkpoint = await readCheckpoint(tx);
      let cursors = 0;
      return use({
        checkpoint,
        rows: (table) => {
          cursors += 1;
          return rowsOf(tx, `books_${cursors}`, table);
        },
      });
    });
}

async function* rowsOf<Table extends SnapshotTable>(
  tx: Transaction<LedgerTables>,
  cursor: string,
  table: Table,
): AsyncGenerator<SnapshotRow<Table>, void, undefined> {
  const order: RawBuilder<unknown> = sql.raw(ORDERS[table].join(', '));
  await sql`DECLARE ${sql.id(cursor)} NO SCROLL CURSOR FOR SELECT * FROM ${sql.table(table)} ORDER BY ${order}`.execute(tx);
  const fetch = async (): Promise<readonly SnapshotRow<Table>[]> =>
    (await sql<SnapshotRow<Table>>`FETCH FORWARD ${sql.raw(`${ROWS}`)} FROM ${sql.id(cursor)}`.execute(tx)).rows;
  let coming = fetch();
  for (;;) {
    const rows = await coming;
    if (rows.length < ROWS) {
      yield* rows;
      break;
    }
    // While these are looked at, Postgres has the next ones ready.
    coming = fetch();
    coming.catch(() => {}); // nobody may come for them
    yield* rows;
  }
  await sql`CLOSE ${sql.id(cursor)}`.execute(tx);
}
