import { expect, test } from 'vitest';
import type { Tolerated } from '../src/outcomes.ts';
import { makeRecorder, maxMs, percentileMs } from '../src/recorder.ts';

function made({ tolerated = new Set(), durationMs = 10_000 }: { tolerated?: Tolerated; durationMs?: number } = {}) {
  let now = 0;
  const told: string[] = [];
  const recorder = makeRecorder({
    tolerated,
    durationMs,
    now: () => now,
    onRecorded: (operation, outcome, latencyMs) => void told.push(`${operation} ${outcome} ${latencyMs}`),
  });
  return {
    recorder,
    told,
    at: (ms: number): void => {
      now = ms;
    },
  };
}

test('what is as it should be is timed, by operation, in all, and as durable where it is a write', () => {
  const { recorder, told } = made();
  for (let ms = 1; ms <= 100; ms += 1) recorder.ended('deposit', { name: 'ok' }, ms, true);
  recorder.ended('balances', { name: 'ok' }, 500, false);
  const [deposits] = recorder.rows();
  if (deposits === undefined) throw new Error('there is a row');
  expect(percentileMs(deposits.histogram, 50)).toBeCloseTo(50, 0);
  expect(percentileMs(deposits.histogram, 99)).toBeCloseTo(99, 0);
  expect(maxMs(deposits.histogram)).toBeCloseTo(100, 0);
  expect([recorder.all.totalCount, recorder.durable.totalCount]).toEqual([101, 100]);
  expect(maxMs(recorder.all)).toBeCloseTo(500, 0);
  expect(told.at(-1)).toBe('balances ok 500');
});

test('what went wrong is counted, shown by kind, and in no latency', () => {
  const { recorder, told } = made();
  for (let count = 0; count < 500; count += 1) recorder.ended('deposit', { name: 'not-sent' }, 0, true);
  recorder.ended('withdraw', { name: 'unexpected', detail: 'insufficient_funds: …' }, 3, true);
  recorder.trouble('log-in', 'rate_limited: …');
  expect(recorder.errors()).toBe(502);
  expect(recorder.examples()).toEqual([
    'deposit not-sent (500)',
    'withdraw unexpected (1): insufficient_funds: …',
    'log-in (1): rate_limited: …',
  ]);
  expect(recorder.all.totalCount).toBe(0);
  expect(told[0]).toBe('deposit not-sent undefined');
});

test.each([
  ['nothing', [], 3],
  ['overload', ['overload'], 1],
  ['an outage', ['outage'], 1],
  ['both', ['overload', 'outage'], 0],
] as const)('where %s is tolerated, so many of three are errors', (_, tolerated, errors) => {
  const { recorder } = made({ tolerated: new Set(tolerated) });
  for (const name of ['overloaded', 'unknown', 'skipped'] as const) recorder.ended('deposit', { name }, 1, true);
  expect(recorder.errors()).toBe(errors);
});

test('what was not sent, and what is not the right answer, is an error always', () => {
  const { recorder } = made({ tolerated: new Set(['overload', 'outage']) });
  recorder.ended('deposit', { name: 'not-sent' }, 0, true);
  recorder.ended('deposit', { name: 'unexpected' }, 0, true);
  expect(recorder.errors()).toBe(2);
});

test('what is tolerated from some moment on was an error before it', () => {
  const { recorder } = made();
  const refuse = (): void => recorder.afterwards('overload', { name: 'overloaded' }, 1);
  refuse();
  recorder.tolerate('overload');
  refuse();
  recorder.afterwards('overload', { name: 'unknown' }, 1);
  expect(recorder.errors()).toBe(2);
});

test('what comes after what is measured is in the course of time, and in no figure', () => {
  const { recorder, at } = made();
  recorder.ended('deposit', { name: 'ok' }, 5, true);
  at(1_000);
  recorder.afterwards('overload', { name: 'ok' }, 50);
  at(2_000);
  recorder.afterwards('overload', { name: 'unexpected' }, 50);
  expect(recorder.all.totalCount).toBe(1);
  expect(recorder.asideRows().map(({ operation, outcomes }) => [operation, ...outcomes])).toEqual([
    ['overload', ['ok', 1], ['unexpected', 1]],
  ]);
  expect(recorder.points().map(({ p50Ms }) => Math.round(p50Ms))).toEqual([5, 50]);
  // Its second is not over; its error is not to be lost for that.
  expect(recorder.points().map(({ errors }) => errors)).toEqual([0, 1]);
});

test('what is beside the plan has rows of its own, and its errors count', async () => {
  const { recorder, at } = made();
  const { promise, resolve } = Promise.withResolvers<string>();
  const timed = recorder.timed('log-in', promise);
  at(80);
  resolve('a session');
  expect(await timed).toBe('a session');
  recorder.beside('warm-up', { name: 'unexpected', detail: 'x' }, 1);
  expect(recorder.rows()).toEqual([]);
  expect(recorder.asideRows().map(({ operation }) => operation)).toEqual(['log-in', 'warm-up']);
  expect(recorder.all.totalCount).toBe(0);
  expect(recorder.errors()).toBe(1);
});

test('the chart has a point a second, and a bounded number of them however long it takes', () => {
  const short = made();
  for (let ms = 0; ms < 3_000; ms += 10) {
    short.at(ms);
    short.recorder.ended('deposit', { name: ms === 1_500 ? 'unexpected' : 'ok' }, ms < 1_000 ? 5 : 50, true);
  }
  short.at(3_000);
  short.recorder.ended('deposit', { name: 'ok' }, 5, true);
  expect(short.recorder.points().map(({ atS, rate, errors }) => ({ atS, rate, errors }))).toEqual([
    { atS: 0, rate: 100, errors: 0 },
    { atS: 1, rate: 100, errors: 1 },
    { atS: 2, rate: 100, errors: 0 },
  ]);
  expect(short.recorder.points().map(({ p50Ms }) => Math.round(p50Ms))).toEqual([5, 50, 50]);

  const long = made({ durationMs: 3_600_000 });
  for (let ms = 0; ms <= 3_600_000; ms += 1_000) {
    long.at(ms);
    long.recorder.ended('deposit', { name: 'ok' }, 5, true);
  }
  expect(long.recorder.points().length).toBeLessThanOrEqual(240);
});
