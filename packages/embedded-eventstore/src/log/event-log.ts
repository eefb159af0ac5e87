import { createClock } from './clock.ts';
import { type Commit, type CommitSignal, createCommitSignal } from './commit-signal.ts';
import { openDatabase, type Storage } from './database.ts';
import { createEventTable, type StoredEvent } from './event-table.ts';
import { createEventWriter } from './event-writer.ts';
import { sqliteCode } from './storage-error.ts';
import { createStreamHeads, type StreamHead } from './stream-heads.ts';
import type { Write, WriteOutcome } from './writes.ts';

/** An append-only log of events in streams. Readers see durable events only. */
export interface EventLog {
  /** Queues a write and calls back once its outcome is certain, and durable where it says written. Never throws. */
  submit(write: Write, done: (outcome: WriteOutcome) => void): void;
  /** The position of the newest durable event; 0 when there is none. */
  lastPosition(): number;
  /** Whether a position is that of a durable event. */
  hasPosition(position: number): boolean;
  head(stream: string): StreamHead;
  /** Events above `after`, oldest first. */
  allForwards(after: number, limit: number): StoredEvent[];
  /** Events below `before`, newest first. */
  allBackwards(before: number, limit: number): StoredEvent[];
  /** Events of a stream between two revisions, both included, that are not older than `createdSinceMs`. */
  streamForwards(streamId: number, from: number, to: number, createdSinceMs: number, limit: number): StoredEvent[];
  streamBackwards(streamId: number, from: number, downTo: number, createdSinceMs: number, limit: number): StoredEvent[];
  eventAt(streamId: number, revision: number): StoredEvent | null;
  readonly commits: CommitSignal;
  /** Writes what was submitted, then closes the files. */
  close(): Promise<void>;
}

interface Queued {
  readonly write: Write;
  readonly done: (outcome: WriteOutcome) => void;
}

/** Bounds how long one transaction keeps the event loop. */
const MAX_EVENTS_A_COMMIT = 1024;

const SQLITE_FULL = 13;

/**
 * Opens a log. Group commit: all writes that queued while the last commit was being synced share the next one.
 * `report` is told, once, when writes begin to be refused, and when they are accepted again. A disk whose syncs take longer than
 * `maxBlockingMs` is synced off the event loop.
 *
 * @throws StorageError when the data folder cannot be used.
 */
export function openEventLog(storage: Storage, report: (problem: string) => void, maxBlockingMs?: number): EventLog {
  const database = openDatabase(storage, maxBlockingMs);
  const { db } = database;
  const table = createEventTable(db);
  const heads = createStreamHeads(table);
  const writer = createEventWriter(table, heads, createClock());
  const commits = createCommitSignal();
  let durablePosition = writer.lastPosition();
  const queue: Queued[] = [];
  let running: Promise<void> | null = null;
  /** Set when a sync failed: what the disk holds is unknown from then on, so nothing more may be acknowledged. */
  let failure: string | null = null;
  let refusing = false;

  function submit(write: Write, done: (outcome: WriteOutcome) => void): void {
    queue.push({ write, done });
    running ??= run();
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      // Whatever else has arrived joins the group, and readers get their turn.
      await new Promise(setImmediate);
      await commitGroup(takeGroup());
    }
    running = null;
  }

  function takeGroup(): Queued[] {
    let events = 0;
    let size = 0;
    for (const { write } of queue) {
      events += write.kind === 'append' ? write.events.length : 1;
      if (size > 0 && events > MAX_EVENTS_A_COMMIT) break;
      size++;
    }
    return queue.splice(0, size);
  }

  async function commitGroup(group: Queued[]): Promise<void> {
    if (failure !== null) return refuse(group, failure);
    let outcomes: WriteOutcome[];
    try {
      outcomes = transact(group);
    } catch (error) {
      return refuse(group, explainRefusal(error));
    }
    if (writer.lastPosition() !== durablePosition) {
      try {
        await database.sync();
      } catch (error) {
        failure = `the disk failed to store events (${messageOf(error)}); restart the server once it is repaired`;
        report(failure);
        return answerAll(group, { kind: 'unknown', reason: failure });
      }
      if (refusing) report('writes are accepted again');
      refusing = false;
    }
    publish(group, outcomes);
  }

  function refuse(group: Queued[], reason: string): void {
    if (!refusing) report(`writes are refused: ${reason}`);
    refusing = true;
    answerAll(group, { kind: 'refused', reason });
  }

  function transact(group: Queued[]): WriteOutcome[] {
    const now = Date.now();
    try {
      db.exec('BEGIN IMMEDIATE');
      const outcomes = group.map(({ write }): WriteOutcome => (write.deadlineMs < now ? { kind: 'expired' } : writer.apply(write)));
      db.exec('COMMIT');
      return outcomes;
    } catch (error) {
      rollBack();
      throw error;
    }
  }

  function rollBack(): void {
    try {
      if (db.isTransaction) db.exec('ROLLBACK');
      heads.discard();
      writer.rolledBack();
    } catch (error) {
      failure = `the store cannot be brought back to its last commit (${messageOf(error)}); restart the server`;
    }
  }

  function publish(group: Queued[], outcomes: WriteOutcome[]): void {
    durablePosition = writer.lastPosition();
    heads.publish();
    for (const [index, queued] of group.entries()) {
      const outcome = outcomes[index];
      if (outcome !== undefined) answer(queued, outcome);
    }
    const streams = writer.takeTouched();
    if (streams.size > 0) commits.notify({ streams, largestAppend: largestAppend(group) });
  }

  function answerAll(group: Queued[], outcome: WriteOutcome): void {
    for (const queued of group) answer(queued, outcome);
  }

  /** The writer goes on whatever becomes of one answer. */
  function answer({ done }: Queued, outcome: WriteOutcome): void {
    try {
      done(outcome);
    } catch (error) {
      report(`an answer could not be given: ${messageOf(error)}`);
    }
  }

  return {
    submit,
    lastPosition: () => durablePosition,
    hasPosition: (position) => position <= durablePosition && table.hasPosition(position),
    head: heads.durable,
    allForwards: (after, limit) => table.allForwards(after, durablePosition, limit),
    allBackwards: (before, limit) => table.allBackwards(Math.min(before, durablePosition + 1), limit),
    streamForwards: table.streamForwards,
    streamBackwards: table.streamBackwards,
    eventAt: table.eventAt,
    commits,
    close: async () => {
      while (running !== null) await running;
      commits.close();
      database.close();
    },
  };
}

function largestAppend(group: Queued[]): Commit['largestAppend'] {
  return group.reduce((largest, { write }) => Math.max(largest, write.kind === 'append' ? write.events.length : 1), 0);
}

function explainRefusal(error: unknown): string {
  if (sqliteCode(error) === SQLITE_FULL) return 'the disk is full: nothing was written';
  return `nothing was written: ${messageOf(error)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
