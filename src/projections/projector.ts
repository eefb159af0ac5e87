// The projector: one subscription to the log, and its events into the tables. Any number of them may run; the lease lets one work.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { RecordedEvent } from '../domain/events.ts';
import type { EventStore } from '../eventstore/client.ts';
import { annulled } from '../eventstore/codec.ts';
import type { UnreadableEvent } from '../eventstore/errors.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { applyBatch } from './apply-batch.ts';
import type { Checkpoint, Halt } from './checkpoint.ts';
import { recordHalt, releaseLease, renewLease, takeLease } from './checkpoint.ts';
import type { CheckpointMismatch } from './errors.ts';
import { isCausedByData, LeaseLost } from './errors.ts';
import { checkAgainstLog, PROJECTOR } from './log-check.ts';
import type { Pauses } from './pauses.ts';
import type { Tenure } from './tenure.ts';
import { makeTenures } from './tenure.ts';

export interface ProjectorOptions {
  readonly db: LedgerDb;
  readonly store: EventStore;
  /** Names this process in the lease; it is made unique for every start. */
  readonly owner: string;
  /** The most events of one transaction. */
  readonly batchSize: number;
  /** How long a transaction that is not full waits for more events, in ms; 0 for the shortest lag. */
  readonly batchMs: number;
  /** How long after its last sign of life another projector takes over, in ms. */
  readonly leaseMs: number;
  /** How often a halted projector looks whether its event was annulled, in ms. */
  readonly haltedPollMs?: number;
  readonly observe?: ProjectionObserver;
  readonly logger: Logger;
}

/** What is worth counting, and worth a span. */
export interface ProjectionObserver {
  /** The events, in log order, are in the tables for good. Times are in ms since 1970. */
  applied(events: readonly RecordedEvent[], transaction: { readonly startedAtMs: number; readonly endedAtMs: number }): void;
}

/**
 * `standby`: another projector has the lease. `halted`: it stands at an event it cannot apply, see `halted`. `refused`: the
 * tables were built from another log, see `refusal`.
 */
export type ProjectorState = 'standby' | 'running' | 'halted' | 'refused' | 'stopped';
export interface ProjectorStatus {
  readonly state: ProjectorState;
  readonly halted?: Halt;
  readonly refusal?: CheckpointMismatch;
  /** Of the last event that this projector knows to be applied; -1n before the first. */
  readonly position: bigint;
  /** How many events the tables hold, as far as this projector knows. */
  readonly eventsApplied: bigint;
}
/** Whether this projector is the one that has the work, at a standstill or not. */
export const isProjecting = ({ state }: ProjectorStatus): boolean => state === 'running' || state === 'halted';

export interface Projector {
  /** Begins in the background. Trouble is reported in the status and the log, and ends by itself where it can. */
  start(): void;
  /** Ends after the batch under way and gives the lease up. */
  stop(): Promise<void>;
  status(): ProjectorStatus;
}

const FIRST_BACKOFF_MS = 50;
const LAST_BACKOFF_MS = 2_000;
const HALTED_POLL_MS = 2_000;

