// The first tables of the projections. No schema is named anywhere, so that a rebuild can make them beside the live ones.
// Columns stand widest and fixed first where a table is large: Postgres pads otherwise, and the journal has a row for everything.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

const statements = [
  sql`
    CREATE TABLE accounts (
      account_id uuid NOT NULL,
      revision bigint NOT NULL,
      position bigint NOT NULL,
      opened_position bigint NOT NULL,
      opened_at timestamptz NOT NULL,
      last_occurred_at timestamptz NOT NULL,
      status text COLLATE "C" NOT NULL,
      owner_id text COLLATE "C",
      external_id text COLLATE "C",
      label text COLLATE "C",
      CONSTRAINT accounts_pkey PRIMARY KEY (account_id),
      CONSTRAINT accounts_status_known CHECK (status IN ('open', 'frozen', 'closed'))
    )`,
  sql`CREATE UNIQUE INDEX accounts_in_opening_order ON accounts (opened_position)`,
  sql`CREATE INDEX accounts_of_owner ON accounts (owner_id, opened_position) WHERE owner_id IS NOT NULL`,
  // Customers only: the rule has no exception, so the constraint needs no condition.
  sql`
    CREATE TABLE balances (
      account_id uuid NOT NULL,
      asset text COLLATE "C" NOT NULL,
      available numeric NOT NULL,
      held numeric NOT NULL,
      CONSTRAINT balances_pkey PRIMARY KEY (account_id, asset),
      CONSTRAINT balances_never_negative CHECK (available >= 0 AND held >= 0)
    ) WITH (fillfactor = 80)`,
  sql`
    CREATE TABLE system_balances (
      system_account text COLLATE "C" NOT NULL,
      asset text COLLATE "C" NOT NULL,
      balance numeric NOT NULL,
      CONSTRAINT system_balances_pkey PRIMARY KEY (system_account, asset)
    ) WITH (fillfactor = 50)`,
  sql`
    CREATE TABLE postings (
      position bigint NOT NULL,
      recorded_at timestamptz NOT NULL,
      occurred_at timestamptz,
      effective_at timestamptz,
      event_id uuid NOT NULL,
      account_id uuid,
      command_id uuid,
      line integer NOT NULL,
      event_type text COLLATE "C" NOT NULL,
      asset text COLLATE "C" NOT NULL,
      available numeric NOT NULL,
      held numeric NOT NULL,
      available_after numeric NOT NULL,
      held_after numeric NOT NULL,
      system_account text COLLATE "C",
      reference text COLLATE "C",
      external_id text COLLATE "C",
      metadata json,
      CONSTRAINT postings_pkey PRIMARY KEY (position, line),
      CONSTRAINT postings_of_one_account CHECK (num_nonnulls(account_id, system_account) = 1),
      CONSTRAINT postings_never_negative CHECK (account_id IS NULL OR (available_after >= 0 AND held_after >= 0))
    )`,
  // Recorded time never goes back in log order, so these are the order of (position, line) too, and answer for periods as well.
  sql`CREATE INDEX postings_of_account ON postings (account_id, recorded_at, position, line) WHERE account_id IS NOT NULL`,
  sql`CREATE INDEX postings_of_account_and_asset ON postings (account_id, asset, recorded_at, position, line) WHERE account_id IS NOT NULL`,
  sql`CREATE INDEX postings_by_reference ON postings (account_id, reference, recorded_at, position, line) WHERE reference IS NOT NULL`,
  sql`
    CREATE TABLE limits (
      account_id uuid NOT NULL,
      asset text COLLATE "C" NOT NULL,
      per_withdrawal numeric,
      per_day numeric,
      CONSTRAINT limits_pkey PRIMARY KEY (account_id, asset)
    )`,
  sql`
    CREATE TABLE spending (
      account_id uuid NOT NULL,
      asset text COLLATE "C" NOT NULL,
      day date NOT NULL,
      amount numeric NOT NULL,
      CONSTRAINT spending_pkey PRIMARY KEY (account_id, asset)
    ) WITH (fillfactor = 80)`,
  sql`
    CREATE TABLE command_outcomes (
      command_id uuid NOT NULL,
      scope uuid NOT NULL,
      event_id uuid NOT NULL,
      revision bigint NOT NULL,
      position bigint NOT NULL,
      command_hash text COLLATE "C" NOT NULL,
      command_type text COLLATE "C" NOT NULL,
      status text COLLATE "C" NOT NULL,
      asset text COLLATE "C",
      payload json NOT NULL,
      -- An account's id may be chosen, and may be the very UUID that an asset's keys are scoped to: then both have a command of one id.
      CONSTRAINT command_outcomes_once UNIQUE NULLS NOT DISTINCT (command_id, asset),
      CONSTRAINT command_outcomes_status_known CHECK (status IN ('applied', 'rejected'))
    )`,
  sql`
    CREATE TABLE external_ids (
      account_id uuid NOT NULL,
      external_id text COLLATE "C" NOT NULL,
      command_id uuid NOT NULL,
      CONSTRAINT external_ids_pkey PRIMARY KEY (account_id, external_id)
    )`,
  sql`
    CREATE TABLE assets (
      code text COLLATE "C" NOT NULL,
      name text COLLATE "C" NOT NULL,
      kind text COLLATE "C" NOT NULL,
      scale integer NOT NULL,
      active boolean NOT NULL,
      revision bigint NOT NULL,
      position bigint NOT NULL,
      CONSTRAINT assets_pkey PRIMARY KEY (code),
      CONSTRAINT assets_kind_known CHECK (kind IN ('fiat', 'coin'))
    )`,
  sql`
    CREATE TABLE statistics (
      event_type text COLLATE "C" NOT NULL,
      detail text COLLATE "C" NOT NULL,
      events bigint NOT NULL,
      volume numeric NOT NULL,
      CONSTRAINT statistics_pkey PRIMARY KEY (event_type, detail)
    ) WITH (fillfactor = 50)`,
  sql`
    CREATE TABLE checkpoint (
      singleton boolean NOT NULL DEFAULT true,
      position bigint,
      event_id uuid,
      events bigint NOT NULL DEFAULT 0,
      recorded_at timestamptz,
      owner text,
      lease_until timestamptz,
      halted_stream text,
      halted_revision bigint,
      halted_position bigint,
      halted_event_id uuid,
      halted_reason text,
      CONSTRAINT checkpoint_pkey PRIMARY KEY (singleton),
      CONSTRAINT checkpoint_is_one_row CHECK (singleton)
    ) WITH (fillfactor = 50)`,
  sql`INSERT INTO checkpoint DEFAULT VALUES`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
