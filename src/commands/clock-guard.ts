// A clock that runs ahead would push every account's time into the future, for good. So a process whose clock is ahead of
// the store's takes no commands until that is mended. Between two comparisons a clock that is set is noticed by one that cannot be.
//
// A comparison with a store that is slow says little: the clock is ahead by something between two bounds. Refused is only what is certain, by
// the lower one, for a slow store must not make a right clock refuse. Times are given by the upper one, so that what is promised of them holds
// whichever is true: at worst they lie behind by what the store took to answer, which no account suffers from.
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import type { ClockSkew } from '../eventstore/clock-probe.ts';

/** The most a process's clock may run ahead of the store's. */
export const MAX_CLOCK_AHEAD_MS = 2000;
/** Between probes. A clock is set wrong rarely, and a probe is one small append. */
const PROBE_EVERY_MS = 30_000;

/** A clock that was set since it was compared, and not merely slewed, is compared again at once. */
const SET_BY_MS = 500;
/** Bounds further apart are worth another probe: what was slow once may be quick now. */
const PRECISE_MS = 300;
/** A clock that is being set again and again is not waited for, nor a store that stays slow. */
const MOST_PROBES = 3;
const LONGEST_LOOK_MS = 3000;
/** Between two comparisons that commands ask for, since the last one ended: while the store is away none of them succeeds. */
const ASK_AGAIN_MS = 1000;
/** Two clocks grow apart by no more than this share of the time: what `adjtime` may slew a clock by. */
const MAX_DRIFT = 0.0005;

export interface ClockGuard {
  /** Compares the clocks now, and then every 30 s until closed; sooner where the clock is found to have been set. */
  start(): Promise<void>;
  /** How far the clock is ahead of the store's for certain, in ms: as they were compared last, and by how much the clock was set since. */
  aheadMs(): number;
  /** The clock, in ms since 1970, but never further ahead of the store's than is taken: not even for what came in before it was set. */
  nowMs(): number;
  refusal(): Rejection | undefined;
  close(): void;
}

export interface ClockGuardOptions {
  /** How far the local clock runs ahead of the store's. May reject while the store is away. */
  readonly probe: () => Promise<ClockSkew>;
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
  let probed: ClockSkew = { atLeastMs: 0, atMostMs: 0 };
  /** When they were compared, by the clock that nobody can set; undefined until then. */
  let probedAtMs: number | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  /** The clock against the one that nobody can set, as they stood before the last comparison with the store's. */
  let offsetMs = wallMs() - steadyMs();
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const setByMs = (): number => wallMs() - steadyMs() - offsetMs;
  const aheadMs = (): number => Math.round(probed.atLeastMs + setByMs());
  const aheadAtMostMs = (): number => Math.round(probed.atMostMs + setByMs());

  /** What was known before the probe, of the clock as it then stood. */
  function knownMs(offsetNowMs: number): ClockSkew | undefined {
    if (probedAtMs === undefined) return undefined;
    const setMs = offsetNowMs - offsetMs;
    const driftMs = (steadyMs() - probedAtMs) * MAX_DRIFT;
    return { atLeastMs: probed.atLeastMs + setMs - driftMs, atMostMs: probed.atMostMs + setMs + driftMs };
  }

  async function compare(): Promise<void> {
    const giveUpAtMs = steadyMs() + LONGEST_LOOK_MS;
    try {
      for (let probes = 0; probes < MOST_PROBES; probes += 1) {
        const before = wallMs() - steadyMs();
        const seen = await probe();
        probed = narrowed(seen, knownMs(before));
        probedAtMs = steadyMs();
        offsetMs = before;
        const isPrecise = probed.atMostMs - probed.atLeastMs <= PRECISE_MS || probedAtMs > giveUpAtMs;
        // Set meanwhile, nobody knows whether before or after the store was asked.
        if (isPrecise && Math.abs(setByMs()) < SET_BY_MS) return;
      }
    } catch (error) {
      onError(error); // the last comparison stands; commands will find out for themselves that the store is away
    }
  }
  function look(): Promise<void> {
    looking ??= compare().finally(() => {
      looking = undefined;
      lookedAtMs = steadyMs();
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
    nowMs: () => wallMs() - Math.max(0, aheadAtMostMs() - MAX_CLOCK_AHEAD_MS),
    refusal() {
      const ahead = aheadMs();
      // Either it is wrong now, or it was and has been put right: no need to wait for the next comparison.
      const isDue = timer !== undefined && steadyMs() - lookedAtMs >= ASK_AGAIN_MS;
      if (isDue && Math.abs(setByMs()) >= SET_BY_MS) void look();
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

/** Both hold, so the truth is where they overlap. Where they do not, the store's clock was set, and what was known is void. */
function narrowed(seen: ClockSkew, known: ClockSkew = seen): ClockSkew {
  const atLeastMs = Math.max(seen.atLeastMs, known.atLeastMs);
  const atMostMs = Math.min(seen.atMostMs, known.atMostMs);
  return atLeastMs <= atMostMs ? { atLeastMs, atMostMs } : seen;
}
