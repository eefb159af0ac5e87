// Balances and entries by either time are what a plain sum over all entries says.
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordedEvent, StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId, AssetCode } from '../../src/domain/ids.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { applyBatch } from '../../src/projections/apply-batch.ts';
import type { TimeAxis } from '../../src/projections/balances.ts';
import { balancesAt, balancesOf } from '../../src/projections/balances.ts';
import { readCheckpoint, takeLease } from '../../src/projections/checkpoint.ts';
import type { Entry, EntryFilter } from '../../src/projections/postings.ts';
import { listEntries } from '../../src/projections/postings.ts';
import { assetCode, deposited, newAccountId, newEvent, opened, USD, withdrawn } from '../eventstore/new-events.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';

const EUR = assetCode('EUR');
const lease = { owner: 'test', leaseMs: 600_000 };
let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await startPostgres();
  database = openDatabase(testDatabase.url);
  await migrate(database.db, 'ledger');
  await takeLease(database.db, lease.owner, lease.leaseMs);
});
afterAll(async () => {
  await database.close();
  await testDatabase.close();
});

/** Hours from the beginning of the log; days are too coarse for entries that share a time, minutes too fine. */
const HOURS = 72;
const at = (hour: number): string => new Date(Date.UTC(2026, 0, 1, hour)).toISOString();

interface Step {
  readonly asset: AssetCode;
  /** In cents; below zero it is a withdrawal, of no more than there is. */
  readonly cents: number;
  readonly occurred: number;
  /** Hours before. */
  readonly backdated: number | undefined;
}
/** What the oracle knows of an entry. */
interface Booked {
  readonly asset: AssetCode;
  readonly cents: number;
  readonly recorded: number;
  readonly effective: number;
  readonly position: bigint;
}

const money = (cents: number): string =>
  `${cents < 0 ? '-' : ''}${Math.floor(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, '0')}`;

/** Books the steps on a new account. */
async function book(steps: readonly Step[]): Promise<{ accountId: AccountId; booked: readonly Booked[] }> {
  const { db } = database;
  const accountId = newAccountId();
  await sql`TRUNCATE accounts, balances, system_balances, postings, backdated, backdated_spans, command_outcomes, statistics, spending`.execute(
    db,
  );
  await db.updateTable('checkpoint').set({ recorded_at: null }).execute();
  const { position: from } = await readCheckpoint(db);
  const log: RecordedEvent[] = [];
  const write = (event: StoredEvent, occurred: number, effective?: number): bigint => {
    const position = (log.at(-1)?.position ?? from) + 3n;
    const { eventId, metadata } = newEvent(event, {
      occurredAt: at(occurred),
      ...(effective === undefined ? {} : { effectiveAt: at(effective) }),
    });
    const revision = BigInt(log.length);
    log.push({ stream: accountStream(accountId), subject: { kind: 'account', accountId }, revision, position, eventId, event, metadata });
    return position;
  };
  write(opened(), 0);
  const booked: Booked[] = [];
  let recorded = 0;
  for (const { asset, cents: wanted, occurred, backdated } of steps) {
    const available = booked.reduce((sum, entry) => (entry.asset === asset ? sum + entry.cents : sum), 0);
    const cents = Math.max(wanted, -available);
    if (cents === 0) continue;
    recorded = Math.max(recorded, occurred); // clocks that jump do not reorder history
    const event = cents > 0 ? deposited(money(cents), { asset }) : withdrawn(money(-cents), { asset });
    const position = write(event, occurred, backdated === undefined ? undefined : occurred - backdated);
    booked.push({ asset, cents, recorded, effective: backdated === undefined ? recorded : occurred - backdated, position });
  }
  await applyBatch(db, lease, from, log);
  return { accountId, booked };
}

const step: fc.Arbitrary<Step> = fc.record({
  asset: fc.constantFrom(USD, EUR),
  cents: fc.integer({ min: -500, max: 500 }),
  occurred: fc.nat(HOURS),
  backdated: fc.option(fc.nat(HOURS), { nil: undefined }),
});
const steps = fc.array(step, { minLength: 1, maxLength: 40 });
const hour = fc.integer({ min: -HOURS, max: HOURS + 1 });

