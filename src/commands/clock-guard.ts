// A clock that runs ahead would push every account's time into the future, for good. So a process whose clock is ahead of
// the store's takes no commands until that is mended.
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';

/** The most a process's clock may run ahead of the store's. */
export const MAX_CLOCK_AHEAD_MS = 2000;
/** Between probes. A clock is set wrong rarely, and a probe is one small append. */
const PROBE_EVERY_MS = 30_000;

export interface ClockGuard {
  /** Compares the clocks now, and then every 30 s until closed. */
  start(): Promise<void>;
  /** How far the clock was ahead of the store's when it was last looked at, in ms. */
  aheadMs(): number;
  refusal(): Rejection | undefined;
  close(): void;
}

export interface ClockGuardOptions {
  /** How far the local clock runs ahead of the store's, in ms. May reject while the store is away. */
  readonly probe: () => Promise<number>;
  readonly onError: (error: unknown) => void;
}

export function makeClockGuard({ probe, onError }: ClockGuardOptions): ClockGuard {
  let aheadMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    try {
      aheadMs = await probe();
    } catch (error) {
      onError(error); // the last comparison stands; commands will find out for themselves that the store is away
    }
  };
  return {
    async start() {
      await look();
      timer = setInterval(() => void look(), PROBE_EVERY_MS);
      timer.unref();
    },
    aheadMs: () => aheadMs,
    refusal: () =>
      aheadMs > MAX_CLOCK_AHEAD_MS
        ? rejection('store_unavailable', `This process's clock is ${aheadMs} ms ahead of the event store's; it takes no commands.`)
        : undefined,
    close: () => clearInterval(timer),
  };
}
