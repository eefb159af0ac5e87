// The chain's signed checkpoints, and the keys they are signed with. Never rebuilt: what they prove is that the log is still the one
// they were signed over. Rows can be added, and neither changed nor taken away.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE chain_checkpoints (
      number bigint NOT NULL,
      checkpoint json NOT NULL,
      CONSTRAINT chain_checkpoints_pkey PRIMARY KEY (number)
    )
  `.execute(db);
  await sql`
    CREATE TABLE chain_keys (
      kid text COLLATE "C" NOT NULL,
      public_jwk json NOT NULL,
      sealed_private_jwk text COLLATE "C" NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      CONSTRAINT chain_keys_pkey PRIMARY KEY (kid)
    )
  `.execute(db);
  await sql`
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END
    $$
  `.execute(db);
  for (const table of ['chain_checkpoints', 'chain_keys']) {
    await sql`
      CREATE TRIGGER ${sql.id(`${table}_append_only`)} BEFORE UPDATE OR DELETE OR TRUNCATE ON ${sql.id(table)}
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    `.execute(db);
  }
}
