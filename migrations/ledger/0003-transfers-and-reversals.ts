// Transfers and reversals; and what looks entries of the journal up by their ids, and those with an effective time of their own.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

const statements = [
  sql`
    CREATE TABLE transfers (
      transfer_id uuid NOT NULL,
      from_account uuid NOT NULL,
      to_account uuid NOT NULL,
      sent_position bigint NOT NULL,
      position bigint NOT NULL,
      sent_at timestamptz NOT NULL,
      ended_at timestamptz,
      received_event_id uuid,
      reverses uuid,
      asset text COLLATE "C" NOT NULL,
      amount numeric NOT NULL,
      state text COLLATE "C" NOT NULL,
      reason text COLLATE "C",
      reference text COLLATE "C",
      external_id text COLLATE "C",
      metadata json,
      CONSTRAINT transfers_pkey PRIMARY KEY (transfer_id),
      CONSTRAINT transfers_state_known CHECK (state IN ('pending', 'completed', 'returned')),
      CONSTRAINT transfers_amount_positive CHECK (amount > 0),
      CONSTRAINT transfers_ends_have_times CHECK ((state = 'pending') = (ended_at IS NULL)),
      -- The money is at one place: with the recipient, back at the sender, or under way.
      CONSTRAINT transfers_completed_are_received CHECK (state = 'pending' OR (state = 'completed') = (received_event_id IS NOT NULL)),
      CONSTRAINT transfers_returned_have_reasons CHECK ((state = 'returned') = (reason IS NOT NULL))
    ) WITH (fillfactor = 80)`,
  sql`CREATE INDEX transfers_of_sender ON transfers (from_account, sent_position)`,
  sql`CREATE INDEX transfers_of_recipient ON transfers (to_account, sent_position)`,
  sql`CREATE INDEX transfers_under_way ON transfers (from_account, sent_position) WHERE state = 'pending'`,
  sql`CREATE UNIQUE INDEX transfers_by_receipt ON transfers (received_event_id) WHERE received_event_id IS NOT NULL`,
  sql`
    CREATE TABLE reversals (
      event_id uuid NOT NULL,
      account_id uuid NOT NULL,
      position bigint NOT NULL,
      is_reversed boolean NOT NULL,
      CONSTRAINT reversals_pkey PRIMARY KEY (event_id)
    ) WITH (fillfactor = 80)`,
  // Event ids are ordered in time, so this one is appended to.
  sql`CREATE INDEX postings_by_event ON postings (event_id) WHERE account_id IS NOT NULL`,
  // Backdated entries are few: what they move between system time and effective time costs what they are, not what the journal is.
  sql`CREATE INDEX postings_backdated ON postings (account_id, effective_at, position, line) WHERE effective_at IS NOT NULL`,
  sql`CREATE INDEX postings_backdated_across ON postings (account_id, asset, effective_at, recorded_at) WHERE effective_at IS NOT NULL`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
