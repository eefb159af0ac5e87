// The tables that no log can bring back, as a backup has them.
import type { Readable } from 'node:stream';
import { sql } from 'kysely';
import { hasTable } from '../postgres/migrate.ts';
import type { Database, LedgerDb } from '../postgres/pool.ts';
import type { CopiedTable } from '../postgres/table-copy.ts';
import { copyIn, inOneWriting } from '../postgres/table-copy.ts';

/**
 * Rows that name events: they are read before the log is, so that every event they name is in it.
 *
 * A lease's owner and the end of its time mean nothing to others.
 */
export const TABLES_BEFORE_LOG: readonly CopiedTable[] = [{ name: 'leases', columns: ['name', 'position', 'event_id'] }];

/**
 * Rows that events name, or that are signed over them, or that name none: they are read after the log, so that no event in it names one that is missing.
 *
 * Receipts say what was promised, and what has no event; what a command came to is in the log, which counts before them. So one for a command whose
 * event comes after the end of the log says `pending`, until the command is sent again; and none that was promised by then is missing.
 *
 * Sessions (`refresh_families`, `refresh_tokens`) are left out: tokens that were used or revoked since would be good again. So are
 * `login_attempts`, which are over in minutes.
 */
export const TABLES_AFTER_LOG: readonly CopiedTable[] = [
  {
    name: 'receipts',
    columns: ['command_id', 'account_id', 'owner_id', 'created_at', 'updated_at', 'command_hash', 'state', 'problem'],
  },
  { name: 'users', columns: ['user_id', 'name', 'password_hash', 'created_at'] },
  { name: 'clients', columns: ['client_id', 'role', 'secret_hash', 'created_at', 'revoked_at'] },
  {
    name: 'signing_keys',
    columns: ['kid', 'public_jwk', 'sealed_private_jwk', 'created_at', 'signs_from', 'verifies_until'],
  },
  { name: 'chain_keys', columns: ['kid', 'public_jwk', 'sealed_private_jwk', 'created_at'] },
];

/** Rows that are not backed up, and must not be there either where a backup is restored. */
const LEFT_OUT = ['chain_checkpoints', 'refresh_families', 'login_attempts'] as const;

/** What was made of the identity tables so far, oldest first. */
export async function identityMigrations(db: LedgerDb): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`SELECT name FROM identity_migrations ORDER BY name`.execute(db);
  return rows.map(({ name }) => name);
}

/** The tables that have rows, of those that a restore fills; one that is not made yet has none. */
export async function filledIdentityTables(db: LedgerDb): Promise<readonly string[]> {
  const names = [...[...TABLES_BEFORE_LOG, ...TABLES_AFTER_LOG].map(({ name }) => name), ...LEFT_OUT];
  const filled: string[] = [];
  for (const name of names) {
    if (!(await hasTable(db, name))) continue;
    const { rows } = await sql`SELECT FROM ${sql.table(name)} LIMIT 1`.execute(db);
    if (rows.length > 0) filled.push(name);
  }
  return filled;
}

/** A table's rows, as a backup has them. */
export interface KeptRows extends CopiedTable {
  readonly open: () => Readable;
  /** Told how many rows were taken, before they are kept; throws where they must not be. */
  readonly taken: (rows: number) => void;
}

/**
 * Fills the tables, all or none.
 * @param checkpoints the chain's, oldest first, as parsed JSON.
 * @throws the database's error; also where somebody else has filled them meanwhile; what reading the rows, or being told of them, throws.
 */
export const fillIdentityTables = (
  database: Pick<Database, 'pool'>,
  tables: readonly KeptRows[],
  checkpoints: readonly unknown[],
): Promise<void> =>
  inOneWriting(database, async (client) => {
    for (const table of tables) table.taken(await copyIn(client, table, table.open()));
    for (const [index, checkpoint] of checkpoints.entries())
      await client.query('INSERT INTO chain_checkpoints (number, checkpoint) VALUES ($1, $2)', [index + 1, JSON.stringify(checkpoint)]);
  });
