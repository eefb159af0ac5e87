import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export interface TestDatabase extends AsyncDisposable {
  /** `postgres://…` of a database that nobody else uses and in which nothing has been created yet. */
  readonly url: string;
  /** Drops the database, ending whatever is still connected to it. */
  close(): Promise<void>;
}

/**
 * A fresh, empty database on the Postgres server that serves the whole test run.
 *
 * The server is the real one, started once by the run's global setup, without fsync: its data is thrown away
 * with the run. Tests that kill Postgres start their own with `startEmbeddedPostgres`.
 *
 * @example
 * ```ts
 * const database = await startPostgres();
 * afterAll(database.close);
 * ```
 */
export async function startPostgres(): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  // By itself Postgres writes all of them to its log first, which takes five times as long.
  await administer(server, `CREATE DATABASE ${name} TEMPLATE template0 STRATEGY FILE_COPY`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const close = async (): Promise<void> => administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  return { url: url.href, close, [Symbol.asyncDispose]: close };
}

async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