describe('balances at a moment', () => {
  it('are the sum of the entries until then, by either time', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.array(hour, { minLength: 1, maxLength: 6 }), async (written, moments) => {
        const { accountId, booked } = await book(written);
        for (const moment of moments) {
          for (const [by, time] of [
            ['system', 'recorded'],
            ['effective', 'effective'],
          ] as const) {
            const until = booked.filter((entry) => entry[time] <= moment);
            const expected = [EUR, USD].flatMap((asset) => {
              const moved = until.filter((entry) => entry.asset === asset);
              const available = money(moved.reduce((sum, { cents }) => sum + cents, 0));
              return moved.length === 0 ? [] : [{ asset, available, held: '0.00', total: available }];
            });
            expect(await balancesAt(database.db, accountId, { at: at(moment), by })).toEqual(expected);
          }
        }
        const now = await balancesOf(database.db, accountId);
        for (const by of ['system', 'effective'] as const)
          expect(await balancesAt(database.db, accountId, { at: at(HOURS), by })).toEqual(now);
      }),
      { numRuns: 60 },
    );
  });

  it('may be negative by effective time: what came later cannot pay for what went before', async () => {
    const { accountId } = await book([
      { asset: USD, cents: 1000, occurred: 10, backdated: undefined },
      { asset: USD, cents: -1000, occurred: 20, backdated: 15 },
    ]);
    const balancesBy = (by: TimeAxis, hours: number) => balancesAt(database.db, accountId, { at: at(hours), by });
    expect(await balancesBy('effective', 7)).toEqual([{ asset: USD, available: '-10.00', held: '0.00', total: '-10.00' }]);
    expect(await balancesBy('system', 7)).toEqual([]);
    expect(await balancesBy('effective', 12)).toMatchObject([{ total: '0.00' }]);
    expect(await balancesBy('system', 12)).toMatchObject([{ total: '10.00' }]);
    expect(await balancesBy('effective', 4)).toEqual([]);
  });
});

describe('entries by effective time', () => {
  const all = async (
    filter: EntryFilter,
    limit: number,
    way: 'next' | 'previous',
    from?: string,
  ): Promise<readonly (readonly Entry[])[]> => {
    const pages: (readonly Entry[])[] = [];
    for (let cursor = from; ; ) {
      const page = await listEntries(database.db, filter, { limit, cursor });
      if (page.data.length > 0) pages.push(page.data);
      cursor = page[way];
      if (cursor === undefined || page.data.length === 0) return pages;
    }
  };

  it('come in their order, whole, both ways, page by page, and within bounds', async () => {
    const bounds = fc.record({ from: fc.option(hour, { nil: undefined }), to: fc.option(hour, { nil: undefined }) });
    const asset = fc.constantFrom(undefined, USD);
    const order = fc.constantFrom('newest-first', 'oldest-first', undefined);
    await fc.assert(
      fc.asyncProperty(steps, bounds, asset, order, fc.integer({ min: 1, max: 7 }), async (written, { from, to }, only, inOrder, limit) => {
        const { accountId, booked } = await book(written);
        const expected = booked
          .filter((entry) => (from === undefined || entry.effective >= from) && (to === undefined || entry.effective < to))
          .filter((entry) => only === undefined || entry.asset === only)
          .toSorted((a, b) => a.effective - b.effective || Number(a.position - b.position))
          .map(({ position }) => position);
        if (inOrder !== 'oldest-first') expected.reverse();
        const filter: EntryFilter = {
          accountId,
          by: 'effective',
          asset: only,
          order: inOrder,
          from: from === undefined ? undefined : at(from),
          to: to === undefined ? undefined : at(to),
        };
        const forwards = await all(filter, limit, 'next');
        expect(forwards.flat().map(({ position }) => position)).toEqual(expected);
        // The other way leads from the last entry to all before it.
        const last = await listEntries(database.db, filter, { limit: 200 });
        const end = await listEntries(database.db, filter, { limit: 200, cursor: last.next });
        const backwards = await all(filter, limit, 'previous', end.previous);
        const before = backwards.toReversed().flat();
        expect(before.map(({ position }) => position)).toEqual(expected.slice(0, -1));
      }),
      { numRuns: 40 },
    );
  });

  it('are not asked for with a cursor of the list by system time, nor the other way round', async () => {
    const { accountId } = await book([{ asset: USD, cents: 1000, occurred: 10, backdated: 1 }]);
    const [system, effective] = await Promise.all(
      (['system', 'effective'] as const).map((by) => listEntries(database.db, { accountId, by }, { limit: 1 })),
    );
    const invalid = { name: 'InvalidCursor' };
    await expect(listEntries(database.db, { accountId, by: 'effective' }, { limit: 1, cursor: system?.next })).rejects.toMatchObject(
      invalid,
    );
    await expect(listEntries(database.db, { accountId, by: 'system' }, { limit: 1, cursor: effective?.next })).rejects.toMatchObject(
      invalid,
    );
  });
});
