import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { isRunning, waitUntilGone } from '../../src/embedded/process-identity.ts';
import { PATIENCE_MS } from '../stack/patience.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { orphanedServer } from './orphaned-server.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await scratchFolder();
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

test('comes up durable and loopback only, keeps its data, port and password, and leaves no process', async () => {
  const first = await startEmbeddedPostgres({ dataDir });
  await query(first.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
  const shown = await Promise.all(['fsync', 'synchronous_commit', 'listen_addresses'].map((name) => query(first.url, `SHOW ${name}`)));
  expect(shown.flat()).toEqual([{ fsync: 'on' }, { synchronous_commit: 'on' }, { listen_addresses: '127.0.0.1' }]);
  await first.stop();
  await first.stop();
  expect(isRunning(first.pid)).toBe(false);

  const second = await startEmbeddedPostgres({ dataDir });
  expect(second.url).toBe(first.url);
  expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  await second.stop();
});

test('the password is random, needed, and readable by its owner only', async () => {
  const server = await startEmbeddedPostgres({ dataDir });
  const wrong = new URL(server.url);
  expect(wrong.password.length).toBeGreaterThan(20);
  wrong.password = 'ledger';
  await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
  expect((await stat(join(dataDir, 'postgres-access.json'))).mode & 0o777).toBe(0o600);
  await server.stop();
});

test('runs without privileges, and keeps one only where it could not reach its folder otherwise', async () => {
  const capabilities = async (pid: number): Promise<bigint> =>
    BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]}`);
  const overridesAccess = 1n << 1n;
  // A temporary folder is open to its owner only. Where that is root, Postgres is somebody else.
  const closed = await startEmbeddedPostgres({ dataDir });
  expect(await capabilities(closed.pid)).toBe(process.getuid?.() === 0 ? overridesAccess : 0n);
  await closed.stop();
  await chmod(dataDir, 0o711);
  const open = await startEmbeddedPostgres({ dataDir });
  expect(await capabilities(open.pid)).toBe(0n);
  await open.stop();
});

test('takes another port when somebody else listens on its own', async () => {
  const first = await startEmbeddedPostgres({ dataDir });
  const port = Number(new URL(first.url).port);
  await first.stop();
  const squatter = createServer().listen(port, '127.0.0.1');
  const second = await startEmbeddedPostgres({ dataDir });
  expect(Number(new URL(second.url).port)).not.toBe(port);
  expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await second.stop();
  squatter.close();
});

test('what was committed survives a kill -9 of the server', async () => {
  const first = await startEmbeddedPostgres({ dataDir });
  await query(first.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (8)');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;

  const second = await startEmbeddedPostgres({ dataDir });
  expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 8 }]);
  await second.stop();
});

test('ends with the process that started it, even when that one is killed', async () => {
  const { pid } = await orphanedServer('postgres', dataDir, { keepGuard: true });
  expect(await waitUntilGone(pid, PATIENCE_MS)).toBe(true);
  const next = await startEmbeddedPostgres({ dataDir });
  expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await next.stop();
});

test('a server that lost its parent and its guard is replaced', async () => {
  const { pid } = await orphanedServer('postgres', dataDir, { keepGuard: false });
  expect(isRunning(pid)).toBe(true);
  const next = await startEmbeddedPostgres({ dataDir });
  expect(isRunning(pid)).toBe(false);
  expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await next.stop();
});

test('a stale postmaster.pid whose number is now an unrelated process does no harm, to either', async () => {
  const first = await startEmbeddedPostgres({ dataDir });
  const pidFile = join(dataDir, 'postgres', 'postmaster.pid');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const [, ...rest] = (await readFile(pidFile, 'utf8')).split('\n');
  const unrelated = process.ppid;
  await writeFile(pidFile, [String(unrelated), ...rest].join('\n'));

  const second = await startEmbeddedPostgres({ dataDir });
  expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await second.stop();
  expect(isRunning(unrelated)).toBe(true);
});

test('a creation that was interrupted is done anew', async () => {
  const draft = join(dataDir, 'postgres.new');
  await writeFile(draft, 'half a database');
  const server = await startEmbeddedPostgres({ dataDir });
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await server.stop();
});

test('a server that does not come up says what its log says', async () => {
  await expect(startEmbeddedPostgres({ dataDir, settings: { shared_buffers: 'plenty' } })).rejects.toThrow(/shared_buffers/);
});