export function makeProjector(options: ProjectorOptions): Projector {
  const { db, store, batchSize, batchMs, leaseMs, haltedPollMs = HALTED_POLL_MS, observe, logger } = options;
  const lease = { owner: `${options.owner}/${randomUUID()}`, leaseMs };
  let status: ProjectorStatus = { state: 'stopped', position: -1n, eventsApplied: 0n };

  function become(state: ProjectorState, why: Pick<ProjectorStatus, 'halted' | 'refusal'> = {}): void {
    if (state !== status.state) logger.info({ state, position: `${status.position}`, halted: why.halted?.stream }, 'projector');
    status = { state, position: status.position, eventsApplied: status.eventsApplied, ...why };
  }
  function reached({ position, events }: Pick<Checkpoint, 'position' | 'events'>): void {
    status = { ...status, position, eventsApplied: events };
  }

  /** Works on the lease until it is lost or the projector stops. */
  async function lead(tenure: Tenure, checkpoint: Checkpoint): Promise<void> {
    reached(checkpoint);
    await checkAgainstLog(store.streams, checkpoint, PROJECTOR);
    await store.annulments.load();
    become('running');
    const subscription = store.subscribe({
      after: checkpoint.eventId === undefined ? undefined : checkpoint.position,
      batchSize,
      batchMs,
      onBatch: (events) => whileLeading(tenure, () => applyAll(tenure, events)),
      onUnreadable: (event) => whileLeading(tenure, () => standAt(tenure, event, event.reason, () => store.annulments.has(event.eventId))),
      onInterrupted: tenure.fail, // it may come back to another log
    });
    await tenure.ending();
    await subscription.stop();
  }

  /** Also false where the tables went back behind what was applied (a replica that lagged was promoted): then the work is taken up anew from there. */
  async function stillOurs(): Promise<boolean> {
    const applied = status.position;
    const position = await renewLease(db, lease.owner, leaseMs);
    return position !== undefined && position >= applied;
  }

  async function whileLeading(tenure: Pauses, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof LeaseLost) tenure.end();
      throw error;
    }
  }

  /** Applies the events, and where one cannot be applied, all before it; then stands at that one until it is annulled. */
  async function applyAll(tenure: Pauses, events: readonly RecordedEvent[]): Promise<void> {
    const [first] = events;
    if (first === undefined) return;
    const failure = await tryToApply(tenure, events);
    if (failure === undefined) return;
    if (events.length > 1) {
      const middle = Math.floor(events.length / 2);
      await applyAll(tenure, events.slice(0, middle));
      await applyAll(tenure, events.slice(middle));
      return;
    }
    const asItIsNow = (): RecordedEvent => (store.annulments.has(first.eventId) ? annulled(first) : first);
    await standAt(tenure, first, failure.message, async () => (await tryToApply(tenure, [asItIsNow()])) === undefined);
  }

  /** Applies the events in one transaction, through any trouble with the infrastructure. @returns what their content caused, if anything. */
  async function tryToApply(tenure: Pauses, events: readonly RecordedEvent[]): Promise<Error | undefined> {
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS)) {
      if (tenure.ended()) throw new LeaseLost();
      const startedAtMs = Date.now();
      try {
        reached(await applyBatch(db, lease, status.position, events));
      } catch (error) {
        if (error instanceof LeaseLost) throw error;
        if (error instanceof Error && isCausedByData(error)) return error;
        logger.warn({ err: error }, 'a batch is tried again');
        await tenure.pause(backoffMs);
        continue;
      }
      observe?.applied(events, { startedAtMs, endedAtMs: Date.now() });
      return undefined;
    }
  }

  /** Halts at the event until `canGoOn`, which is asked again and again, after looking for annulments. */
  async function standAt(
    tenure: Pauses,
    place: RecordedEvent | UnreadableEvent,
    reason: string,
    canGoOn: () => Promise<boolean> | boolean,
  ): Promise<void> {
    const { stream, revision, position, eventId } = place;
    const halted: Halt = { stream, revision, position, eventId, reason };
    logger.error({ ...halted, revision: `${revision}`, position: `${position}` }, 'the projector halts');
    become('halted', { halted });
    for (let isRecorded = false; ; ) {
      if (tenure.ended()) throw new LeaseLost();
      try {
        if (!isRecorded) await recordHalt(db, lease.owner, halted);
        isRecorded = true;
        await store.annulments.load();
        if (await canGoOn()) break;
      } catch (error) {
        if (error instanceof LeaseLost) throw error;
        logger.warn({ err: error }, 'still halted');
      }
      await tenure.pause(haltedPollMs);
    }
    become('running');
  }

  const tenures = makeTenures<Checkpoint>({
    work: 'projector',
    leaseMs,
    take: () => takeLease(db, lease.owner, leaseMs),
    renew: stillOurs,
    release: () => releaseLease(db, lease.owner),
    lead,
    onStandby: () => become('standby'),
    onRefused: (refusal) => become('refused', { refusal }),
    logger,
  });
  return {
    start: () => {
      if (status.state === 'stopped') status = { ...status, state: 'standby' };
      tenures.start();
    },
    stop: async () => {
      await tenures.stop();
      become('stopped');
    },
    status: () => status,
  };
}
