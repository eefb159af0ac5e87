import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/postgres/migrate.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';

describe('migrations', () => {
  it('run once, and find nothing to do the second time', async () => {
    await using database = await startPostgres();
    const { db, close } = openDatabase(database.url);
    const ran = await migrate(db, 'ledger');
    expect(ran[0]).toBe('0001-projections');
    expect(await migrate(db, 'ledger')).toEqual([]);
    expect(await db.selectFrom('checkpoint').select(['position', 'events']).execute()).toEqual([{ position: null, events: 0n }]);
    await close();
  });

  it('may be started by many processes at a time', async () => {
    await using database = await startPostgres();
    const processes = Array.from({ length: 8 }, () => openDatabase(database.url, { maxConnections: 2 }));
    const ran = await Promise.all(processes.map(({ db }) => migrate(db, 'ledger')));
    expect(ran.filter((names) => names.length > 0)).toHaveLength(1);
    await Promise.all(processes.map(({ close }) => close()));
  });

  it('build the same tables in another schema beside the live ones', async () => {
    await using database = await startPostgres();
    const live = openDatabase(database.url);
    await migrate(live.db, 'ledger');
    await sql`CREATE SCHEMA shadow`.execute(live.db);
    const shadow = openDatabase(database.url, { schema: 'shadow' });
    expect(await migrate(shadow.db, 'ledger')).toContain('0001-projections');
    await shadow.db.updateTable('checkpoint').set({ position: 7n }).execute();
    expect(await live.db.selectFrom('checkpoint').select('position').execute()).toEqual([{ position: null }]);
    const { rows } = await sql<{ schema: string; tables: bigint; constraints: bigint }>`
      SELECT n.nspname AS schema, count(DISTINCT c.oid) AS tables, count(k.oid) AS constraints FROM pg_namespace n
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r' LEFT JOIN pg_constraint k ON k.conrelid = c.oid
      WHERE n.nspname IN ('public', 'shadow') GROUP BY 1 ORDER BY 1
    `.execute(live.db);
    expect(rows[0]).toEqual({ ...rows[1], schema: 'public' });
    await Promise.all([shadow.close(), live.close()]);
  });

  it('say so where the schema does not exist', async () => {
    await using database = await startPostgres();
    const { db, close } = openDatabase(database.url, { schema: 'nowhere' });
    await expect(migrate(db, 'ledger')).rejects.toThrow('no schema');
    await close();
  });
});

describe('values', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startPostgres();
  });
  afterAll(() => database.close());

  it('come back exactly: whole numbers as bigint, amounts as text, times in UTC', async () => {
    const { db, close } = openDatabase(database.url);
    const digits = `${'9'.repeat(42)}.${'1'.repeat(18)}`;
    const { rows } = await sql`
      SELECT ${9007199254740993n}::bigint AS whole, ${digits}::numeric AS amount, ${'90.00'}::numeric AS scaled,
        ${'2026-01-31T12:00:00Z'}::timestamptz AS second, ${'2026-01-31T12:00:00.123456Z'}::timestamptz AS micro, '2026-01-31'::date AS day
    `.execute(db);
    expect(rows).toEqual([
      {
        whole: 9007199254740993n,
        amount: digits,
        scaled: '90.00',
        second: '2026-01-31T12:00:00.000Z',
        micro: '2026-01-31T12:00:00.123456Z',
        day: '2026-01-31',
      },
    ]);
    await close();
  });

  it('are the same in a session of another time zone', async () => {
    const { pool, close } = openDatabase(database.url, { maxConnections: 1 });
    await pool.query("SET timezone = 'Asia/Kolkata'");
    const { rows } = await pool.query("SELECT '2026-01-31T12:00:00.5Z'::timestamptz AS at");
    expect(rows).toEqual([{ at: '2026-01-31T12:00:00.500Z' }]);
    await close();
  });

  it('go through statements that each connection prepares once', async () => {
    const { db, pool, close } = openDatabase(database.url, { maxConnections: 1 });
    for (const n of [1, 2, 3]) await sql`SELECT ${n}::int`.execute(db);
    const { rows } = await pool.query('SELECT statement FROM pg_prepared_statements');
    expect(rows).toEqual([{ statement: 'SELECT $1::int' }]);
    await close();
  });

  it('go through statements that are not kept, where a pooler asks for that', async () => {
    const { db, pool, close } = openDatabase(database.url, { maxConnections: 1, preparedStatements: false });
    await sql`SELECT ${1}::int`.execute(db);
    expect((await pool.query('SELECT statement FROM pg_prepared_statements')).rows).toEqual([]);
    await close();
  });
});
