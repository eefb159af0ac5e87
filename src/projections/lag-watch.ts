// A watch over the distance between log and projections: for metrics, for readiness, and to stop taking commands in time.
import type { Streams } from '../eventstore/streams.ts';
import { within } from '../eventstore/within.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { Halt } from './checkpoint.ts';
import { readCheckpoint } from './checkpoint.ts';
import { CheckpointMismatch } from './errors.ts';
import { lagEvents } from './lag.ts';
import { checkAgainstLog, PROJECTOR } from './log-check.ts';

/** What was seen when both stores were last looked at. */
export interface LagReport {
  /** Events in the log that are not projected yet; an estimate (see lagEvents). */
  readonly events: bigint;
  /** For how long the projections have been behind what this watch has seen of the log, in seconds; 0 where they are not. */
  readonly seconds: number;
  /** The event at which the projector, of whatever process, has stopped. */
  readonly halt?: Halt;
  /** The projections were built from another log than the event store has now: it was restored from an older copy. */
  readonly refusal?: CheckpointMismatch;
  readonly eventStoreError?: Error;
  readonly databaseError?: Error;
}

export interface LagWatch {
  /** What was last seen. Costs nothing. */
  report(): LagReport;
  /** Looks at both stores now. Never throws: what is out of reach is in the report. */
  look(): Promise<LagReport>;
  close(): void;
}

const LOOK_EVERY_MS = 1000;
/** A store that answers later than this is as good as away. */
const GIVE_UP_MS = 5000;
const MS_PER_S = 1000;

export interface LagWatchOptions {
  readonly streams: Pick<Streams, 'head' | 'eventAt'>;
  readonly db: LedgerDb;
  /** Told with every look at which the log is another one than the projections were built from. */
  readonly onAnotherLog: () => void;
}

export function watchLag({ streams, db, onAnotherLog }: LagWatchOptions): LagWatch {
  let report: LagReport = { events: 0n, seconds: 0 };
  let looking: Promise<LagReport> | undefined;
  /** The end of the log as it was when the projections were first seen behind it; when they pass it, the count starts anew. */
  let behind: { readonly head: bigint; readonly sinceMs: number } | undefined;

  async function lookAtBoth(): Promise<LagReport> {
    const [head, checkpoint] = await Promise.all([attempt(streams.head()), attempt(readCheckpoint(db))]);
    const check = checkpoint instanceof Error ? undefined : await attempt(checkAgainstLog(streams, checkpoint, PROJECTOR));
    const refusal = check instanceof CheckpointMismatch ? check : undefined;
    if (refusal !== undefined) onAnotherLog();
    const eventStoreError = head instanceof Error ? head : check instanceof Error && refusal === undefined ? check : undefined;
    const databaseError = checkpoint instanceof Error ? checkpoint : undefined;
    const errors = { ...(eventStoreError && { eventStoreError }), ...(databaseError && { databaseError }) };
    if (head instanceof Error || checkpoint instanceof Error || eventStoreError !== undefined) {
      const { events, seconds, halt, refusal: seen } = report; // as last seen; the errors are today's
      return { events, seconds, ...(halt && { halt }), ...(seen && { refusal: seen }), ...errors };
    }
    const { halt } = checkpoint;
    return {
      events: lagEvents(checkpoint, head?.position),
      seconds: secondsBehind(head?.position, checkpoint.position),
      ...(halt && { halt }),
      ...(refusal && { refusal }),
    };
  }

  function secondsBehind(head: bigint | undefined, position: bigint): number {
    if (head === undefined || head <= position) behind = undefined;
    else if (behind === undefined || behind.head <= position) behind = { head, sinceMs: performance.now() };
    return behind === undefined ? 0 : (performance.now() - behind.sinceMs) / MS_PER_S;
  }

  function look(): Promise<LagReport> {
    looking ??= lookAtBoth().then((seen) => {
      report = seen;
      looking = undefined;
      return seen;
    });
    return looking;
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  return { report: () => report, look, close: () => clearInterval(timer) };
}

/** The answer, or the error that came instead, or came of waiting too long. */
const attempt = <Answer>(asked: Promise<Answer>): Promise<Answer | Error> =>
  within(GIVE_UP_MS, asked).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
