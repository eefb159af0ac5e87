// Following the log: batches of events behind a place, in log order, for ever. The server may end a subscription at any time (the
// real one cuts off whoever is slow); it is taken up again from what was processed last, so nothing is missed or seen twice.
import type { RecordedEvent } from '../domain/events.ts';
import type { Annulments } from './annulments.ts';
import type { StoreRecord } from './codec.ts';
import { decode, placeOf } from './codec.ts';
import type { Connection } from './connection.ts';
import { UnreadableEvent } from './errors.ts';
import type { LogFeed } from './log-feed.ts';
import { openOwnFeed } from './log-feed.ts';
import type { LogWindow } from './log-window.ts';

export interface SubscriptionOptions {
  /** Events after this position; undefined: all of them. */
  readonly after: bigint | undefined;
  /** The most events of one batch. */
  readonly batchSize: number;
  /** How long a batch that is not full waits for more, in ms. 0: whatever is there goes at once. */
  readonly batchMs: number;
  /**
   * Given one or more events in log order; the next batch waits for its end. `checkpoint` is the last event's position. When it
   * throws, the subscription is taken up again after the last batch that succeeded.
   */
  readonly onBatch: (events: readonly RecordedEvent[], checkpoint: bigint) => Promise<void>;
  /**
   * Given an event that cannot be read, after everything before it was processed. When it returns, the event is read again
   * (it may have been annulled meanwhile).
   */
  readonly onUnreadable: (event: UnreadableEvent) => Promise<void>;
  /** Told of every end that is not `stop`, before it is taken up again. */
  readonly onInterrupted?: (error: Error) => void;
}

export interface LogSubscription {
  /** Ends it after the batch under way. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

const FIRST_BACKOFF_MS = 50;
const LAST_BACKOFF_MS = 2_000;

export interface LogAccess {
  readonly connection: Connection;
  readonly annulments: Pick<Annulments, 'has'>;
  readonly window: LogWindow;
}

export function subscribeToLog({ connection, annulments, window }: LogAccess, options: SubscriptionOptions): LogSubscription {
  const { batchSize, batchMs, onBatch, onUnreadable, onInterrupted } = options;
  let processed = options.after;
  let stopped = false;
  let wake = (): void => {};
  const use = connection.begin('subscribing to the log', () => void stop());
  const leaveWindow = window.enter();
  const running = run().finally(leaveWindow).finally(use.done);

  /** Until woken, at most `ms`. */
  function idle(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function run(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!stopped) {
      const before = processed;
      try {
        await consume();
      } catch (error) {
        if (stopped) return;
        onInterrupted?.(error instanceof Error ? error : new Error(String(error)));
        // Having got further, the trouble is over: begin with short waits again.
        backoffMs = processed === before ? Math.min(backoffMs * 2, LAST_BACKOFF_MS) : FIRST_BACKOFF_MS;
        await idle(backoffMs);
      }
    }
  }

  /**
   * One feed from the last processed position to its end. Returns where it is to be taken up again at once.
   * @throws what ended it, or what onBatch threw.
   */
  async function consume(): Promise<void> {
    const onCome = (): void => wake();
    const isWindow = window.reachesBackTo(processed);
    const ownDecode = (record: StoreRecord) => decode(record, annulments.has);
    const feed = isWindow
      ? window.openFeed(processed, onCome)
      : openOwnFeed({ connection, after: processed, batchSize, decode: ownDecode, onCome });
    try {
      while (!stopped && !feed.isOver()) {
        if (feed.waiting() === 0) {
          const passed = feed.passed();
          if (passed !== undefined && passed > (processed ?? -1n)) processed = passed;
          const ended = feed.ended();
          if (ended !== undefined) throw ended;
          await idle();
          continue;
        }
        if (batchMs > 0) await linger(feed);
        if (!(await process(feed, feed.take(batchSize)))) return;
        if (!isWindow && window.reachesBackTo(processed)) return;
      }
    } finally {
      await feed.close();
    }
  }

  async function linger(feed: LogFeed): Promise<void> {
    const untilMs = performance.now() + batchMs;
    for (let leftMs = batchMs; leftMs > 0; leftMs = untilMs - performance.now()) {
      if (stopped || feed.ended() !== undefined || feed.isOver() || feed.waiting() >= batchSize) return;
      await idle(leftMs);
    }
  }

  /** False after an event that could not be read: it is read again. */
  async function process(feed: LogFeed, records: readonly StoreRecord[]): Promise<boolean> {
    const events: RecordedEvent[] = [];
    for (const record of records) {
      const decoded = feed.decode(record);
      if (decoded instanceof UnreadableEvent) {
        await deliver(events.splice(0));
        await onUnreadable(decoded);
        return false;
      }
      if (decoded !== undefined) events.push(decoded);
    }
    await deliver(events);
    // Records that are annulled and belong to nothing are behind us too.
    const last = records.at(-1);
    if (last !== undefined) processed = placeOf(last).position;
    return true;
  }

  async function deliver(events: readonly RecordedEvent[]): Promise<void> {
    const last = events.at(-1);
    if (last === undefined) return;
    await onBatch(events, last.position);
    processed = last.position;
  }

  async function stop(): Promise<void> {
    stopped = true;
    wake();
    await running;
  }

  return { stop };
}
