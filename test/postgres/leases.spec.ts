import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lease, LogPlace } from '../../src/postgres/leases.ts';
import { makeLease } from '../../src/postgres/leases.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { until } from '../eventstore/new-events.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';

const LONG_MS = 200_000;
let server: TestDatabase;
let database: Database;
beforeAll(async () => {
  server = await startPostgres();
  database = openDatabase(server.url);
  await migrate(database.db, 'identity');
});
afterAll(async () => {
  await database.close();
  await server.close();
});

const lease = (owner: string, leaseMs = LONG_MS, name: 'transfer-manager' | 'scheduler' = 'transfer-manager'): Lease =>
  makeLease(database.db, { name, owner, leaseMs });
const place = (position: bigint): LogPlace => ({ position, eventId: randomUUID() });

it("is one owner's at a time, and apart from others of another name", async () => {
  const [first, second] = [lease('first'), lease('second')];
  const taken = await Promise.all([first.take(), second.take()]);
  expect(taken.filter((lease) => lease !== undefined)).toEqual([{ checkpoint: undefined }]);
  expect(await lease('second', LONG_MS, 'scheduler').take()).toEqual({ checkpoint: undefined });
  await first.release();
  await second.release();
});

it('stays with its owner through renewals, and taking it again is no harm', async () => {
  const [first, second] = [lease('first'), lease('second')];
  await first.take();
  expect(await first.renew()).toBe(true);
  expect(await first.take()).toEqual({ checkpoint: undefined });
  expect(await second.renew()).toBe(false);
  await second.release(); // not theirs to give up
  expect(await second.take()).toBeUndefined();
  await first.release();
});

it('given up, it is free at once, with the checkpoint that was saved last', async () => {
  const [first, second] = [lease('first'), lease('second')];
  await first.take();
  const [early, late] = [place(7n), place(9_007_199_254_740_993n)];
  expect(await first.save(early)).toBe(true);
  expect(await first.save(late)).toBe(true);
  await first.release();
  expect(await first.renew()).toBe(false);
  expect(await second.take()).toEqual({ checkpoint: late });
  await second.release();
});

it('run out, it is taken over, and the one before saves nothing any more', async () => {
  const [first, second] = [lease('first', 300), lease('second', 300)];
  await first.take();
  const saved = place(20n);
  await first.save(saved);
  await until(async () => (await second.take()) !== undefined);
  expect(await first.save(place(21n))).toBe(false);
  expect(await first.renew()).toBe(false);
  expect(await first.take()).toBeUndefined();
  expect(await second.take()).toEqual({ checkpoint: saved });
  await second.release();
});

it('of a clock that was set back since, it is taken over, too', async () => {
  const [first, second] = [lease('first'), lease('second')];
  await first.take();
  await sql`UPDATE leases SET lease_until = lease_until + interval '1 hour'`.execute(database.db);
  expect(await second.take()).toEqual({ checkpoint: expect.anything() });
  expect(await first.renew()).toBe(false);
  expect(await first.take()).toBeUndefined();
  await second.release();
});
