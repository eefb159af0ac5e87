import { expect, test } from 'vitest';
import type { Outcome } from '../src/outcomes.ts';
import { makeRecovery, WINDOW_MS } from '../src/recovery.ts';

const OK: Outcome = { name: 'ok' };

function made() {
  let told = 0;
  const recovery = makeRecovery({
    usualMs: () => 20,
    onRecovered: () => {
      told += 1;
    },
  });
  /** A window of forty requests, all answered. */
  const window = (at: number, outcomeOf: (request: number) => readonly [Outcome, number]): void => {
    for (let request = 0; request < 40; request += 1) {
      const dueMs = at * WINDOW_MS + request * 10;
      recovery.begun(dueMs);
      recovery.ended(dueMs, ...outcomeOf(request));
    }
  };
  return { recovery, window, told: () => told };
}

test('answers are as usual from the first of two windows in which they are', () => {
  const { recovery, window, told } = made();
  window(0, () => [{ name: 'overloaded' }, 1]);
  window(1, () => [OK, 300]);
  window(2, () => [OK, 10]);
  window(3, (request) => [OK, request < 3 ? 21 : 10]);
  window(4, () => [OK, 20]);
  // One in twenty may take longer, and more may not.
  window(5, (request) => [OK, request < 2 ? 500 : 10]);
  expect(recovery.recoveredMs()).toBeUndefined();
  window(6, () => [OK, 300]);
  expect(recovery.recoveredMs()).toBe(2_000);
  window(7, () => [OK, 10]);
  expect([recovery.recoveredMs(), told()]).toEqual([2_000, 1]);
});

test('a window counts when everything in it is answered', () => {
  const { recovery, window } = made();
  recovery.begun(0);
  for (const at of [0, 1, 2]) window(at, () => [OK, 10]);
  expect(recovery.recoveredMs()).toBeUndefined();
  recovery.ended(0, OK, 10);
  expect(recovery.recoveredMs()).toBe(0);
});

test('steps that the overload left without a beginning say nothing', () => {
  const { recovery, window } = made();
  for (const at of [0, 1]) window(at, () => [{ name: 'skipped' }, 0]);
  for (const at of [2, 3, 4]) window(at, (request) => [request < 20 ? { name: 'skipped' } : OK, 10]);
  expect(recovery.recoveredMs()).toBe(1_000);
});
