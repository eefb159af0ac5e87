import { expect, test } from 'vitest';
import { createClock } from '../src/log/clock.ts';

/** A clock over times that the test sets. */
function clockAt(start: number) {
  const time = { wall: start, monotonic: 0 };
  return { time, clock: createClock({ wallMs: () => Math.floor(time.wall), monotonicMs: () => time.monotonic }) };
}

test('tells the time in 100 ns ticks', () => {
  const { time, clock } = clockAt(1_700_000_000_000);
  time.wall += 1.25;
  time.monotonic += 1.25;
  expect(clock.next()).toEqual({ ms: 1_700_000_000_001, ticks: '17000000000012500' });
});

test('every instant is later than the one before', () => {
  const { clock } = clockAt(1_700_000_000_000);
  const ticks = Array.from({ length: 20_001 }, () => BigInt(clock.next().ticks));
  expect(ticks.every((tick, index) => index === 0 || tick > (ticks[index - 1] ?? 0n))).toBe(true);
  expect(ticks.at(-1)).toBe(17_000_000_000_020_000n);
});

test('follows the clock of the system when it is set', () => {
  const { time, clock } = clockAt(1_700_000_000_000);
  clock.next();
  time.wall += 3_600_000;
  expect(clock.next().ms).toBe(1_700_003_600_000);
  time.wall -= 7_200_000;
  expect(clock.next().ms).toBe(1_699_996_400_000);
});
