/** When an event was recorded. */
export interface Instant {
  readonly ms: number;
  /** 100 ns ticks since 1970, decimal: beyond what a number can say exactly. */
  readonly ticks: string;
}

/** Tells the time of each event. */
export interface Clock {
  next(): Instant;
}

/** What a clock is made from: the wall clock in whole milliseconds, and a monotonic one with fractions. */
export interface TimeSource {
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
}

const SYSTEM: TimeSource = { wallMs: Date.now, monotonicMs: () => performance.now() };

const TICKS_PER_MS = 10_000;
/** Apart by more than this, the wall clock was set, or has drifted: it is right. */
const MAX_DRIFT_MS = 2;

/**
 * The system's clock, refined to 100 ns ticks by the monotonic one. Every instant is later than the one before, so that the
 * times of events show their order, except when the system's clock is set back: then the new time counts.
 */
export function createClock({ wallMs, monotonicMs }: TimeSource = SYSTEM): Clock {
  let offsetMs = wallMs() - monotonicMs();
  let lastMs = 0;
  let lastTick = 0;

  function now(): number {
    const wall = wallMs();
    const refined = monotonicMs() + offsetMs;
    if (Math.abs(refined - wall) <= MAX_DRIFT_MS) return refined;
    offsetMs = wall - monotonicMs();
    return wall;
  }

  return {
    next: () => {
      const time = now();
      let ms = Math.floor(time);
      let tick = Math.floor((time - ms) * TICKS_PER_MS);
      const setBack = lastMs - ms > 2 * MAX_DRIFT_MS;
      if (!setBack && (ms < lastMs || (ms === lastMs && tick <= lastTick))) {
        const carry = lastTick + 1 === TICKS_PER_MS;
        ms = carry ? lastMs + 1 : lastMs;
        tick = carry ? 0 : lastTick + 1;
      }
      lastMs = ms;
      lastTick = tick;
      return { ms, ticks: `${ms}${String(tick).padStart(4, '0')}` };
    },
  };
}
