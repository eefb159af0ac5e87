// Holds and orders, with the life of every order and the fills that the chain has a name for. The open ones have indexes of
// their own, so that finding those costs the same however many have ended.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

const statements = [
  sql`
    CREATE TABLE holds (
      hold_id uuid NOT NULL,
      account_id uuid NOT NULL,
      placed_position bigint NOT NULL,
      position bigint NOT NULL,
      placed_at timestamptz NOT NULL,
      closed_at timestamptz,
      expires_at timestamptz,
      asset text COLLATE "C" NOT NULL,
      amount numeric NOT NULL,
      remaining numeric NOT NULL,
      captured numeric NOT NULL,
      status text COLLATE "C" NOT NULL,
      placed_by text COLLATE "C" NOT NULL,
      reference text COLLATE "C",
      CONSTRAINT holds_pkey PRIMARY KEY (hold_id),
      CONSTRAINT holds_status_known CHECK (status IN ('open', 'captured', 'released', 'expired')),
      CONSTRAINT holds_placed_by_known CHECK (placed_by IN ('user', 'operator')),
      CONSTRAINT holds_take_no_more_than_they_hold CHECK (remaining >= 0 AND captured >= 0 AND remaining + captured <= amount),
      CONSTRAINT holds_closed_are_empty CHECK ((status = 'open') = (closed_at IS NULL) AND (status = 'open' OR remaining = 0))
    ) WITH (fillfactor = 80)`,
  sql`CREATE INDEX holds_of_account ON holds (account_id, placed_position)`,
  sql`CREATE INDEX holds_open_of_account ON holds (account_id, placed_position) WHERE status = 'open'`,
  sql`CREATE INDEX holds_due ON holds (expires_at, hold_id) WHERE status = 'open' AND expires_at IS NOT NULL`,
  sql`
    CREATE TABLE orders (
      order_id uuid NOT NULL,
      account_id uuid NOT NULL,
      placed_position bigint NOT NULL,
      position bigint NOT NULL,
      created_at timestamptz NOT NULL,
      executed_at timestamptz,
      cancelled_at timestamptz,
      expires_at timestamptz,
      token_in text COLLATE "C" NOT NULL,
      token_out text COLLATE "C" NOT NULL,
      amount_in numeric NOT NULL,
      filled_in numeric NOT NULL,
      filled_out numeric NOT NULL,
      target_price numeric,
      order_type text COLLATE "C" NOT NULL,
      status text COLLATE "C" NOT NULL,
      owner_id text COLLATE "C",
      CONSTRAINT orders_pkey PRIMARY KEY (order_id),
      CONSTRAINT orders_status_known CHECK (status IN ('pending', 'executed', 'cancelled', 'expired')),
      CONSTRAINT orders_type_known CHECK (order_type IN ('LIMIT', 'MARKET')),
      CONSTRAINT orders_fill_no_more_than_they_hold CHECK (filled_in >= 0 AND filled_in <= amount_in AND filled_out >= 0),
      CONSTRAINT orders_executed_are_full CHECK ((status = 'executed') = (filled_in = amount_in)),
      CONSTRAINT orders_ends_have_times CHECK ((status = 'executed') = (executed_at IS NOT NULL) AND (status = 'cancelled') = (cancelled_at IS NOT NULL))
    ) WITH (fillfactor = 80)`,
  sql`CREATE UNIQUE INDEX orders_in_placing_order ON orders (placed_position)`,
  sql`CREATE INDEX orders_by_status ON orders (status, placed_position)`,
  sql`CREATE INDEX orders_of_account ON orders (account_id, placed_position)`,
  sql`CREATE INDEX orders_pending_of_account ON orders (account_id, placed_position) WHERE status = 'pending'`,
  sql`CREATE INDEX orders_of_owner ON orders (owner_id, placed_position) WHERE owner_id IS NOT NULL`,
  sql`CREATE INDEX orders_pending_of_owner ON orders (owner_id, placed_position) WHERE status = 'pending' AND owner_id IS NOT NULL`,
  sql`CREATE INDEX orders_due ON orders (expires_at, order_id) WHERE status = 'pending' AND expires_at IS NOT NULL`,
  sql`
    CREATE TABLE order_events (
      order_id uuid NOT NULL,
      event_id uuid NOT NULL,
      position bigint NOT NULL,
      revision bigint NOT NULL,
      occurred_at timestamptz NOT NULL,
      recorded_at timestamptz NOT NULL,
      event_type text COLLATE "C" NOT NULL,
      data json NOT NULL,
      CONSTRAINT order_events_pkey PRIMARY KEY (order_id, position)
    )`,
  sql`
    CREATE TABLE order_fills (
      account_id uuid NOT NULL,
      command_id uuid NOT NULL,
      revision bigint NOT NULL,
      log_index bigint,
      tx_hash text COLLATE "C" NOT NULL,
      payload json NOT NULL,
      CONSTRAINT order_fills_once UNIQUE NULLS NOT DISTINCT (account_id, tx_hash, log_index)
    )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
