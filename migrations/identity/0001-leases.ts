// Who does a piece of work of which there must be one at a time, until when, and how far it is. Never rebuilt: no log says it.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE leases (
      name text COLLATE "C" NOT NULL,
      owner text COLLATE "C",
      lease_until timestamptz,
      position bigint,
      event_id uuid,
      CONSTRAINT leases_pkey PRIMARY KEY (name),
      CONSTRAINT leases_owned_until CHECK ((owner IS NULL) = (lease_until IS NULL)),
      CONSTRAINT leases_place_whole CHECK ((position IS NULL) = (event_id IS NULL))
    ) WITH (fillfactor = 50)
  `.execute(db);
}
