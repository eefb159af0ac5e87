// One connection for everything: for work that must be known to be alone, or that kysely and COPY do together.
import { Kysely, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import type { Database, LedgerDb } from './pool.ts';
import type { LedgerTables } from './tables.ts';

export interface Session extends AsyncDisposable {
  /** Over this one connection: one transaction at a time. */
  readonly db: LedgerDb;
  readonly client: pg.PoolClient;
}

/**
 * Takes a connection out of the pool; disposing of it ends the connection, and with it what it holds. Tables are looked for and
 * made in `schema`, which need not be there yet.
 */
export async function openSession({ pool }: Pick<Database, 'pool'>, schema: string): Promise<Session> {
  const client = await pool.connect();
  const lent = { query: client.query.bind(client), release: () => {} };
  const db = new Kysely<LedgerTables>({
    dialect: new PostgresDialect({ pool: { connect: () => Promise.resolve(lent), end: () => Promise.resolve(), options: {} } }),
  });
  let isOpen = true;
  const session: Session = {
    db,
    client,
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      isOpen = false;
      await db.destroy();
      client.release(true);
    },
  };
  try {
    await sql`SELECT set_config('search_path', ${client.escapeIdentifier(schema)}, false)`.execute(db);
    return session;
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}
