import { expect, test } from 'vitest';
import type { PaceOptions } from '../src/pace.ts';
import { LONGEST_RECOVERY_S, makePace, warmUpOf } from '../src/pace.ts';

/** When every step is due, at the beginning of its slot. */
function momentsOf(options: PaceOptions): readonly number[] {
  const pace = makePace(options);
  return Array.from({ length: pace.steps }, (_, place) => pace.dueMs(place));
}
const within = (moments: readonly number[], fromS: number, toS: number): number =>
  moments.filter((ms) => ms >= fromS * 1_000 && ms < toS * 1_000).length;

test('the rate rises from what a cold service takes, and is the whole one from then on', () => {
  const moments = momentsOf({ rps: 1_000, warmUpS: 10, durationS: 5 });
  expect(moments[0]).toBe(0);
  expect(moments).toEqual([...moments].sort((one, other) => one - other));
  const seconds = Array.from({ length: 15 }, (_, second) => within(moments, second, second + 1));
  expect(seconds.slice(0, 10)).toEqual([...seconds.slice(0, 10)].sort((one, other) => one - other));
  expect(seconds[0]).toBeCloseTo(97, -1);
  expect(seconds[9]).toBeCloseTo(952, -1);
  expect(seconds.slice(10)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000]);
});

test('a rate that a cold service takes does not rise', () => {
  expect(momentsOf({ rps: 40, warmUpS: 1, durationS: 5 })).toEqual(Array.from({ length: 240 }, (_, step) => expect.closeTo(step * 25, 6)));
});

test('without a warm-up all is measured', () => {
  const pace = makePace({ rps: 100, warmUpS: 0, durationS: 3 });
  expect([pace.steps, pace.durationMs, pace.partAt(0), pace.partAt(2_999)]).toEqual([300, 3_000, 'measured', 'measured']);
});

test('after an overload the rate is the usual one', () => {
  const options = { rps: 100, warmUpS: 5, durationS: 10, overload: { rps: 800, durationS: 30 } };
  const pace = makePace(options);
  const moments = momentsOf(options);
  expect([within(moments, 5, 15), within(moments, 15, 45), within(moments, 45, 46)]).toEqual([1_000, 24_000, 100]);
  expect([4_999, 5_000, 14_999, 15_000, 44_999, 45_000].map(pace.partAt)).toEqual([
    'warm-up',
    'measured',
    'measured',
    'overload',
    'overload',
    'recovery',
  ]);
  expect(pace.beginsMs('recovery')).toBe(45_000);
  expect(pace.durationMs).toBe((45 + LONGEST_RECOVERY_S) * 1_000);
});

test.each([
  [1, 5],
  [100, 5],
  [1_000, 10],
  [10_000, 30],
])('at %d a second it rises for %d s, where nothing else is said', (rps, seconds) => {
  expect(warmUpOf(rps)).toBe(seconds);
});
