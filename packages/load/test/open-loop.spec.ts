import { expect, test } from 'vitest';
import { startOpenLoop } from '../src/open-loop.ts';
import { makeRecorder, percentileMs } from '../src/recorder.ts';
import { makeVirtualClock } from './virtual-clock.ts';

interface Due {
  readonly dueMs: number;
}
const everyTenMs = (count: number): Due[] => Array.from({ length: count }, (_, number) => ({ dueMs: number * 10 }));

/** A server that takes one request at a time, a millisecond each, and stands still for half a second from 100 ms on. */
function stallingServer(clock: ReturnType<typeof makeVirtualClock>) {
  let free = Promise.resolve();
  let stalls = true;
  return (): Promise<void> => {
    free = free.then(async () => {
      if (stalls && clock.now() >= 100) {
        stalls = false;
        await clock.sleep(500);
      }
      await clock.sleep(1);
    });
    return free;
  };
}

test('what waits while the server stands still is counted from when it should have been sent', async () => {
  const clock = makeVirtualClock();
  const serve = stallingServer(clock);
  const latencies: number[] = [];
  const recorder = makeRecorder({ tolerated: new Set(), durationMs: 1_000, now: clock.now, onRecorded: () => undefined });
  const { done } = startOpenLoop({
    steps: everyTenMs(100),
    perform: async (_, dueAt) => {
      await serve();
      latencies.push(clock.now() - dueAt);
      recorder.ended('deposit', { name: 'ok' }, clock.now() - dueAt, true);
    },
    onBegun: () => undefined,
    onNotSent: () => undefined,
    maxInFlight: 1_000,
    waiting: () => 0,
    clock,
    signal: new AbortController().signal,
  });
  await clock.run(done);

  expect(latencies).toHaveLength(100);
  expect(latencies.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 1));
  // The first that was held up waited for half a second, the next ten milliseconds less and one more for the one before it, …
  expect(latencies.slice(10, 14)).toEqual([501, 492, 483, 474]);
  // A client that waits for answers would have seen one slow request in a hundred. More than half of these were.
  expect(percentileMs(recorder.all, 50)).toBeGreaterThan(50);
  expect(percentileMs(recorder.all, 99)).toBeCloseTo(492, 0);
});

test('there are never more under way than may be, and what is beyond is told', async () => {
  const clock = makeVirtualClock();
  const notSent: number[] = [];
  let [underWay, most] = [0, 0];
  const { done } = startOpenLoop({
    steps: everyTenMs(20),
    perform: async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await clock.sleep(100);
      underWay -= 1;
    },
    onBegun: () => undefined,
    onNotSent: ({ dueMs }) => void notSent.push(dueMs),
    maxInFlight: 4,
    waiting: () => 0,
    clock,
    signal: new AbortController().signal,
  });
  await clock.run(done);
  expect(most).toBe(4);
  expect(notSent).toEqual([40, 50, 60, 70, 80, 90, 140, 150, 160, 170, 180, 190]);
});

test('what waits for others is not under way yet, and takes nobody else his place', async () => {
  const clock = makeVirtualClock();
  let [notSent, waiting] = [0, 0];
  const { done } = startOpenLoop({
    steps: everyTenMs(20),
    perform: async ({ dueMs }) => {
      const isWaiting = dueMs % 20 === 0;
      if (isWaiting) waiting += 1;
      await clock.sleep(isWaiting ? 1_000 : 15);
      if (isWaiting) waiting -= 1;
    },
    onBegun: () => undefined,
    onNotSent: () => {
      notSent += 1;
    },
    maxInFlight: 2,
    waiting: () => waiting,
    clock,
    signal: new AbortController().signal,
  });
  await clock.run(done);
  expect([notSent, waiting]).toEqual([0, 0]);
});

test('after an interruption no more is sent, and what was sent is waited for', async () => {
  const clock = makeVirtualClock();
  const interruption = new AbortController();
  let [sent, answered] = [0, 0];
  const { done } = startOpenLoop({
    steps: everyTenMs(100),
    perform: async () => {
      sent += 1;
      if (sent === 5) interruption.abort();
      await clock.sleep(1_000);
      answered += 1;
    },
    onBegun: () => undefined,
    onNotSent: () => undefined,
    maxInFlight: 100,
    waiting: () => 0,
    clock,
    signal: interruption.signal,
  });
  await clock.run(done);
  expect([sent, answered]).toEqual([5, 5]);
});
