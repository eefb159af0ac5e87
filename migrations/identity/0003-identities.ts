// Who may come in: users and their sessions, machines, and the keys that sign access tokens. Never rebuilt, and erasable: no event
// names a person, only the UUID that stands for one.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE users (
      user_id uuid NOT NULL,
      name text COLLATE "C" NOT NULL,
      password_hash text COLLATE "C" NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      CONSTRAINT users_pkey PRIMARY KEY (user_id)
    )
  `.execute(db);
  // Nobody can pass for another by writing the same name in capitals.
  await sql`CREATE UNIQUE INDEX users_name_key ON users (lower(name))`.execute(db);

  // One log-in, and what was refreshed from it. It ends as a whole: by logging out, or when one of its tokens is used twice.
  await sql`
    CREATE TABLE refresh_families (
      family_id uuid NOT NULL,
      user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      ended_at timestamptz,
      CONSTRAINT refresh_families_pkey PRIMARY KEY (family_id)
    )
  `.execute(db);
  await sql`CREATE INDEX refresh_families_user ON refresh_families (user_id)`.execute(db);
  await sql`
    CREATE TABLE refresh_tokens (
      token_hash bytea NOT NULL,
      family_id uuid NOT NULL REFERENCES refresh_families ON DELETE CASCADE,
      issued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL,
      used_at timestamptz,
      CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash)
    )
  `.execute(db);
  await sql`CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id)`.execute(db);
  await sql`CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at)`.execute(db);

  // Machines: over REST by their secret, over the broker by the broker user of the same name.
  await sql`
    CREATE TABLE clients (
      client_id text COLLATE "C" NOT NULL,
      role text COLLATE "C" NOT NULL,
      secret_hash bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      revoked_at timestamptz,
      CONSTRAINT clients_pkey PRIMARY KEY (client_id),
      CONSTRAINT clients_role_known CHECK (role IN ('user', 'operator', 'auditor', 'producer'))
    )
  `.execute(db);

  await sql`
    CREATE TABLE signing_keys (
      kid text COLLATE "C" NOT NULL,
      public_jwk json NOT NULL,
      sealed_private_jwk text COLLATE "C" NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      signs_from timestamptz NOT NULL,
      verifies_until timestamptz,
      CONSTRAINT signing_keys_pkey PRIMARY KEY (kid)
    )
  `.execute(db);
}
