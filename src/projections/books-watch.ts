// A watch over the books while the service runs: that every asset sums to zero, and that balances are what the journal says.
// Never the whole of it at once: each look adds up the balances, and holds a slice of them against the journal, then the next slice.
import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { unequalBooks } from './balances.ts';

/** What was found when the books were last looked at. */
export interface BooksReport {
  /** Assets that do not sum to zero, and balances that differ from their journal, each counted once; 0 while the books are right. */
  readonly differences: number;
  /** By this process's clock, in ms since 1970. */
  readonly checkedAtMs: number;
}

export interface BooksWatch {
  /** What was last found; undefined before the first look, and where somebody else does it. */
  report(): BooksReport | undefined;
  /** Waits for a look under way. */
  close(): Promise<void>;
}

export interface BooksWatchOptions {
  readonly db: LedgerDb;
  /** Whether this process is the one that looks: the one that projects. */
  readonly isLeading: () => boolean;
  /** From the end of a look to the beginning of the next, in ms, where looks are quick. */
  readonly everyMs: number;
  /** The part of one connection's time that looking takes at most, however large the books are; a fiftieth where it is not given. */
  readonly mostOfTime?: number;
  readonly logger: Logger;
}

/** A balance that was found to differ stays looked at until it is right again; so many are remembered. */
const MOST_REMEMBERED = 1_000;
/** Balances of one look: some ten milliseconds of Postgres. */
const SLICE = 1_000;
const MOST_OF_TIME = 1 / 50;
/** How often a process that does not project asks itself whether it does by now. */
const STANDBY_MS = 1_000;
/** A look that takes longer is given up: something else is wrong then. */
const STATEMENT_TIMEOUT = '60s';

interface BalanceKey {
  readonly accountId: AccountId;
  readonly asset: AssetCode;
}

/** Begins to look, and looks again and again until closed. Never throws: what keeps it from looking is logged, and the report grows old. */
export function watchBooks({ db, isLeading, everyMs, mostOfTime = MOST_OF_TIME, logger }: BooksWatchOptions): BooksWatch {
  let report: BooksReport | undefined;
  let differing: readonly BalanceKey[] = [];
  let after: BalanceKey | undefined;
  let told = '';

  async function look(): Promise<void> {
    const seen = await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (tx) => {
        await sql`SET LOCAL statement_timeout = ${sql.lit(STATEMENT_TIMEOUT)}`.execute(tx);
        const assets = await unequalBooks(tx);
        const again = await againstJournal(tx, theseBalances(differing));
        const slice = await againstJournal(tx, balancesAfter(after));
        return { assets, again, slice };
      });
    const { assets, again, slice } = seen;
    const found = new Map([...again, ...slice].filter(({ differs }) => differs).map((key) => [`${key.accountId} ${key.asset}`, key]));
    differing = [...found.values()].slice(0, MOST_REMEMBERED);
    after = slice.length < SLICE ? undefined : slice.at(-1);
    report = { differences: assets.length + found.size, checkedAtMs: Date.now() };
    tell(assets, differing);
  }

  /** What lasts is told once. */
  function tell(assets: Awaited<ReturnType<typeof unequalBooks>>, balances: readonly BalanceKey[]): void {
    const named = balances.map(({ accountId, asset }) => ({ accountId, asset }));
    const telling = JSON.stringify([assets, named]);
    if (telling === told) return;
    if (assets.length + named.length > 0) logger.error({ assets, balances: named.slice(0, 10) }, 'the books are unequal');
    else if (told !== '') logger.info('the books are equal');
    told = telling;
  }

  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let looking = Promise.resolve();
  function schedule(pauseMs: number): void {
    if (isClosed) return;
    timer = setTimeout(() => {
      looking = lookNow();
    }, pauseMs).unref();
  }
  async function lookNow(): Promise<void> {
    if (!isLeading()) {
      report = undefined;
      schedule(Math.min(everyMs, STANDBY_MS));
      return;
    }
    const startedAt = performance.now();
    await look().catch((err: unknown) => logger.warn({ err }, 'the books were not compared'));
    schedule(Math.max(everyMs, (performance.now() - startedAt) / mostOfTime));
  }
  schedule(Math.min(everyMs, STANDBY_MS));

  return {
    report: () => report,
    close() {
      isClosed = true;
      clearTimeout(timer);
      return looking;
    },
  };
}

type SomeBalances = ReturnType<typeof balancesAfter>;

/** The next balances in the order of their keys; the first ones where none is given. */
const balancesAfter = (after: BalanceKey | undefined) => sql`
  SELECT account_id, asset, available, held FROM balances
  ${after === undefined ? sql`` : sql`WHERE (account_id, asset) > (${after.accountId}::uuid, ${after.asset})`}
  ORDER BY account_id, asset LIMIT ${sql.lit(SLICE)}`;

const theseBalances = (keys: readonly BalanceKey[]): SomeBalances => sql`
  SELECT account_id, asset, available, held FROM balances JOIN unnest(
    ${keys.map(({ accountId }) => accountId)}::uuid[], ${keys.map(({ asset }) => asset)}::text[]
  ) AS named (account_id, asset) USING (account_id, asset)`;

/** Whether each is the running balance of its journal's last entry; in the order of their keys. */
async function againstJournal(db: LedgerDb, balances: SomeBalances): Promise<readonly (BalanceKey & { readonly differs: boolean })[]> {
  const { rows } = await sql<BalanceKey & { differs: boolean }>`
    SELECT account_id AS "accountId", asset, (available, held) IS DISTINCT FROM (available_after, held_after) AS differs
    FROM (${balances}) AS looked_at LEFT JOIN LATERAL (
      SELECT available_after, held_after FROM postings
      WHERE postings.account_id = looked_at.account_id AND postings.asset = looked_at.asset
      ORDER BY recorded_at DESC, position DESC, line DESC LIMIT 1
    ) AS last_entry ON true
    ORDER BY account_id, asset`.execute(db);
  return rows;
}
