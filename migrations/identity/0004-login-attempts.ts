// Failed log-ins, counted for all processes together, each row until its time is over. No name and no address stands in it, only hashes.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // The columns, and their order, are those that rate-limiter-flexible writes to. `expire` is in ms since 1970, and a double: the
  // library computes with it as a number, and the ledger's connections read int8 as bigint.
  await sql`
    CREATE TABLE login_attempts (
      key text COLLATE "C" NOT NULL,
      points integer NOT NULL DEFAULT 0,
      expire double precision NOT NULL,
      CONSTRAINT login_attempts_pkey PRIMARY KEY (key)
    ) WITH (fillfactor = 80)
  `.execute(db);
  await sql`CREATE INDEX login_attempts_expire ON login_attempts (expire)`.execute(db);
}
