// A clock that runs ahead would push every account's time into the future, for good. So a process whose clock is ahead of
// the store's takes no commands until that is mended. Between two comparisons a clock that is set is noticed by one that cannot be.
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';

/** The most a process's clock may run ahead of the store's. */
export const MAX_CLOCK_AHEAD_MS = 2000;
/** Between probes. A clock is set wrong rarely, and a probe is one small append. */
const PROBE_EVERY_MS = 30_000;

/** A clock that was set since it was compared, and not merely slewed, is compared again at once. */
const SET_BY_MS = 500;
/** A clock that is being set again and again is not waited for. */
const MOST_PROBES = 3;

export interface ClockGuard {
  /** Compares the clocks now, and then every 30 s until closed; sooner where the clock is found to have been set. */
  start(): Promise<void>;
  /** How far the clock is ahead of the store's, in ms: as they were compared last, and by how much the clock was set since. */
  aheadMs(): number;
  /** The clock, in ms since 1970, but never further ahead of the store's than is taken: not even for what came in before it was set. */
  nowMs(): number;
  refusal(): Rejection | undefined;
  close(): void;
}

export interface ClockGuardOptions {
  /** How far the local clock runs ahead of the store's, in ms. May reject while the store is away. */
  readonly probe: () => Promise<number>;
  readonly onError: (error: unknown) => void;
  /** The clock, in ms since 1970. */
  readonly wallMs?: () => number;
  /** Another clock, in ms, that nobody can set. */
  readonly steadyMs?: () => number;
}

export function makeClockGuard({
  probe,
  onError,
  wallMs = () => Date.now(),
  steadyMs = () => performance.now(),
}: ClockGuardOptions): ClockGuard {
  let probedMs = 0;
  /** The clock against the one that nobody can set, as they stood before the last comparison with the store's. */
  let offsetMs = wallMs() - steadyMs();
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const setByMs = (): number => wallMs() - steadyMs() - offsetMs;
  const aheadMs = (): number => Math.round(probedMs + setByMs());

  async function compare(): Promise<void> {
    try {
      for (let probes = 0; probes < MOST_PROBES; probes += 1) {
        const before = wallMs() - steadyMs();
        probedMs = await probe();
        offsetMs = before;
        // Set meanwhile, nobody knows whether before or after the store was asked.
        if (Math.abs(setByMs()) < SET_BY_MS) return;
      }
    } catch (error) {
      onError(error); // the last comparison stands; commands will find out for themselves that the store is away
    }
  }
  function look(): Promise<void> {
    looking ??= compare().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  return {
    async start() {
      await look();
      timer = setInterval(() => void look(), PROBE_EVERY_MS);
      timer.unref();
    },
    aheadMs,
    nowMs: () => wallMs() - Math.max(0, aheadMs() - MAX_CLOCK_AHEAD_MS),
    refusal() {
      const ahead = aheadMs();
      // Either it is wrong now, or it was and has been put right: no need to wait for the next comparison.
      if (timer !== undefined && Math.abs(setByMs()) >= SET_BY_MS) void look();
      return ahead > MAX_CLOCK_AHEAD_MS
        ? rejection('store_unavailable', `This process's clock is ${ahead} ms ahead of the event store's; it takes no commands.`)
        : undefined;
    },
    close: () => {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
