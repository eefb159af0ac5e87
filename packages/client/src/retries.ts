// Trying again: with growing, scattered delays, no sooner than the other side asked for, and never past a deadline.
import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 2_000;

/** When to give up. */
export interface Deadline {
  /** Milliseconds left, at least 0. */
  remainingMs(): number;
  /** The caller's own wish to give up. */
  readonly signal?: AbortSignal | undefined;
}

/** A deadline that many milliseconds from now. */
export function deadlineIn(ms: number, signal?: AbortSignal): Deadline {
  const at = performance.now() + ms;
  return { remainingMs: () => Math.max(0, at - performance.now()), signal };
}

/** Thrown by an attempt that is worth another one; `cause` is what the caller learns if there is none. */
export class AttemptFailed extends Error {
  /** No sooner than this. */
  readonly retryAfterMs: number;
  constructor(cause: Error, retryAfterMs = 0) {
    super(cause.message, { cause });
    this.name = 'AttemptFailed';
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Calls `attempt` until it does not throw `AttemptFailed`, or the deadline would pass before the next call.
 * @throws the cause of the last failure; any other error of an attempt at once; the reason of the deadline's signal.
 */
export async function withRetries<Result>(attempt: () => Promise<Result>, deadline: Deadline): Promise<Result> {
  try {
    return await pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: FIRST_DELAY_MS,
      maxTimeout: LONGEST_DELAY_MS,
      // Between once and twice the delay, so that clients that failed together do not come back together.
      randomize: true,
      maxRetryTime: deadline.remainingMs(),
      ...(deadline.signal === undefined ? {} : { signal: deadline.signal }),
      shouldRetry: async ({ error, retryDelay }) => {
        if (!(error instanceof AttemptFailed)) return false;
        const extraMs = Math.max(0, error.retryAfterMs - retryDelay);
        if (extraMs + retryDelay >= deadline.remainingMs()) return false;
        await sleep(extraMs, undefined, { signal: deadline.signal });
        return true;
      },
    });
  } catch (error) {
    // The wait before another attempt ends with an error of its own where the caller gives up.
    deadline.signal?.throwIfAborted();
    throw error instanceof AttemptFailed ? error.cause : error;
  }
}

/** The same with one call: @throws the cause where it was worth another one. */
export async function onlyOnce<Result>(attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt();
  } catch (error) {
    throw error instanceof AttemptFailed ? error.cause : error;
  }
}

/**
 * What `promise` resolves to, where it does so before the deadline; it goes on without the caller otherwise.
 * @throws AttemptFailed with `late()` at the deadline; the reason of its signal; what `promise` rejects with.
 */
export async function within<Result>(promise: Promise<Result>, deadline: Deadline, late: () => Error): Promise<Result> {
  const { signal } = deadline;
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new AttemptFailed(late())), deadline.remainingMs());
  const onAbort = (): void => reject(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, givenUp]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
