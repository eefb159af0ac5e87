// Balances and entries by either time are what a plain sum over all entries says.
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { up as addSums } from '../../migrations/ledger/0004-backdated-sums.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import type { TimeAxis } from '../../src/projections/balances.ts';
import { balancesAt, balancesOf } from '../../src/projections/balances.ts';
import type { Entry, EntryFilter } from '../../src/projections/postings.ts';
import { listEntries } from '../../src/projections/postings.ts';
import { USD } from '../eventstore/new-events.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';
import { at, book, stepsOf, summedUp } from './dated-entries.ts';

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

const AXES: readonly TimeAxis[] = ['system', 'effective'];
const HOUR = 3_600_000;
/** Days are too coarse for entries that share a time, minutes too fine. */
const HOURS = 72;
const hours = fc.nat(HOURS).map((count) => count * HOUR);
const steps = fc.array(stepsOf(HOUR, HOURS, fc.option(hours, { nil: undefined })), { minLength: 1, maxLength: 40 });
const hour = fc.integer({ min: -HOURS, max: HOURS + 1 }).map((count) => count * HOUR);
const cuts = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 6 });

describe('balances at a moment', () => {
  it('are the sum of the entries until then, by either time', async () => {
    await fc.assert(
      fc.asyncProperty(steps, cuts, fc.array(hour, { minLength: 1, maxLength: 6 }), async (written, cut, moments) => {
        const { accountId, booked } = await book(database.db, written, cut);
        for (const moment of moments) {
          for (const by of AXES)
            expect(await balancesAt(database.db, accountId, { at: at(moment), by })).toEqual(summedUp(booked, moment, by));
        }
        const now = await balancesOf(database.db, accountId);
        for (const by of AXES) expect(await balancesAt(database.db, accountId, { at: at(HOURS * HOUR), by })).toEqual(now);
      }),
      { numRuns: 60 },
    );
  });

  const MONTH = 30 * 24 * HOUR;
  const CENTURIES = 40 * 12 * MONTH * 10;
  /** From a millisecond to four centuries before, each order of magnitude as likely as another. */
  const longAgo = fc.double({ min: 0, max: Math.log2(CENTURIES), noNaN: true }).map((power) => Math.floor(2 ** power));
  it.each([0, 1, 50])(
    'are so at 200 random moments, to the millisecond, with %d percent of the entries backdated by up to centuries',
    async (percent) => {
      const dated = fc.nat(99).chain((drawn) => (drawn < percent ? longAgo : fc.constant(undefined)));
      const written = fc.array(stepsOf(1, MONTH, dated), { minLength: 300, maxLength: 400, size: 'max' });
      /** Anywhere, and just where an entry is, or a millisecond beside it. */
      const moment = fc.tuple(fc.nat(), fc.integer({ min: -1, max: 1 }), fc.boolean(), fc.integer({ min: -MONTH, max: 2 * MONTH }));
      const moments = fc.array(moment, { minLength: 200, maxLength: 200 });
      await fc.assert(
        fc.asyncProperty(written, cuts, moments, async (drawn, cut, drawnMoments) => {
          // In the order of time, as a ledger's log is but for clocks that jump.
          const inOrder = drawn.toSorted((a, b) => a.occurred - b.occurred);
          const { accountId, booked } = await book(database.db, inOrder, cut);
          for (const [which, beside, isAtEntry, anywhere] of drawnMoments) {
            for (const by of AXES) {
              const entry = booked[which % booked.length];
              const time = isAtEntry && entry ? (by === 'system' ? entry.recorded : entry.effective) + beside : anywhere;
              expect(await balancesAt(database.db, accountId, { at: at(time), by })).toEqual(summedUp(booked, time, by));
            }
          }
        }),
        { numRuns: 3 },
      );
    },
  );

  it('are read from the same sums where these were made from a journal that was there before them', async () => {
    const sums = async () => {
      const { rows: along } = await sql`SELECT backdated::text AS row FROM backdated ORDER BY 1`.execute(database.db);
      const { rows: spans } = await sql`SELECT backdated_spans::text AS row FROM backdated_spans ORDER BY 1`.execute(database.db);
      return { along, spans };
    };
    const [written = []] = fc.sample(fc.array(stepsOf(1, MONTH, longAgo), { minLength: 100, maxLength: 100 }), 1);
    await book(database.db, written, [7]);
    const projected = await sums();
    expect(projected.along.length).toBeGreaterThan(0);
    await sql`DROP TABLE backdated, backdated_spans`.execute(database.db);
    await sql`ALTER INDEX postings_backdated_of_asset RENAME TO postings_backdated_across`.execute(database.db);
    await addSums(database.db);
    expect(await sums()).toEqual(projected);
  });

  it('may be negative by effective time: what came later cannot pay for what went before', async () => {
    const { accountId } = await book(database.db, [
      { asset: USD, minor: 1000, isHold: false, occurred: 10 * HOUR, backdated: undefined },
      { asset: USD, minor: -1000, isHold: false, occurred: 20 * HOUR, backdated: 15 * HOUR },
    ]);
    const balancesBy = (by: TimeAxis, count: number) => balancesAt(database.db, accountId, { at: at(count * HOUR), by });
    expect(await balancesBy('effective', 7)).toEqual([{ asset: USD, available: '-10.00', held: '0.00', total: '-10.00' }]);
    expect(await balancesBy('system', 7)).toEqual([]);
    expect(await balancesBy('effective', 12)).toMatchObject([{ total: '0.00' }]);
    expect(await balancesBy('system', 12)).toMatchObject([{ total: '10.00' }]);
    expect(await balancesBy('effective', 4)).toEqual([]);
  });

  it('do not change with fractions of a millisecond, which no entry has', async () => {
    const { accountId } = await book(database.db, [{ asset: USD, minor: 1000, isHold: false, occurred: 20, backdated: 13 }]);
    for (const by of AXES) {
      const time = by === 'system' ? 20 : 7;
      const balancesUntil = (ms: number, fraction: string) =>
        balancesAt(database.db, accountId, { at: at(ms).replace('Z', `${fraction}Z`), by });
      expect(await balancesUntil(time - 1, '9999999')).toEqual([]);
      expect(await balancesUntil(time, '0000001')).toMatchObject([{ total: '10.00' }]);
    }
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
        const { accountId, booked } = await book(database.db, written);
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
    const { accountId } = await book(database.db, [{ asset: USD, minor: 1000, isHold: false, occurred: 10, backdated: 1 }]);
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
