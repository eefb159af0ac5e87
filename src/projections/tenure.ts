// Work under a lease: whoever has it works, everybody else stands by; a worker that loses it stops.
import type { Logger } from 'pino';
import { CheckpointMismatch } from './errors.ts';
import type { Pauses } from './pauses.ts';
import { makePauses } from './pauses.ts';

/** One time of working: it ends with the lease, with the process, or when it has failed. */
export interface Tenure extends Pauses {
  /** Ends it, for this reason; the work is then begun anew, a little later each time it fails soon. */
  fail(why: Error): void;
}

export interface TenureOptions<Taken> {
  /** What is done, for the log. */
  readonly work: string;
  readonly leaseMs: number;
  /** Takes the lease; undefined while somebody else has it. */
  readonly take: () => Promise<Taken | undefined>;
  /** Makes the lease last anew. False: the work must stop. */
  readonly renew: () => Promise<boolean>;
  readonly release: () => Promise<void>;
  /** Works until the tenure ends, then leaves in order. What it throws ends the tenure, and the lease is tried for again a little later. */
  readonly lead: (tenure: Tenure, taken: Taken) => Promise<void>;
  /** Told when somebody else has the lease. */
  readonly onStandby: () => void;
  /** Told that the log is not the one that the checkpoint was written against. It is looked at again and again. Absent: no checkpoint. */
  readonly onRefused?: (why: CheckpointMismatch) => void;
  readonly logger: Logger;
}

export interface Tenures {
  /** Begins in the background, once. Never throws: trouble is logged, and ends by itself where it can. */
  start(): void;
  /** Ends the work under way in order and gives the lease up. */
  stop(): Promise<void>;
}

const FIRST_BACKOFF_MS = 50;
const LAST_BACKOFF_MS = 2_000;
/** The longest that a lease given up stays unnoticed. */
const STANDBY_POLL_MS = 500;

/** Takes the lease whenever it is free, and works until it is lost. */
export function makeTenures<Taken>(options: TenureOptions<Taken>): Tenures {
  const { work, leaseMs, take, renew, release, lead, onStandby, onRefused, logger } = options;
  const pauses = makePauses();
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!pauses.ended()) {
      const startedAt = performance.now();
      try {
        const taken = await take();
        if (taken === undefined) {
          onStandby();
          await pauses.pause(Math.min(leaseMs / 3, STANDBY_POLL_MS));
          continue;
        }
        await serve(taken);
        backoffMs = FIRST_BACKOFF_MS;
      } catch (error) {
        if (error instanceof CheckpointMismatch) onRefused?.(error);
        logger.warn({ err: error }, `the ${work} starts anew`);
        if (performance.now() - startedAt > backoffMs) backoffMs = FIRST_BACKOFF_MS; // it went well for a while
        await pauses.pause(backoffMs);
        backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS);
      }
    }
  }

  async function serve(taken: Taken): Promise<void> {
    const tenure = makePauses(pauses);
    const renewing = keepRenewing(tenure);
    let failure: Error | undefined;
    const fail = (why: Error): void => {
      failure ??= why;
      tenure.end();
    };
    try {
      await lead({ ...tenure, fail }, taken);
    } finally {
      tenure.end();
      await renewing;
    }
    if (failure !== undefined && !pauses.ended()) throw failure;
  }

  async function keepRenewing(tenure: Pauses): Promise<void> {
    for (;;) {
      await tenure.pause(leaseMs / 3);
      if (tenure.ended()) return;
      try {
        if (!(await renew())) tenure.end();
      } catch (error) {
        logger.warn({ err: error }, `the lease of the ${work} could not be renewed`); // whatever moves a checkpoint checks it anyway
      }
    }
  }

  return {
    start: () => {
      running ??= run();
    },
    stop: async () => {
      pauses.end();
      await running;
      // Without it a standby waits until the lease runs out; nothing worse.
      await release().catch((error: unknown) => logger.warn({ err: error }, `the lease of the ${work} was not given up`));
    },
  };
}
