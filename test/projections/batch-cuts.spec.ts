// Projections are a function of the log alone: however it is cut into batches, the tables are the same, and they are what a
// fold that knows nothing of batches or SQL says.
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RecordedEvent, StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId, AssetCode } from '../../src/domain/ids.ts';
import { AccountIdSchema } from '../../src/domain/ids.ts';
import { annulled } from '../../src/eventstore/codec.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { applyBatch } from '../../src/projections/apply-batch.ts';
import { takeLease } from '../../src/projections/checkpoint.ts';
import { BTC, coinRemoved, coinUpdated, deposited, newEvent, opened, rejected, USD, withdrawn } from '../eventstore/new-events.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';

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
  'limits',
  'spending',
  'command_outcomes',
  'external_ids',
  'assets',
  'statistics',
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

type Step = readonly [account: number, kind: number, minor: number, day: number];
const accountOf = (n: number): AccountId => AccountIdSchema.parse(`00000000-0000-4000-8000-00000000000${n}`);

/** A log that the ledger could have written: nothing is spent that is not there. And the balances it leaves, in minor units. */
function logOf(steps: readonly Step[]): { log: RecordedEvent[]; balances: Map<string, bigint> } {
  const balances = new Map<string, bigint>();
  const revisions = new Map<AccountId, bigint>();
  const log: RecordedEvent[] = [];
  const format = (minor: bigint, scale: number): string => {
    const digits = `${minor}`.padStart(scale + 1, '0');
    return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  };
  const write = (accountId: AccountId, event: StoredEvent, day: number, isAnnulled = false): void => {
    const revision = (revisions.get(accountId) ?? -1n) + 1n;
    revisions.set(accountId, revision);
    const { eventId, metadata } = newEvent(event, { occurredAt: `2026-01-${String(day).padStart(2, '0')}T10:00:00Z` });
    const subject = { kind: 'account', accountId } as const;
    const recorded = {
      stream: accountStream(accountId),
      subject,
      revision,
      position: BigInt(log.length * 7 + 1),
      eventId,
      event,
      metadata,
    };
    log.push(isAnnulled ? annulled(recorded) : recorded);
  };
  const change = (accountId: AccountId, asset: AssetCode, by: bigint): bigint => {
    const key = `${accountId} ${asset}`;
    const before = balances.get(key) ?? 0n;
    const after = before + by < 0n ? 0n : before + by;
    if (after !== before) balances.set(key, after);
    return after - before;
  };
  for (const [account, kind, minor, day] of steps) {
    const accountId = accountOf(account);
    if (!revisions.has(accountId)) write(accountId, opened({ ownerId: 'owner', limits: [{ asset: USD, perDay: '9.00' }] }), day);
    const amount = BigInt(minor);
    const spend = (asset: AssetCode): bigint => -change(accountId, asset, -amount);
    if (kind === 0)
      write(accountId, deposited(format(change(accountId, USD, amount), 2), minor % 3 === 0 ? { externalId: `x${log.length}` } : {}), day);
    else if (kind === 1) {
      const spent = spend(USD);
      write(accountId, spent > 0n ? withdrawn(format(spent, 2)) : rejected(), day);
    } else if (kind === 2) write(accountId, coinUpdated(format(change(accountId, BTC, amount), 8)), day);
    else if (kind === 3) {
      const spent = spend(BTC);
      write(accountId, spent > 0n ? coinUpdated(`-${format(spent, 8)}`) : rejected(), day);
    } else if (kind === 4) {
      const all = balances.get(`${accountId} ${BTC}`) ?? 0n;
      change(accountId, BTC, -all);
      write(accountId, all > 0n ? coinRemoved(format(all, 8)) : rejected(), day);
    } else if (kind === 5) write(accountId, { type: 'limits-set', version: 1, asset: BTC, perDay: format(amount, 8) }, day);
    else if (kind === 6) write(accountId, { type: 'account-frozen', version: 1, reason: 'r' }, day);
    else if (kind === 7) write(accountId, { type: 'account-unfrozen', version: 1, reason: 'r' }, day);
    else write(accountId, withdrawn('999999.00'), day, true);
  }
  return { log, balances };
}

it('are the same however the log is cut, and equal to a simple fold of it', async () => {
  const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(4), fc.nat(8), fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 28 }));
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 120 }), cuts, cuts, async (steps, some, others) => {
      const { log, balances } = logOf(steps);
      const tables = await tablesAfter(log, some);
      expect(await tablesAfter(log, others)).toEqual(tables);
      expect(await tablesAfter(log, [log.length])).toEqual(tables);
      const kept = new Map<string, bigint>();
      for (const { account_id, asset, available } of await database.db.selectFrom('balances').selectAll().execute()) {
        if (/[1-9]/.test(available)) kept.set(`${account_id} ${asset}`, BigInt(available.replace('.', '')));
      }
      expect(kept).toEqual(new Map([...balances].filter(([, minor]) => minor > 0n)));
      const accounts = await database.db.selectFrom('accounts').select(['account_id', 'revision', 'position']).execute();
      const last = new Map(log.map(({ stream, revision, position }) => [stream, { revision, position }]));
      expect(new Map(accounts.map(({ account_id, ...at }) => [accountStream(account_id), at]))).toEqual(last);
    }),
    { numRuns: 40 },
  );
});
