// Dropping tables that others are still on their way to.
import { sql } from 'kysely';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/postgres/pool.ts';
import { openSession } from '../../src/postgres/session.ts';
import { dropSchema } from '../../src/projections/shadow-tables.ts';
import { until } from '../eventstore/new-events.ts';
import { startPostgres } from '../stack/postgres.ts';

const server = await startPostgres();
const database = openDatabase(server.url);
afterAll(async () => {
  await database.close();
  await server.close();
});

test.each([
  ['accounts', 'balances'],
  ['balances', 'accounts'],
])('a prepared statement that waits for %s before it reads %s is in nobody’s way', async (first, second) => {
  await sql`CREATE SCHEMA old`.execute(database.db);
  for (const table of [second, first]) await sql`CREATE TABLE ${sql.id('old', table)} (id integer)`.execute(database.db);
  await using reader = await openSession(database, 'old');
  await using other = await openSession(database, 'old');
  const read = { name: 'both', text: `SELECT ${first}.id FROM ${first} JOIN ${second} USING (id) WHERE id > $1`, values: [0] };
  for (let times = 0; times < 10; times += 1) await reader.client.query(read); // until its plan is kept
  const waiting = async (): Promise<bigint> =>
    (
      await sql<{ count: bigint }>`
        SELECT count(*) FROM pg_locks k JOIN pg_database d ON d.oid = k.database WHERE d.datname = current_database() AND NOT k.granted
      `.execute(database.db)
    ).rows[0]?.count ?? 0n;
  await other.client.query(`BEGIN; LOCK TABLE ${first} IN ACCESS EXCLUSIVE MODE`);
  const outcome = reader.client.query(read).then(
    () => 'read',
    (error: Error) => error.message,
  );
  await until(async () => (await waiting()) === 1n);
  const dropping = dropSchema(database.db, 'old');
  await until(async () => (await waiting()) === 2n);
  await other.client.query('COMMIT');
  await dropping;
  expect(await outcome).toMatch(/^read$|^relation .* does not exist$/);
});
