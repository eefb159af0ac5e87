import { expect, test } from 'vitest';
import { makeClockGuard } from '../../src/commands/clock-guard.ts';

const TRUE_MS = Date.parse('2026-01-01T00:00:00.000Z');

/** A guard over clocks that go only when they are told to. */
async function startGuard(aheadMs = 0) {
  const clocks = { trueMs: TRUE_MS, aheadMs, probes: 0, isStoreAway: false };
  const guard = makeClockGuard({
    wallMs: () => clocks.trueMs + clocks.aheadMs,
    steadyMs: () => clocks.trueMs - TRUE_MS,
    probe: async () => {
      if (clocks.isStoreAway) throw new Error('the store is away');
      clocks.probes += 1;
      return clocks.aheadMs;
    },
    onError: () => undefined,
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
