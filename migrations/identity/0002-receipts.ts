// What was promised with a 202: a row for every command that was accepted before its outcome was known. Never rebuilt: what was
// refused without leaving an event stands nowhere else.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE receipts (
      command_id uuid NOT NULL,
      account_id uuid NOT NULL,
      owner_id uuid,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      command_hash text COLLATE "C" NOT NULL,
      state text COLLATE "C" NOT NULL,
      problem json,
      CONSTRAINT receipts_pkey PRIMARY KEY (command_id),
      CONSTRAINT receipts_state_known CHECK (state IN ('pending', 'applied', 'rejected', 'dead')),
      CONSTRAINT receipts_problem_told CHECK ((problem IS NOT NULL) = (state IN ('rejected', 'dead')))
    ) WITH (fillfactor = 80)
  `.execute(db);
}
