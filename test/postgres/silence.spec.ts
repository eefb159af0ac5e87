// A server that falls silent: half-open connections are given up, long queries are not.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { makeSilenceWatch } from '../../src/postgres/silence.ts';
import type { Link } from '../chaos/link.ts';
import { openLink } from '../chaos/link.ts';
import { startPostgres } from '../stack/postgres.ts';

const LATE_MS = 300;

async function open(opened: AsyncDisposableStack): Promise<{ readonly database: Database; readonly link: Link }> {
  const postgres = opened.use(await startPostgres());
  const url = new URL(postgres.url);
  const serverPort = Number(url.port);
  const link = opened.adopt(await openLink(() => serverPort), ({ close }) => close());
  url.port = String(link.port);
  const silence = { lateMs: LATE_MS, patienceMs: LATE_MS };
  return { database: opened.adopt(openDatabase(url.href, { silence, maxConnections: 3 }), ({ close }) => close()), link };
}

test.for(['there', 'back'] as const)('a query whose way %s is lost fails, and the next one has another connection', async (direction) => {
  await using opened = new AsyncDisposableStack();
  const { database, link } = await open(opened);
  const ask = () => Promise.allSettled([1, 2].map(() => sql`SELECT 1 FROM pg_sleep(0.05)`.execute(database.db)));
  expect((await ask()).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  const broken = link.break({ kind: 'half-open', direction });
  expect((await ask()).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(broken.strikes()).toBeGreaterThan(0);
  broken.mend();
  expect((await sql<{ n: number }>`SELECT 2 AS n`.execute(database.db)).rows).toEqual([{ n: 2 }]);
});

test('a transaction whose connection has fallen silent fails as a whole', async () => {
  await using opened = new AsyncDisposableStack();
  const { database, link } = await open(opened);
  await sql`CREATE TABLE kept (n int)`.execute(database.db);
  const done = database.db.transaction().execute(async (tx) => {
    await sql`INSERT INTO kept VALUES (1)`.execute(tx);
    link.break({ kind: 'half-open', direction: 'there' });
    await sql`INSERT INTO kept VALUES (2)`.execute(tx);
  });
  await expect(done).rejects.toThrow();
});

test('a long query is waited for: the server is there', async () => {
  await using opened = new AsyncDisposableStack();
  const { database } = await open(opened);
  const answered = sql<{ n: number }>`SELECT 3 AS n FROM pg_sleep(${(8 * LATE_MS) / 1_000})`.execute(database.db);
  expect((await answered).rows).toEqual([{ n: 3 }]);
});

test('what is asked on a connection that has ended has nobody look for the server', async () => {
  await using opened = new AsyncDisposableStack();
  const { database } = await open(opened);
  let looks = 0;
  const server = createServer((socket) => {
    looks += 1;
    socket.destroy();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  opened.defer(() => void server.close());
  const watch = makeSilenceWatch(`postgres://127.0.0.1:${(server.address() as AddressInfo).port}/none`, { lateMs: 30, patienceMs: 1_000 });
  opened.defer(watch.close);
  const client = await database.pool.connect();
  watch.watch(client);
  watch.asked(client);
  const ended = new Promise<void>((resolve) => client.once('end', resolve));
  client.connection.stream.destroy();
  await ended;
  watch.asked(client);
  await expect(client.query('SELECT 1')).rejects.toThrow('not queryable');
  client.release(true);
  await sleep(300);
  expect(looks).toBe(0);
});
