/** When an event was recorded. */
export interface Instant {
  readonly ms: number;
  /** 100 ns ticks since 1970, decimal: beyond what a number can say exactly. */
  readonly ticks: string;
}

/** Tells the time of each event, in 100 ns ticks. */
export interface Clock {
  next(): Instant;
}

const TICKS_PER_MS = 10_000;

/**
 * The system's clock, with the events of one millisecond one tick apart, so that the times of events show their order. It
 * follows the system's clock when that is set back.
 */
export function createClock(nowMs: () => number = Date.now): Clock {
  let lastMs = 0;
  let tick = 0;
  return {
    next: () => {
      const ms = nowMs();
      tick = ms === lastMs ? Math.min(tick + 1, TICKS_PER_MS - 1) : 0;
      lastMs = ms;
      return { ms, ticks: `${ms}${String(tick).padStart(4, '0')}` };
    },
  };
}
