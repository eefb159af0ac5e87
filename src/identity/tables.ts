// The identity tables as kysely sees them; the kinds of values are those of src/postgres/tables.ts.
import type { ColumnType, Generated } from 'kysely';
import type { LedgerDb } from '../postgres/pool.ts';
import type { Role } from './roles.ts';

export interface UsersTable {
  user_id: string;
  /** As it was registered; no two differ only in capitals. */
  name: string;
  /** PHC string, with its parameters. */
  password_hash: string;
  created_at: Generated<string>;
}

export interface RefreshFamiliesTable {
  family_id: string;
  user_id: string;
  created_at: Generated<string>;
  ended_at: string | null;
}

export interface RefreshTokensTable {
  /** SHA-256. */
  token_hash: Buffer;
  family_id: string;
  issued_at: Generated<string>;
  expires_at: string;
  used_at: string | null;
}

export interface ClientsTable {
  client_id: string;
  role: Role;
  /** SHA-256. */
  secret_hash: Buffer;
  created_at: Generated<string>;
  revoked_at: string | null;
}

export interface SigningKeysTable {
  kid: string;
  public_jwk: ColumnType<unknown, string, never>;
  /** JWE, under the key secret. */
  sealed_private_jwk: string;
  created_at: Generated<string>;
  signs_from: string;
  /** Null for the newest. */
  verifies_until: string | null;
}

export interface LoginAttemptsTable {
  key: string;
  points: number;
  /** ms since 1970. */
  expire: number;
}

/** Rows are only ever added; see migrations/identity. */
export interface ChainCheckpointsTable {
  number: bigint;
  checkpoint: ColumnType<unknown, string, never>;
}

export interface ChainKeysTable {
  kid: string;
  public_jwk: ColumnType<unknown, string, never>;
  /** JWE, under the key secret. */
  sealed_private_jwk: string;
  created_at: Generated<string>;
}

type IdentityTables = {
  users: UsersTable;
  refresh_families: RefreshFamiliesTable;
  refresh_tokens: RefreshTokensTable;
  clients: ClientsTable;
  signing_keys: SigningKeysTable;
  login_attempts: LoginAttemptsTable;
  chain_checkpoints: ChainCheckpointsTable;
  chain_keys: ChainKeysTable;
};

/** The identity tables of the ledger's database. */
export const identityTables = (db: LedgerDb) => db.withTables<IdentityTables>();
export type IdentityDb = ReturnType<typeof identityTables>;
