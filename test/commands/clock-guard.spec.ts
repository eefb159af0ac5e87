import { expect, test } from 'vitest';
import { makeClockGuard } from '../../src/commands/clock-guard.ts';

const TRUE_MS = Date.parse('2026-01-01T00:00:00.000Z');

/** A guard over clocks that go only when they are told to. */
async function startGuard(aheadMs = 0, storeTakesMs: number[] = []) {
  const clocks = { trueMs: TRUE_MS, aheadMs, probes: 0, errors: 0, isStoreAway: false, storeTakesMs };
  const guard = makeClockGuard({
    wallMs: () => clocks.trueMs + clocks.aheadMs,
    steadyMs: () => clocks.trueMs - TRUE_MS,
    probe: async () => {
      clocks.probes += 1;
      if (clocks.isStoreAway) throw new Error('the store is away');
      // It stamps the event when it is about to answer: so late that the lower bound is as low as it can be.
      const tookMs = clocks.storeTakesMs.shift() ?? 0;
      const atMostMs = clocks.aheadMs;
      clocks.trueMs += tookMs;
      return { atLeastMs: atMostMs - tookMs, atMostMs };
    },
    onError: () => {
      clocks.errors += 1;
    },
  });
  await guard.start();
  return { clocks, guard, [Symbol.dispose]: guard.close };
}

test('a clock that goes right is no reason to refuse anything', async () => {
  using started = await startGuard();
  const { guard, clocks } = started;
  clocks.trueMs += 20_000;
  expect(guard.refusal()).toBeUndefined();
  expect(guard.nowMs()).toBe(TRUE_MS + 20_000);
});

test('a clock that is ahead from the start is refused, and its time goes into no event', async () => {
  using started = await startGuard(3_600_000);
  expect(started.guard.refusal()?.code).toBe('store_unavailable');
  expect(started.guard.nowMs()).toBe(TRUE_MS + 2_000);
});

test('a clock that is set ahead between two comparisons is refused at once, and no longer once it is set back', async () => {
  using started = await startGuard();
  const { guard, clocks } = started;
  clocks.isStoreAway = true;
  clocks.trueMs += 1_000;
  clocks.aheadMs = 3_600_000;
  expect(guard.aheadMs()).toBe(3_600_000);
  expect(guard.refusal()?.detail).toContain('3600000 ms ahead');
  expect(guard.nowMs()).toBe(TRUE_MS + 3_000);
  clocks.aheadMs = 0;
  expect(guard.refusal()).toBeUndefined();
  expect(guard.nowMs()).toBe(TRUE_MS + 1_000);
});

test('a clock that was wrong when it was compared, and is put right, is compared again when the next command comes', async () => {
  using started = await startGuard(10_000);
  const { guard, clocks } = started;
  clocks.aheadMs = 0;
  clocks.trueMs += 1_000;
  const before = clocks.probes;
  expect(guard.refusal()).toBeUndefined();
  expect(clocks.probes).toBe(before + 1);
  expect(guard.aheadMs()).toBe(0);
});

test('a clock that is behind takes commands: no account goes back in time by it', async () => {
  using started = await startGuard(-3_600_000);
  expect(started.guard.refusal()).toBeUndefined();
  expect(started.guard.nowMs()).toBe(TRUE_MS - 3_600_000);
});

test('a clock that is ahead is refused though the first answer of the store was slow', async () => {
  using started = await startGuard(5_000, [10_000]);
  const { guard, clocks } = started;
  expect(clocks.probes).toBe(1); // nobody waits longer for the start
  expect(guard.nowMs()).toBe(clocks.trueMs + 2_000);
  using quicker = await startGuard(5_000, [2_900, 10]);
  expect(quicker.clocks.probes).toBe(2);
  expect(quicker.guard.refusal()?.detail).toContain('4990 ms ahead');
});

test('a store that stays slow makes no clock refuse that may be right, and gives none a time that is too far ahead', async () => {
  using ahead = await startGuard(5_000, [900, 900, 9_000]);
  expect(ahead.clocks.probes).toBe(3);
  expect(ahead.guard.nowMs()).toBe(ahead.clocks.trueMs + 2_000);
  using slow = await startGuard(5_000, Array(3).fill(4_000));
  expect(slow.guard.refusal()).toBeUndefined();
  expect(slow.guard.nowMs()).toBe(slow.clocks.trueMs + 2_000);
  using right = await startGuard(0, Array(3).fill(900));
  expect(right.guard.refusal()).toBeUndefined();
  expect(right.guard.nowMs()).toBe(right.clocks.trueMs);
});

test('what was known before a slow comparison still holds, as far as that does not speak against it', async () => {
  using started = await startGuard();
  const { guard, clocks } = started;
  clocks.trueMs += 1_000;
  clocks.aheadMs = 5_000;
  clocks.storeTakesMs.push(10_000);
  expect(guard.refusal()?.detail).toContain('5000 ms ahead');
  await Promise.resolve();
  await Promise.resolve();
  expect(clocks.probes).toBe(2);
  expect(guard.refusal()?.code).toBe('store_unavailable');
});

test('while the store is away commands ask for one comparison a second, and no more', async () => {
  using started = await startGuard();
  const { guard, clocks } = started;
  clocks.isStoreAway = true;
  clocks.aheadMs = 3_600_000;
  clocks.trueMs += 500;
  for (let ms = 0; ms < 3_000; ms += 10) {
    clocks.trueMs += 10;
    expect(guard.refusal()?.code).toBe('store_unavailable');
    for (let n = 0; n < 10; n += 1) await Promise.resolve();
  }
  expect(clocks.errors).toBe(3);
  expect(clocks.probes).toBe(1 + 3);
});
