// Projections are a function of the log alone: however it is cut into batches, the tables are the same, and they are what a
// fold that knows nothing of batches or SQL says.
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { applyBatch } from '../../src/projections/apply-batch.ts';
import { takeLease } from '../../src/projections/checkpoint.ts';
import { countsByStatus } from '../../src/projections/statistics.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';
import { logOf, steps } from './random-log.ts';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await startPostgres();
  database = openDatabase(testDatabase.url);
  await migrate(database.db, 'ledger');
});
afterAll(async () => {
  await database.close();
  await testDatabase.close();
});

const TABLES = [
  'accounts',
  'balances',
  'system_balances',
  'postings',
  'backdated',
  'backdated_spans',
  'limits',
  'spending',
  'command_outcomes',
  'external_ids',
  'assets',
  'statistics',
  'holds',
  'orders',
  'order_events',
  'order_fills',
  'transfers',
  'reversals',
];
const lease = { owner: 'test', leaseMs: 60_000 };

/** Applies the log, cut after those many events each, to empty tables. @returns every row of every table. */
async function tablesAfter(log: readonly RecordedEvent[], cuts: readonly number[]): Promise<unknown> {
  const { db } = database;
  await sql`TRUNCATE ${sql.join(TABLES.map((table) => sql.table(table)))}`.execute(db);
  await db.updateTable('checkpoint').set({ position: null, event_id: null, events: 0n, recorded_at: null, owner: null }).execute();
  let { position } = (await takeLease(db, lease.owner, lease.leaseMs)) ?? { position: 0n };
  for (let start = 0, cut = 0; start < log.length; cut += 1) {
    const end = start + (cuts[cut % cuts.length] ?? 1);
    ({ position } = await applyBatch(db, lease, position, log.slice(start, end)));
    start = end;
  }
  const rows: Record<string, unknown> = {};
  for (const table of TABLES) {
    const found = await sql<{ row: string }>`SELECT t::text AS row FROM ${sql.table(table)} AS t ORDER BY 1`.execute(db);
    rows[table] = found.rows.map(({ row }) => row);
  }
  const { rows: checkpoint } = await sql`SELECT position, event_id, events, recorded_at FROM checkpoint`.execute(db);
  return { ...rows, checkpoint };
}

const minor = (amount: string): bigint => BigInt(amount.replace('.', ''));
const notZero = (balances: readonly (readonly [string, bigint])[]) => new Map(balances.filter(([, amount]) => amount !== 0n));
const countOf = (names: readonly string[]) =>
  new Map([...new Set(names)].map((name) => [name, BigInt(names.filter((other) => other === name).length)]));

it('are the same however the log is cut, and equal to a simple fold of it', async () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(steps, cuts, cuts, async (drawn, some, others) => {
      const { log, balances, holds, orders, transfers, reversals } = logOf(drawn);
      const tables = await tablesAfter(log, some);
      expect(await tablesAfter(log, others)).toEqual(tables);
      expect(await tablesAfter(log, [log.length])).toEqual(tables);
      const { db } = database;
      const available = (await db.selectFrom('balances').selectAll().execute()).map(
        (row) => [`${row.account_id} ${row.asset}`, minor(row.available)] as const,
      );
      expect(notZero(available)).toEqual(notZero([...balances]));
      const holdRows = (await db.selectFrom('holds').selectAll().execute()).map((row) => {
        const { account_id: accountId, amount, remaining, captured, status } = row;
        return [row.hold_id, { accountId, amount: minor(amount), remaining: minor(remaining), captured: minor(captured), status }] as const;
      });
      expect(new Map(holdRows)).toEqual(holds);
      const orderRows = (await db.selectFrom('orders').selectAll().execute()).map((row) => {
        const { account_id: accountId, amount_in, filled_in, filled_out, status } = row;
        return [
          row.order_id,
          { accountId, amountIn: minor(amount_in), filledIn: minor(filled_in), filledOut: minor(filled_out), status },
        ] as const;
      });
      expect(new Map(orderRows)).toEqual(orders);
      const transferRows = (await db.selectFrom('transfers').selectAll().execute()).map((row) => [row.transfer_id, row] as const);
      const has = new Map(
        transferRows.map(([id, { state, received_event_id, amount }]) => [id, { state, received_event_id, amount: minor(amount) }]),
      );
      const should = [...transfers].map(([id, { state, taken, amount }]) => [id, { state, received_event_id: taken, amount }] as const);
      expect(has).toEqual(new Map(should));
      const reversalRows = await db.selectFrom('reversals').select(['event_id', 'is_reversed']).execute();
      expect(new Map(reversalRows.map((row) => [row.event_id, row.is_reversed]))).toEqual(reversals);
      const counts = await countsByStatus(db);
      expect(notZero(Object.entries(counts.holds))).toEqual(countOf([...holds.values()].map(({ status }) => status)));
      expect(notZero(Object.entries(counts.orders))).toEqual(countOf([...orders.values()].map(({ status }) => status)));
      expect(notZero(Object.entries(counts.transfers))).toEqual(countOf([...transfers.values()].map(({ state }) => state)));
      const accounts = await db.selectFrom('accounts').select(['account_id', 'revision', 'position']).execute();
      const last = new Map(log.map(({ stream, revision, position }) => [stream, { revision, position }]));
      expect(new Map(accounts.map(({ account_id, ...at }) => [accountStream(account_id), at]))).toEqual(last);
    }),
    { numRuns: 40 },
  );
});
