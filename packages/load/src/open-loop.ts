// The open loop: requests go out at their moments, whether or not those before them were answered. So a ledger that stalls is not
// spared what would have come meanwhile, and what waits is counted from when it should have gone out.

export interface Clock {
  /** Milliseconds from some moment on. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export interface OpenLoopOptions<Step extends { readonly dueMs: number }> {
  readonly steps: Iterable<Step>;
  /** Carries a step out; never rejects. @param dueAt when it was due, by the clock: what latencies are counted from. */
  readonly perform: (step: Step, dueAt: number) => Promise<void>;
  /** Just before that, or before a step is not sent. @param lateMs how long after its moment: what this client is to blame for. */
  readonly onBegun: (step: Step, lateMs: number) => void;
  /** There were as many under way as there may be: this one was not sent, which is for the caller to count. */
  readonly onNotSent: (step: Step) => void;
  readonly maxInFlight: number;
  /** How many of those that are carried out wait for others, and are not sent yet: the limit is not about them. */
  readonly waiting: () => number;
  readonly clock: Clock;
  /** Ends the loop before its time; what is under way is waited for. */
  readonly signal: AbortSignal;
}

export interface OpenLoop {
  inFlight(): number;
  /** How many steps have had their moment so far. */
  begun(): number;
  /** Settles when every step has been answered. */
  readonly done: Promise<void>;
}

/** How many steps that are late go out before anything else is let in: answers, and timers. */
const AT_ONCE = 50;

export function startOpenLoop<Step extends { readonly dueMs: number }>(options: OpenLoopOptions<Step>): OpenLoop {
  const { steps, perform, onBegun, onNotSent, maxInFlight, waiting, clock, signal } = options;
  const underWay = new Set<Promise<void>>();
  const inFlight = (): number => underWay.size - waiting();
  let begun = 0;

  async function run(): Promise<void> {
    const startedAt = clock.now();
    let late = 0;
    for (const step of steps) {
      const dueAt = startedAt + step.dueMs;
      // Rounded, because timers are: half of the steps go out up to half a millisecond early, and are counted from then.
      const waitMs = Math.round(dueAt - clock.now());
      late = waitMs > 0 ? 0 : late + 1;
      if (waitMs > 0 || late % AT_ONCE === 0) await clock.sleep(Math.max(0, waitMs));
      if (signal.aborted) break;
      begun += 1;
      onBegun(step, Math.max(0, clock.now() - dueAt));
      if (inFlight() >= maxInFlight) {
        onNotSent(step);
        continue;
      }
      const performed = perform(step, Math.min(dueAt, clock.now())).finally(() => underWay.delete(performed));
      underWay.add(performed);
    }
    await Promise.all(underWay);
  }

  return { inFlight, begun: () => begun, done: run() };
}
