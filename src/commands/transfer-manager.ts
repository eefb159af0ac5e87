// The transfer manager: reads the log for transfers that were sent, and brings each to its one end. To the recipient it says
// what is coming; only what the recipient's stream then says decides what the sender is told. Any number of managers may run:
// the lease lets one work, and where two do, the keys of their commands let everything happen once.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { RecordedEvent } from '../domain/events.ts';
import type { EventStore } from '../eventstore/client.ts';
import { annulled } from '../eventstore/codec.ts';
import type { UnreadableEvent } from '../eventstore/errors.ts';
import type { LogPlace, TakenLease } from '../postgres/leases.ts';
import { makeLease } from '../postgres/leases.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { makeCheckpointSaver } from '../projections/checkpoint-saver.ts';
import type { CheckpointMismatch } from '../projections/errors.ts';
import { LeaseLost } from '../projections/errors.ts';
import { checkAgainstLog } from '../projections/log-check.ts';
import type { Pauses } from '../projections/pauses.ts';
import type { ProjectedPosition } from '../projections/position.ts';
import type { Tenure } from '../projections/tenure.ts';
import { makeTenures } from '../projections/tenure.ts';
import type { CommandBus } from './bus.ts';
import type { OpenTransfers } from './open-transfers.ts';
import { makeOpenTransfers } from './open-transfers.ts';
import type { TransferSteps } from './transfer-steps.ts';
import { makeTransferSteps } from './transfer-steps.ts';

export interface TransferManagerOptions {
  readonly db: LedgerDb;
  readonly store: Pick<EventStore, 'streams' | 'annulments' | 'subscribe'>;
  readonly bus: Pick<CommandBus, 'send'>;
  readonly position: Pick<ProjectedPosition, 'seen' | 'waitFor'>;
  /** Names this process in the lease; it is made unique for every start. */
  readonly owner: string;
  /** How long after its last sign of life another manager takes over, in ms. */
  readonly leaseMs: number;
  readonly logger: Logger;
}

/** `standby`: another manager has the lease. `refused`: the checkpoint is of another log, see `refusal`. */
export interface TransferManagerStatus {
  readonly state: 'standby' | 'running' | 'refused' | 'stopped';
  readonly refusal?: CheckpointMismatch;
  /** Transfers that were read as sent and not yet as ended. */
  readonly underWay: number;
  /** Of the last event read; -1n before the first. */
  readonly position: bigint;
}

export interface TransferManager {
  /** Begins in the background. Trouble is reported in the status and the log, and ends by itself where it can. */
  start(): void;
  /** Sends nothing more, waits for the commands under way and gives the lease up. */
  stop(): Promise<void>;
  status(): TransferManagerStatus;
}

const BATCH_EVENTS = 1000;
/** Commands are appended together where they come together; more of them at once would only wait in the mailboxes. */
const MAX_COMMANDS = 64;
/** How often the checkpoint is saved at most. A restart reads so much of the log again. */
const SAVE_EVERY_MS = 200;
/** At a standstill for so long, there is nothing to catch up with. */
const STANDSTILL_MS = 2_000;
const UNREADABLE_POLL_MS = 2_000;
const PROJECTED_POLL_MS = 250;
const WORK = 'transfer manager';
const READER = {
  did: 'transfers were followed',
  remedy:
    "forget how far (DELETE FROM leases WHERE name = 'transfer-manager'): the log is then read from its beginning, and nothing happens twice",
};

