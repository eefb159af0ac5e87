/**
 * Does a balance at a moment cost more where the journal is long, or much of it backdated?
 * `npm run bench:balances-at [-- --entries 10,100000,10000000 --backdated 0,1 --samples 1000]`; some ten minutes.
 *
 * An account for each length and share, a year's entries each, asked in turns for random moments of that year by both kinds of time,
 * and for pages of its entries. Every answer's figure is checked against the plain sum of the journal at some of the moments.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts';
import { migrate } from '../src/postgres/migrate.ts';
import type { LedgerDb } from '../src/postgres/pool.ts';
import { openDatabase } from '../src/postgres/pool.ts';
import type { TimeAxis } from '../src/projections/balances.ts';
import { balancesAt } from '../src/projections/balances.ts';
import { listEntries } from '../src/projections/postings.ts';
import type { Journal } from './accounts/seeded-journals.ts';
import { addedUp, ENDS_AT_MS, STARTS_AT_MS, seedJournal, sumBackdated, withoutIndexes } from './accounts/seeded-journals.ts';
import { machine } from './eventstore/report.ts';

const numbers = (list: string): readonly number[] => list.split(',').map(Number);
const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '10,100000,10000000' },
    backdated: { type: 'string', default: '0,1' },
    samples: { type: 'string', default: '1000' },
  },
});
const samples = Number(values.samples);
const WARM_UP = 50;
const CHECKED_MOMENTS = 5;
/** So short that nearly every page of the shortest journal is full, too. */
const PAGE = { limit: 2 };

const momentOf = (share: number): string => new Date(Math.floor(STARTS_AT_MS + share * (ENDS_AT_MS - STARTS_AT_MS))).toISOString();
const randomMoment = (): string => momentOf(Math.random());
const secondsSince = (startedAt: number): string => ((performance.now() - startedAt) / 1000).toFixed(1);

const ASKED = {
  'balance by system time': (db, { accountId }) => balancesAt(db, accountId, { at: randomMoment(), by: 'system' }),
  'balance by effective time': (db, { accountId }) => balancesAt(db, accountId, { at: randomMoment(), by: 'effective' }),
  'page of entries by system time': (db, { accountId }) => listEntries(db, { accountId, to: randomMoment(), by: 'system' }, PAGE),
  'page of entries by effective time': (db, { accountId }) => listEntries(db, { accountId, to: randomMoment(), by: 'effective' }, PAGE),
} satisfies Record<string, (db: LedgerDb, journal: Journal) => Promise<unknown>>;

async function seedAll(db: LedgerDb): Promise<readonly Journal[]> {
  const journals: Journal[] = [];
  let position = 1;
  await withoutIndexes(db, async () => {
    for (const entries of numbers(values.entries)) {
      for (const backdatedPercent of numbers(values.backdated)) {
        journals.push(await seedJournal(db, { entries, backdatedPercent, position }));
        position += entries;
      }
    }
  });
  for (const journal of journals) {
    const startedAt = performance.now();
    const backdated = await sumBackdated(db, journal);
    if (backdated > 0) console.log(`${called(journal)}: ${backdated} entries brought into the sums in ${secondsSince(startedAt)} s`);
  }
  await sql`VACUUM (ANALYZE)`.execute(db);
  return journals;
}

const called = ({ entries, backdatedPercent }: Journal): string =>
  `${entries.toLocaleString('en-US')} entries, ${backdatedPercent} % backdated`;

async function check(db: LedgerDb, journal: Journal): Promise<void> {
  for (const by of ['system', 'effective'] satisfies TimeAxis[]) {
    for (let n = 0; n < CHECKED_MOMENTS; n += 1) {
      const at = randomMoment();
      const expected = await addedUp(db, journal, at, by);
      const found = (await balancesAt(db, journal.accountId, { at, by }))[0]?.available ?? '0.00';
      if (found !== expected) throw new Error(`${called(journal)}, by ${by} time at ${at}: ${found}, where the journal has ${expected}`);
    }
  }
}

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.floor(sorted.length * q)] ?? Number.NaN;

/** Asks all accounts in turns, so that whatever else the machine does meets all alike. */
async function timeInTurns(
  db: LedgerDb,
  journals: readonly Journal[],
  ask: (db: LedgerDb, journal: Journal) => Promise<unknown>,
): Promise<void> {
  const times = journals.map((journal) => ({ journal, tookMs: [] as number[] }));
  for (let n = -WARM_UP; n < samples; n += 1) {
    for (const { journal, tookMs } of n % 2 === 0 ? times : times.toReversed()) {
      const startedAt = performance.now();
      await ask(db, journal);
      if (n >= 0) tookMs.push(performance.now() - startedAt);
    }
  }
  const sorted = times.map(({ journal, tookMs }) => ({ journal, tookMs: tookMs.toSorted((a, b) => a - b) }));
  const least = Math.min(...sorted.map(({ tookMs }) => quantile(tookMs, 0.5)));
  for (const { journal, tookMs } of sorted) {
    const [p50, p99] = [quantile(tookMs, 0.5), quantile(tookMs, 0.99)];
    console.log(`| ${called(journal)} | ${p50.toFixed(2)} ms | ${p99.toFixed(2)} ms | ${(p50 / least).toFixed(2)} |`);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'bench-balances-at-'));
const postgres = await startEmbeddedPostgres({
  dataDir: folder,
  settings: { fsync: 'off', max_wal_size: '8GB', maintenance_work_mem: '1GB' },
});
const database = openDatabase(postgres.url, { maxConnections: 1 });
try {
  const { cores, cpu, node } = machine();
  console.log(`${cores} cores (${cpu}), Node ${node}; ${samples} samples each, one at a time, client on the same machine`);
  await migrate(database.db, 'ledger');
  const startedAt = performance.now();
  const journals = await seedAll(database.db);
  console.log(`seeded in ${secondsSince(startedAt)} s`);
  for (const journal of journals) await check(database.db, journal);
  for (const [title, ask] of Object.entries(ASKED)) {
    console.log(`\n| ${title} | p50 | p99 | p50 / least |\n|---|---|---|---|`);
    await timeInTurns(database.db, journals, ask);
  }
} finally {
  await database.close();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
