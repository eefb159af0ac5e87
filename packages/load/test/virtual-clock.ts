// A clock whose time passes when nothing else is left to do, so that what is timed is the same every time.
import { setImmediate as settle } from 'node:timers/promises';
import type { Clock } from '../src/open-loop.ts';

export interface VirtualClock extends Clock {
  /** Lets time pass until the promise settles. */
  run<Result>(promise: Promise<Result>): Promise<Result>;
}

export function makeVirtualClock(): VirtualClock {
  let now = 0;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  return {
    now: () => now,
    sleep: (ms) => new Promise((wake) => void sleepers.push({ at: now + ms, wake })),
    async run(promise) {
      let isOver = false;
      const over = promise.finally(() => {
        isOver = true;
      });
      over.catch(() => undefined);
      for (;;) {
        await settle();
        if (isOver) return over;
        sleepers.sort((one, other) => one.at - other.at);
        const next = sleepers.shift();
        if (next === undefined) throw new Error('everybody waits, and nobody for the clock');
        now = Math.max(now, next.at);
        next.wake();
      }
    },
  };
}