export function makeTransferManager({ db, store, bus, position, owner, leaseMs, logger }: TransferManagerOptions): TransferManager {
  const lease = makeLease(db, { name: 'transfer-manager', owner: `${owner}/${randomUUID()}`, leaseMs });
  let state: TransferManagerStatus['state'] = 'stopped';
  let refusal: CheckpointMismatch | undefined;
  let transfers = makeOpenTransfers(undefined);
  /** Up to here every event was applied, or is known to be annulled. */
  let judged = -1n;

  function become(next: TransferManagerStatus['state'], why?: CheckpointMismatch): void {
    if (next !== state) logger.info({ state: next, position: `${transfers.position()}` }, 'transfer manager');
    state = next;
    refusal = why;
  }

  async function lead(tenure: Tenure, { checkpoint }: TakenLease): Promise<void> {
    if (checkpoint !== undefined) await checkAgainstLog(store.streams, checkpoint, READER);
    await store.annulments.load();
    const end = (await store.streams.head())?.position ?? -1n;
    transfers = makeOpenTransfers(checkpoint);
    const steps = makeTransferSteps({ transfers, bus, tenure, maxConcurrent: MAX_COMMANDS, logger });
    become('running');
    await follow(tenure, transfers, checkpoint, catchingUp(transfers, steps, end));
    await steps.idle();
  }

  /** Reads the log until the tenure ends, and saves the checkpoint from time to time and at the end. */
  async function follow(tenure: Tenure, reading: OpenTransfers, from: LogPlace | undefined, act: () => void): Promise<void> {
    const subscription = store.subscribe({
      after: from?.position,
      batchSize: BATCH_EVENTS,
      batchMs: 0,
      onBatch: async (events) => {
        for (const event of events) reading.read(await asProjected(tenure, event, act));
        act();
      },
      onUnreadable: (event) => standAt(tenure, event),
      onInterrupted: tenure.fail, // it may come back to another log
    });
    const save = makeCheckpointSaver({ lease, tenure, from, work: WORK, logger });
    while (!tenure.ended()) {
      await tenure.pause(SAVE_EVERY_MS);
      act();
      await save(reading.checkpoint());
    }
    await subscription.stop();
    await save(reading.checkpoint());
  }

  /**
   * The event once the projections have applied it, or as annulled. So money that was sent past the ledger, and out of nothing,
   * never reaches a recipient: no projection would apply it. What was read before goes on meanwhile.
   * @throws LeaseLost where the tenure ends before.
   */
  async function asProjected(tenure: Pauses, recorded: RecordedEvent, act: () => void): Promise<RecordedEvent> {
    if (judged < recorded.position) {
      act();
      while (!(await position.waitFor(recorded.position, PROJECTED_POLL_MS))) {
        if (tenure.ended()) throw new LeaseLost();
      }
      const seen = position.seen();
      // Only now: what the projections have passed may have been annulled a moment ago, and be read late.
      await store.annulments.load();
      judged = seen;
    }
    return store.annulments.has(recorded.eventId) ? annulled(recorded) : recorded;
  }

  /** Waits a while for the event to be annulled; the subscription then gives it again, and so on. */
  async function standAt(tenure: Pauses, event: UnreadableEvent): Promise<void> {
    await store.annulments.load();
    if (store.annulments.has(event.eventId)) return;
    logger.error({ stream: event.stream, revision: `${event.revision}`, reason: event.reason }, 'the transfer manager waits at an event');
    await tenure.pause(UNREADABLE_POLL_MS);
  }

  const tenures = makeTenures<TakenLease>({
    work: WORK,
    leaseMs,
    take: lease.take,
    renew: lease.renew,
    release: lease.release,
    lead,
    onStandby: () => {
      become('standby');
      transfers = makeOpenTransfers(undefined);
    },
    onRefused: (why) => become('refused', why),
    logger,
  });
  return {
    start: () => {
      if (state === 'stopped') state = 'standby';
      tenures.start();
    },
    stop: async () => {
      await tenures.stop();
      become('stopped');
    },
    status: () => ({ state, ...(refusal && { refusal }), underWay: transfers.size(), position: transfers.position() }),
  };
}

/**
 * Takes steps only once the log was read to where it ended at the start: until then the end of what was sent may be yet to be
 * read. (A command too many would do no harm, it would only be in vain; so where the reading stands still, nobody waits.)
 */
function catchingUp(transfers: OpenTransfers, steps: TransferSteps, end: bigint): () => void {
  let last = { position: transfers.position(), atMs: performance.now() };
  let isCaughtUp = false;
  return () => {
    const position = transfers.position();
    if (position !== last.position) last = { position, atMs: performance.now() };
    isCaughtUp ||= position >= end || performance.now() - last.atMs >= STANDSTILL_MS;
    if (isCaughtUp) steps.go();
  };
}
