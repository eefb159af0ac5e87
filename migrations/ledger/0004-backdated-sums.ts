// What makes a balance by effective time cost the same however many entries were backdated: their running sums along the log, and
// their sums by spans of effective time (src/projections/backdated.ts says how they are read). Filled from the journal that is there.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

const statements = [
  // Times are kept to the millisecond everywhere else; an event written past the ledger may have had a finer one.
  sql`
    UPDATE postings SET effective_at = date_trunc('milliseconds', effective_at)
    WHERE effective_at <> date_trunc('milliseconds', effective_at)`,
  sql`
    CREATE TABLE backdated (
      position bigint NOT NULL,
      recorded_at timestamptz NOT NULL,
      account_id uuid NOT NULL,
      asset text COLLATE "C" NOT NULL,
      available_so_far numeric NOT NULL,
      held_so_far numeric NOT NULL,
      CONSTRAINT backdated_pkey PRIMARY KEY (account_id, asset, recorded_at, position)
    )`,
  sql`
    INSERT INTO backdated (position, recorded_at, account_id, asset, available_so_far, held_so_far)
    SELECT position, recorded_at, account_id, asset, sum(available) OVER running, sum(held) OVER running
    FROM postings WHERE effective_at IS NOT NULL
    WINDOW running AS (PARTITION BY account_id, asset ORDER BY position)`,
  sql`
    CREATE TABLE backdated_spans (
      account_id uuid NOT NULL,
      span bigint NOT NULL,
      level smallint NOT NULL,
      asset text COLLATE "C" NOT NULL,
      available numeric NOT NULL,
      held numeric NOT NULL,
      CONSTRAINT backdated_spans_pkey PRIMARY KEY (account_id, asset, level, span)
    ) WITH (fillfactor = 80)`,
  sql`
    INSERT INTO backdated_spans (account_id, span, level, asset, available, held)
    SELECT account_id, floor(extract(epoch FROM effective_at) * 1000)::bigint >> (6 * level), level, asset, sum(available), sum(held)
    FROM postings, generate_series(0, 6) AS level
    WHERE effective_at IS NOT NULL
    GROUP BY 1, 2, 3, 4`,
  // Balances needed it until now. Entries of one asset by effective time do from now on: many may have the same time, a bank's day.
  sql`DROP INDEX postings_backdated_across`,
  sql`CREATE INDEX postings_backdated_of_asset ON postings (account_id, asset, effective_at, position, line) WHERE effective_at IS NOT NULL`,
];

export async function up<Tables>(db: Kysely<Tables>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
