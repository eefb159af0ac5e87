// How a crash is asked for, and that every point there is has a test that ends there.
import { expect, test } from 'vitest';
import { ConfigError, readEnv } from '../../src/config.ts';
import { watchEdges } from '../../src/crash-edges.ts';
import { askedCrash, CRASH_AT, CRASH_POINTS } from '../../src/crash-points.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { BROKERED_REQUESTS, CHANGES, CONSUMERS, PROJECTORS, PUBLISHERS, REBUILDS, REQUESTS, SCHEDULERS } from './victims.ts';

/** Each of them is a test's table, whose every row has to see its process end at the row's point. */
const KILLED = [...REQUESTS, ...CHANGES, ...BROKERED_REQUESTS, ...CONSUMERS, ...PUBLISHERS, ...SCHEDULERS, ...PROJECTORS, ...REBUILDS];

test('at every point some process is killed', () => {
  const reached = new Set<string>(KILLED.map(({ point }) => point));
  expect(CRASH_POINTS.filter((point) => !reached.has(point))).toEqual([]);
});

function faultsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readEnv(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test.each(CRASH_POINTS)('"%s" can be asked for, at any time that it is reached', (point) => {
  expect(faultsOf({ [CRASH_AT]: `${point}:3` })).toEqual([]);
  expect(askedCrash({ [CRASH_AT]: `${point}:3` })).toEqual({ point, nth: 3 });
  expect(askedCrash({ [CRASH_AT]: point })).toEqual({ point, nth: 1 });
});

test.each(['append', 'append answered:0', 'append answered:x', ':1', 'APPEND ANSWERED'])('"%s" is refused at the start', (asked) => {
  expect(faultsOf({ [CRASH_AT]: asked })).toEqual([expect.stringContaining(`${CRASH_AT} must be a crash point`)]);
});

test('production refuses every crash, and would not carry it out', () => {
  const environment = { NODE_ENV: 'production', [CRASH_AT]: 'append answered' };
  expect(faultsOf(environment)).toContain(`${CRASH_AT} must not be set in production: it ends the process`);
  expect(askedCrash(environment)).toBeUndefined();
});

test('where none is asked for, nothing is watched: everything is used as it is', async () => {
  expect(askedCrash({})).toBeUndefined();
  const store = connectEventStore('esdb://127.0.0.1:1?tls=false');
  expect(watchEdges(undefined).store(store)).toBe(store);
  await store.close();
});
