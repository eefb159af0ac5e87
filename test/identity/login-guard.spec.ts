// Guessing passwords, from one address and from many, through one process and through two.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LoginAttempt, LoginGuard } from '../../src/identity/login-guard.ts';
import { makeLoginGuard } from '../../src/identity/login-guard.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Database, openDatabase } from '../../src/postgres/pool.ts';
import { startPostgres, type TestDatabase } from '../stack/postgres.ts';

let server: TestDatabase;
let database: Database;
let guard: LoginGuard;
/** As another process would have it. */
let other: LoginGuard;
beforeAll(async () => {
  server = await startPostgres();
  database = openDatabase(server.url);
  await migrate(database.db, 'identity');
});
beforeEach(async () => {
  await database.pool.query('TRUNCATE login_attempts');
  guard = makeLoginGuard(database.db);
  other = makeLoginGuard(database.db);
});
afterAll(async () => {
  vi.useRealTimers();
  await database.close();
  await server.close();
});

const alice = (address = '192.0.2.1'): LoginAttempt => ({ name: 'alice', address });

/** How many of so many attempts, all at once and over both processes, are let through; they fail. */
async function letThrough(count: number, attempt: (index: number) => LoginAttempt): Promise<number> {
  const tries = Array.from({ length: count }, (_, index) => tried(index % 2 ? guard : other, attempt(index)));
  return (await Promise.all(tries)).filter((isThrough) => isThrough).length;
}

/** The same, one after another. */
async function letThroughInTurn(count: number, attempt: (index: number) => LoginAttempt): Promise<number> {
  let through = 0;
  for (let index = 0; index < count; index += 1) if (await tried(index % 2 ? guard : other, attempt(index))) through += 1;
  return through;
}

/** Whether an attempt, which fails, is let through. */
async function tried(by: LoginGuard, attempt: LoginAttempt): Promise<boolean> {
  if ((await by.waitS(attempt)) !== undefined) return false;
  await by.failed(attempt);
  return true;
}

test('ten tries at a name from an address, also when all are made at once; then a wait of 15 minutes at most', async () => {
  expect(await letThrough(40, () => alice())).toBe(10);
  const waitS = await guard.waitS(alice());
  expect(waitS).toBeGreaterThan(800);
  expect(waitS).toBeLessThanOrEqual(900);
});

test('a name is the same in whichever case, an address in whichever spelling, a /64 as a whole', async () => {
  const spellings = ['ALICE', 'Alice', 'aLiCe'];
  expect(await letThrough(20, (index) => ({ name: spellings[index % 3] ?? '', address: '192.0.2.1' }))).toBe(10);
  expect(await guard.waitS(alice('::ffff:192.0.2.1'))).toBeDefined();
  expect(await letThrough(20, (index) => ({ name: 'bob', address: `2001:db8:1:2:${index.toString(16)}::1` }))).toBe(10);
  expect(await guard.waitS({ name: 'bob', address: '2001:db8:1:3::1' })).toBeUndefined();
});

test('whoever fails from one address does not lock the user out of another', async () => {
  await letThrough(40, () => alice());
  expect(await guard.waitS(alice('198.51.100.7'))).toBeUndefined();
});

test('fifty tries from an address, whatever the names', async () => {
  expect(await letThroughInTurn(60, (index) => ({ name: `user-${index}`, address: '192.0.2.1' }))).toBe(50);
  expect(await guard.waitS({ name: 'somebody-else', address: '192.0.2.2' })).toBeUndefined();
});

describe('from very many addresses', () => {
  const crowd = (index: number): LoginAttempt => alice(`10.0.${index % 200}.${Math.floor(index / 200)}`);

  test('a hundred tries at one name', async () => {
    expect(await letThroughInTurn(120, crowd)).toBe(100);
  });

  test('the user still comes in from where they came in before', async () => {
    expect(await guard.waitS(alice())).toBeUndefined();
    await guard.succeeded(alice());
    await letThroughInTurn(120, crowd);
    expect(await other.waitS(alice('203.0.113.9'))).toBeGreaterThan(0);
    expect(await other.waitS(alice())).toBeUndefined();
    await other.succeeded(alice());
    expect(await other.waitS(alice('203.0.113.9'))).toBeGreaterThan(0);
  });
});

test('whoever logs in is never made to wait, however often', async () => {
  for (let time = 0; time < 60; time += 1) {
    expect(await guard.waitS(alice())).toBeUndefined();
    await guard.succeeded(alice());
  }
});

test('many who log in at once from one address keep nobody out', async () => {
  const everybody = Array.from({ length: 120 }, (_, index) => ({ name: `user-${index}`, address: '192.0.2.1' }));
  expect(new Set(await Promise.all(everybody.map((attempt) => guard.waitS(attempt))))).toEqual(new Set([undefined]));
  await Promise.all(everybody.map((attempt) => guard.succeeded(attempt)));
  expect(await guard.waitS(alice())).toBeUndefined();
});

test('an attempt whose password was not looked at does not count', async () => {
  for (let time = 0; time < 60; time += 1) {
    expect(await guard.waitS(alice())).toBeUndefined();
    await guard.untried(alice());
  }
  expect(await letThrough(20, () => alice())).toBe(10);
});

test('logging in does not wipe out what the address failed at with other names', async () => {
  expect(await letThroughInTurn(49, (index) => ({ name: `user-${index}`, address: '192.0.2.1' }))).toBe(49);
  expect(await guard.waitS(alice())).toBeUndefined();
  await guard.succeeded(alice());
  expect(await letThroughInTurn(10, (index) => ({ name: `another-${index}`, address: '192.0.2.1' }))).toBe(1);
});

test('after its time everything is open again, and its rows are gone', async () => {
  await letThrough(20, () => alice());
  expect(await rows()).toHaveLength(3);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 16 * 60_000 });
  expect(await guard.waitS(alice())).toBeUndefined();
  expect(await rows()).toHaveLength(1);
  vi.setSystemTime(Date.now() + 32 * 60_000);
  expect(await guard.waitS({ name: 'bob', address: '192.0.2.9' })).toBeUndefined();
  expect(await rows()).toHaveLength(1);
  vi.useRealTimers();
});

test('neither names nor addresses are kept', async () => {
  await guard.waitS(alice());
  await guard.succeeded(alice());
  expect(JSON.stringify(await rows())).not.toMatch(/alice|192\.0/);
});

test('without Postgres nobody is let through', async () => {
  const away = openDatabase('postgres://nobody@127.0.0.1:1/nothing');
  await expect(makeLoginGuard(away.db).waitS(alice())).rejects.toThrow();
  await away.close();
});

const rows = async (): Promise<readonly object[]> => (await database.pool.query('SELECT * FROM login_attempts')).rows;
