// The plain ledger's own migrations: numbered files of SQL, each once.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';

const FOLDER = join(import.meta.dirname, 'migrations');

/** Brings the tables up to date, in one transaction. */
export async function migratePlainLedger(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('CREATE TABLE IF NOT EXISTS plain_ledger_migrations (name text PRIMARY KEY)');
    const { rows } = await client.query<{ name: string }>('SELECT name FROM plain_ledger_migrations');
    const done = new Set(rows.map(({ name }) => name));
    for (const name of readdirSync(FOLDER).toSorted()) {
      if (done.has(name)) continue;
      await client.query(readFileSync(join(FOLDER, name), 'utf8'));
      await client.query('INSERT INTO plain_ledger_migrations VALUES ($1)', [name]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
