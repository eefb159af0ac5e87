// One catch-up subscription over the whole log, filtered to the ledger's streams. The server may end it at any time (the
// real one cuts off whoever is slow); it is taken up again from what was processed last, so nothing is missed or seen twice.
import type { AllStreamSubscription } from '@eventstore/db-client';
import { START, streamNameFilter } from '@eventstore/db-client';
import type { RecordedEvent } from '../domain/events.ts';
import { STREAM_PREFIXES } from '../domain/events.ts';
import type { Annulments } from './annulments.ts';
import type { StoreRecord } from './codec.ts';
import { decode, placeOf } from './codec.ts';
import type { Connection } from './connection.ts';
import { UnreadableEvent } from './errors.ts';

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

/** Every this many times 32 events of other streams the server says how far it has looked. */
const CHECKPOINT_INTERVAL = 32;
const FIRST_BACKOFF_MS = 50;
const LAST_BACKOFF_MS = 2_000;

/** What has arrived of one subscription and was not yet processed. */
interface Inbox {
  readonly records: StoreRecord[];
  /** Set once the subscription has ended. */
  ended: Error | undefined;
  wake: () => void;
}

export function subscribeToLog(connection: Connection, annulments: Annulments, options: SubscriptionOptions): LogSubscription {
  const { batchSize, batchMs, onBatch, onUnreadable, onInterrupted } = options;
  let processed = options.after;
  let stopped = false;
  /** While a batch is being processed, no checkpoint of the server's counts. */
  let busy = false;
  let wake = (): void => {};
  const use = connection.begin('subscribing to the log', () => void stop());
  const running = run().finally(use.done);

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
   * One subscription from the last processed position to its end. Returns where it is to be taken up again at once.
   * @throws what ended it, or what onBatch threw.
   */
  async function consume(): Promise<void> {
    const inbox: Inbox = { records: [], ended: undefined, wake: () => wake() };
    const subscription = open(inbox);
    try {
      while (!stopped) {
        if (inbox.records.length === 0) {
          if (inbox.ended !== undefined) throw inbox.ended;
          await idle();
          continue;
        }
        if (batchMs > 0 && inbox.records.length < batchSize && inbox.ended === undefined) await linger(inbox);
        const records = inbox.records.splice(0, batchSize);
        if (inbox.records.length < batchSize) subscription.resume();
        if (!(await process(records))) return;
      }
    } finally {
      inbox.ended ??= new Error('left');
      subscription.removeAllListeners('data');
      // Leaving it is not enough: only this ends the call.
      await subscription.unsubscribe().catch(() => {});
    }
  }

  async function linger(inbox: Inbox): Promise<void> {
    const untilMs = performance.now() + batchMs;
    for (let leftMs = batchMs; leftMs > 0; leftMs = untilMs - performance.now()) {
      if (stopped || inbox.ended !== undefined || inbox.records.length >= batchSize) return;
      await idle(leftMs);
    }
  }

  function open(inbox: Inbox): AllStreamSubscription {
    const filter = streamNameFilter({
      prefixes: [...STREAM_PREFIXES],
      checkpointInterval: CHECKPOINT_INTERVAL,
      checkpointReached: (source, { commit }) => {
        // Only when everything before it was handed over and processed does it say anything about us.
        if (inbox.ended === undefined && source.readableLength === 0 && inbox.records.length === 0 && !busy) processed = commit;
      },
    });
    const fromPosition = processed === undefined ? START : { commit: processed, prepare: processed };
    const subscription = connection.client.subscribeToAll({ fromPosition, filter });
    const end = (error: Error): void => {
      inbox.ended ??= error;
      inbox.wake();
    };
    subscription.on('error', end);
    subscription.on('end', () => end(new Error('the event store ended the subscription')));
    subscription.on('close', () => end(new Error('the subscription was closed')));
    subscription.on('data', ({ event }) => {
      if (event === undefined) return;
      inbox.records.push(event);
      if (inbox.records.length >= 2 * batchSize) subscription.pause();
      inbox.wake();
    });
    return subscription;
  }

  /** False after an event that could not be read: it is read again. */
  async function process(records: readonly StoreRecord[]): Promise<boolean> {
    busy = true;
    try {
      const events: RecordedEvent[] = [];
      for (const record of records) {
        const decoded = decode(record, annulments.has);
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
    } finally {
      busy = false;
    }
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
