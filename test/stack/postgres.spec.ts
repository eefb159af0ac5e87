import pg from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from './postgres.ts';

test('every call gets an empty database of its own', async () => {
  await using first = await startPostgres();
  await using second = await startPostgres();
  const client = new pg.Client({ connectionString: first.url });
  await client.connect();
  await client.query('CREATE TABLE mark (n int)');
  await client.end();
  const other = new pg.Client({ connectionString: second.url });
  await other.connect();
  expect((await other.query("SELECT to_regclass('mark') AS found")).rows).toEqual([{ found: null }]);
  await other.end();
});
