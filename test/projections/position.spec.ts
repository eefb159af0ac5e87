import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { moveCheckpoint } from '../../src/projections/checkpoint.ts';
import { lagEvents } from '../../src/projections/lag.ts';
import type { ProjectedPosition, WatchOptions } from '../../src/projections/position.ts';
import { watchPosition } from '../../src/projections/position.ts';
import { until } from '../eventstore/new-events.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';

let testDatabase: TestDatabase;
let database: Database;
let watched: ProjectedPosition[];
beforeEach(async () => {
  testDatabase = await startPostgres();
  database = openDatabase(testDatabase.url);
  await migrate(database.db, 'ledger');
  watched = [];
});
afterEach(async () => {
  await Promise.all(watched.map(({ close }) => close()));
  await database.close();
  await testDatabase.close();
});

const watch = (options?: WatchOptions): ProjectedPosition => {
  const position = watchPosition(database, options);
  watched.push(position);
  return position;
};
const move = (position: bigint): Promise<void> =>
  database.db
    .transaction()
    .execute((tx) =>
      moveCheckpoint(
        tx,
        { position, eventId: '00000000-0000-4000-8000-000000000000', recordedAt: '2026-01-31T12:00:00.000Z', events: 1 },
        1_000,
      ),
    );
const LONG_MS = 100_000;
/** An announcement is the only way in which this one ever learns of an advance. */
const neverPolls: WatchOptions = { pollMs: LONG_MS, reassureMs: LONG_MS };
const isListening = async (): Promise<boolean> => {
  const { rows } =
    await sql`SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle' AND datname = current_database()`.execute(
      database.db,
    );
  return rows.length > 0;
};

describe('waiting for a position', () => {
  it('ends when the projections have reached it: at once, or by an announcement, for hundreds at a time', async () => {
    const position = watch(neverPolls);
    await until(isListening);
    const waits = Array.from({ length: 300 }, (_, n) => position.waitFor(BigInt(n % 3), LONG_MS));
    const advances: bigint[] = [];
    position.onAdvance((to) => advances.push(to));
    await move(1n);
    await until(() => position.seen() === 1n);
    await move(7n);
    expect(new Set(await Promise.all(waits))).toEqual(new Set([true]));
    expect(position.seen()).toBe(7n);
    expect(advances).toEqual([1n, 7n]);
    expect(await position.waitFor(7n, 0)).toBe(true);
  });

  it('ends with false when its time is over, and when the watch is closed', async () => {
    const position = watch();
    expect(await position.waitFor(5n, 10)).toBe(false);
    const wait = position.waitFor(5n, LONG_MS);
    await position.close();
    expect(await wait).toBe(false);
    expect(await position.waitFor(5n, LONG_MS)).toBe(false);
  });

  it('does without announcements, as behind a connection pooler', async () => {
    const position = watch({ pollMs: 5, reassureMs: 5 });
    const wait = position.waitFor(3n, LONG_MS);
    await database.db.updateTable('checkpoint').set({ position: 3n }).execute();
    expect(await wait).toBe(true);
  });

  it('goes on after its connection was lost', async () => {
    const position = watch(neverPolls);
    await until(isListening);
    await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`.execute(
      database.db,
    );
    await until(async () => !(await isListening()));
    await move(3n); // announced while nobody listens
    await until(isListening);
    await until(() => position.seen() === 3n);
    const wait = position.waitFor(4n, LONG_MS);
    await move(4n);
    expect(await wait).toBe(true);
  });

  it('knows when the checkpoint went back', async () => {
    const position = watch(neverPolls);
    await until(isListening);
    await move(9n);
    await until(() => position.seen() === 9n);
    await move(2n);
    await until(() => position.seen() === 2n);
    expect(await position.waitFor(9n, 0)).toBe(false);
  });
});

describe('the lag in events', () => {
  it('is none at the head, at least one behind it, and in proportion to what events have taken so far', () => {
    expect(lagEvents({ position: -1n, events: 0n }, undefined)).toBe(0n);
    expect(lagEvents({ position: 100n, events: 10n }, 100n)).toBe(0n);
    expect(lagEvents({ position: 100n, events: 10n }, 90n)).toBe(0n);
    expect(lagEvents({ position: 100n, events: 10n }, 101n)).toBe(1n);
    expect(lagEvents({ position: 100n, events: 10n }, 1_100n)).toBe(100n);
    expect(lagEvents({ position: -1n, events: 0n }, 5n)).toBe(6n);
  });
});
