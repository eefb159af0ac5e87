// The end of the log, once for a process: whoever follows the log and has caught up reads from here. So an event crosses the wire and is
// decoded once, however many follow. Who falls behind its beginning goes back to a subscription of their own.
import { BACKWARDS, END } from '@eventstore/db-client';
import type { RecordedEvent } from '../domain/events.ts';
import type { Annulments } from './annulments.ts';
import type { StoreRecord } from './codec.ts';
import { decode, placeOf } from './codec.ts';
import type { Connection } from './connection.ts';
import type { UnreadableEvent } from './errors.ts';
import type { LogFeed, OpenLog } from './log-feed.ts';
import { openLog } from './log-feed.ts';
import { reading } from './reading.ts';

export interface LogWindow {
  /** Counts a follower in. The window is open while there are several: one alone is as well off without. @returns what counts it out. */
  enter(): () => Promise<void>;
  /** Whether everything after that position is in the window. */
  reachesBackTo(position: bigint | undefined): boolean;
  /** What follows on a position that the window reaches back to. `onCome` is told of whatever comes next. */
  openFeed(after: bigint | undefined, onCome: () => void): LogFeed;
}

/** At least so many are kept: a second of the busiest log, and some MB. */
const KEPT_RECORDS = 2_000;
const REOPEN_MS = 1_000;

interface OpenWindow {
  /** In log order; `dropped` were before them. */
  records: StoreRecord[];
  dropped: number;
  /** Everything after this position is in the window. */
  after: bigint;
  passed: bigint | undefined;
  ended: Error | undefined;
  log: OpenLog | undefined;
}

const positionOf = (record: StoreRecord): bigint => placeOf(record).position;

export function makeLogWindow(connection: Connection, annulments: Pick<Annulments, 'has'>, keptRecords = KEPT_RECORDS): LogWindow {
  let followers = 0;
  let current: OpenWindow | undefined;
  let opening: Promise<void> | undefined;
  let reopening: NodeJS.Timeout | undefined;
  const listeners = new Set<() => void>();
  /** What a record is to everybody who reads it here; what an annulment makes of it is looked at first. */
  const decodedRecords = new WeakMap<StoreRecord, RecordedEvent>();

  function open(): void {
    if (followers < 2 || opening !== undefined || current !== undefined) return;
    clearTimeout(reopening);
    opening = begin()
      .catch(() => reopenLater()) // followers meet the same trouble, and tell of it
      .finally(() => {
        opening = undefined;
      });
  }

  function reopenLater(): void {
    reopening = setTimeout(open, REOPEN_MS).unref();
  }

  async function begin(): Promise<void> {
    let after = -1n;
    const head = reading(connection, 'looking for the end of the log', (client) =>
      client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }),
    );
    for await (const { event } of head) if (event !== undefined) after = positionOf(event);
    if (followers < 2) return;
    const opened: OpenWindow = { records: [], dropped: 0, after, passed: undefined, ended: undefined, log: undefined };
    opened.log = openLog(connection, after === -1n ? undefined : after, {
      onRecord: (record) => {
        opened.records.push(record);
        if (opened.records.length >= 2 * keptRecords) dropOldest(opened);
        for (const listener of listeners) listener();
      },
      onPassed: (position) => {
        opened.passed = position;
      },
      onEnd: (error) => {
        opened.ended = error;
        if (current === opened) current = undefined;
        for (const listener of listeners) listener();
        void opened.log?.close();
        reopenLater();
      },
    });
    current = opened;
  }

  function dropOldest(opened: OpenWindow): void {
    const dropped = opened.records.splice(0, opened.records.length - keptRecords);
    opened.dropped += dropped.length;
    const last = dropped.at(-1);
    if (last !== undefined) opened.after = positionOf(last);
  }

  async function leave(): Promise<void> {
    followers -= 1;
    if (followers > 0) return;
    clearTimeout(reopening);
    await opening;
    if (followers > 0) return; // others have come meanwhile, and may read here
    const closing = current;
    current = undefined;
    await closing?.log?.close();
  }

  const reachesBackTo = (position: bigint | undefined): boolean => current !== undefined && (position ?? -1n) >= current.after;

  return {
    enter() {
      followers += 1;
      open();
      return leave;
    },
    reachesBackTo,
    openFeed(after, onCome) {
      const opened = current;
      if (opened === undefined || !reachesBackTo(after)) throw new RangeError(`the window does not reach back to ${after}`);
      const from = after ?? -1n;
      let next = opened.dropped;
      let isBegun = false;
      listeners.add(onCome);
      const isBehind = (): boolean => next < opened.dropped;
      const waiting = (): number => {
        if (isBehind()) return 0;
        // Looked at until the first is taken: who comes from a subscription of their own may know more than has come here yet.
        if (!isBegun) next = opened.dropped + countUpTo(opened.records, from);
        return opened.dropped + opened.records.length - next;
      };
      return {
        waiting,
        take(most) {
          const count = Math.min(most, waiting());
          const first = next - opened.dropped;
          isBegun ||= count > 0;
          next += count;
          return count === 0 ? [] : opened.records.slice(first, first + count);
        },
        decode(record) {
          const known = decodedRecords.get(record);
          if (known !== undefined && !annulments.has(record.id)) return known;
          const decoded: RecordedEvent | UnreadableEvent | undefined = decode(record, annulments.has);
          if (decoded !== undefined && 'event' in decoded && decoded.event.type !== 'annulled') decodedRecords.set(record, decoded);
          return decoded;
        },
        passed: () => (isBehind() ? undefined : opened.passed),
        ended: () => opened.ended,
        isOver: isBehind,
        close: async () => void listeners.delete(onCome),
      };
    },
  };
}

/** How many of the records, which are in log order, stand at that position or before it. */
function countUpTo(records: readonly StoreRecord[], position: bigint): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const record = records[middle];
    if (record !== undefined && positionOf(record) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
