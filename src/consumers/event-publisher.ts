// The event publisher: tells others what happened, in the order of the log, each event at least once. Any number of publishers may
// run; the lease lets one work, and where two do for a moment, some events are told twice.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { RecordedEvent } from '../domain/events.ts';
import type { EventStore } from '../eventstore/client.ts';
import type { EventPlace, UnreadableEvent } from '../eventstore/errors.ts';
import type { LogPlace, TakenLease } from '../postgres/leases.ts';
import { makeLease } from '../postgres/leases.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { makeCheckpointSaver } from '../projections/checkpoint-saver.ts';
import type { CheckpointMismatch } from '../projections/errors.ts';
import { LeaseLost } from '../projections/errors.ts';
import { checkAgainstLog } from '../projections/log-check.ts';
import type { Pauses } from '../projections/pauses.ts';
import type { Tenure } from '../projections/tenure.ts';
import { makeTenures } from '../projections/tenure.ts';
import type { BrokerConnection } from '../rabbitmq/connection.ts';
import type { OutgoingMessage } from '../rabbitmq/publisher.ts';
import { makePublisher } from '../rabbitmq/publisher.ts';
import { EXCHANGES } from '../rabbitmq/topology.ts';
import { CLOUD_EVENTS_JSON, integrationEventOf } from './integration-events.ts';

export interface EventPublisherOptions {
  readonly db: LedgerDb;
  readonly store: Pick<EventStore, 'streams' | 'annulments' | 'subscribe'>;
  readonly connection: BrokerConnection;
  /** Names this process in the lease; it is made unique for every start. */
  readonly owner: string;
  /** How long after its last sign of life another publisher takes over, in ms. */
  readonly leaseMs: number;
  readonly logger: Logger;
}

/** `standby`: another publisher has the lease. `refused`: the checkpoint is of another log, see `refusal`. */
export interface EventPublisherStatus {
  readonly state: 'standby' | 'running' | 'refused' | 'stopped';
  readonly refusal?: CheckpointMismatch;
  /** The event that cannot be read and at which it waits. */
  readonly waitingAt?: EventPlace;
  /** Of the last event up to which the broker has confirmed all; -1n before the first. */
  readonly position: bigint;
}

export interface EventPublisher {
  /** Begins in the background. Trouble is reported in the status and the log, and ends by itself where it can. */
  start(): void;
  /** Publishes nothing more, saves how far it is and gives the lease up. */
  stop(): Promise<void>;
  status(): EventPublisherStatus;
}

/** So many messages wait for their confirms at a time. */
const BATCH_EVENTS = 500;
/** How often the checkpoint is saved at most. A restart publishes so much again. */
const SAVE_EVERY_MS = 200;
const UNREADABLE_POLL_MS = 2_000;
const FIRST_BACKOFF_MS = 50;
const LAST_BACKOFF_MS = 1_000;
/** For the confirms under way at the end of a tenure: what they miss is published twice. */
const LAST_CONFIRMS_MS = 500;
const WORK = 'event publisher';
const READER = {
  did: 'integration events were published',
  remedy:
    "forget how far (DELETE FROM leases WHERE name = 'event-publisher'): all events of the log are then published again, with the same ids",
};

/** What was confirmed in one tenure. */
interface Progress {
  confirmed: LogPlace | undefined;
}

export function makeEventPublisher({ db, store, connection, owner, leaseMs, logger }: EventPublisherOptions): EventPublisher {
  const lease = makeLease(db, { name: 'event-publisher', owner: `${owner}/${randomUUID()}`, leaseMs });
  const publisher = makePublisher(connection, {
    prepare: async (channel) => {
      // A message to an exchange that is not there would close the channel.
      await channel.assertExchange(EXCHANGES.events, 'topic', { durable: true });
    },
  });
  let state: EventPublisherStatus['state'] = 'stopped';
  let refusal: CheckpointMismatch | undefined;
  let waitingAt: EventPlace | undefined;
  let progress: Progress = { confirmed: undefined };

  function become(next: EventPublisherStatus['state'], why?: CheckpointMismatch): void {
    if (next !== state) logger.info({ state: next, position: `${progress.confirmed?.position ?? -1n}` }, 'event publisher');
    state = next;
    refusal = why;
    waitingAt = undefined;
  }

  async function lead(tenure: Tenure, { checkpoint }: TakenLease): Promise<void> {
    if (checkpoint !== undefined) await checkAgainstLog(store.streams, checkpoint, READER);
    await store.annulments.load();
    const reached: Progress = { confirmed: checkpoint };
    progress = reached;
    become('running');
    const subscription = store.subscribe({
      after: checkpoint?.position,
      batchSize: BATCH_EVENTS,
      batchMs: 0,
      onBatch: (events) => publishAll(tenure, reached, events),
      onUnreadable: (event) => standAt(tenure, event),
      onInterrupted: tenure.fail, // it may come back to another log
    });
    const save = makeCheckpointSaver({ lease, tenure, from: checkpoint, work: WORK, logger });
    while (!tenure.ended()) {
      await tenure.pause(SAVE_EVERY_MS);
      await save(reached.confirmed);
    }
    await subscription.stop();
    await save(reached.confirmed);
  }

  /**
   * Publishes the events and waits until all are confirmed. What was not confirmed is published again from the first such event
   * on, so that behind every event that a consumer sees, sooner or later, come all that follow it, in order.
   * @throws LeaseLost where the tenure ends before.
   */
  async function publishAll(tenure: Pauses, reached: Progress, events: readonly RecordedEvent[]): Promise<void> {
    waitingAt = undefined;
    let rest = events;
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS)) {
      if (tenure.ended()) throw new LeaseLost();
      const confirmed = await publishOnce(tenure, reached, rest);
      if (confirmed === rest.length) return;
      if (confirmed > 0) backoffMs = FIRST_BACKOFF_MS;
      rest = rest.slice(confirmed);
      logger.debug({ position: `${rest[0]?.position}` }, 'integration events are published again');
      await tenure.pause(backoffMs);
    }
  }

  /** One attempt, soon given up once the tenure ends. @returns how many events, from the first on, are confirmed. */
  async function publishOnce(tenure: Pauses, reached: Progress, events: readonly RecordedEvent[]): Promise<number> {
    const confirmed = new Set<number>();
    let prefix = 0;
    const attempts = events.map(async (event, index) => {
      const message = messageOf(event);
      if (message !== undefined && (await publisher.publish(message)) !== 'confirmed') return;
      confirmed.add(index);
      for (let next = events[prefix]; next !== undefined && confirmed.has(prefix); next = events[prefix]) {
        reached.confirmed = { position: next.position, eventId: next.eventId };
        prefix += 1;
      }
    });
    const all = Promise.all(attempts);
    await tenure.untilEnd(all);
    if (tenure.ended()) await Promise.race([all, sleep(LAST_CONFIRMS_MS, undefined, { ref: false })]);
    return prefix;
  }

  /** Waits a while for the event to be annulled; the subscription then gives it again, and so on. */
  async function standAt(tenure: Pauses, event: UnreadableEvent): Promise<void> {
    await store.annulments.load();
    if (store.annulments.has(event.eventId)) return;
    const { stream, revision, position, eventId, reason } = event;
    if (waitingAt?.eventId !== eventId) logger.error({ stream, revision: `${revision}`, reason }, 'the event publisher waits at an event');
    waitingAt = { stream, revision, position, eventId };
    await tenure.pause(UNREADABLE_POLL_MS);
  }

  const tenures = makeTenures<TakenLease>({
    work: WORK,
    leaseMs,
    take: lease.take,
    renew: lease.renew,
    release: lease.release,
    lead,
    onStandby: () => become('standby'),
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
      await publisher.close();
      become('stopped');
    },
    status: () => ({
      state,
      ...(refusal && { refusal }),
      ...(waitingAt && { waitingAt }),
      position: progress.confirmed?.position ?? -1n,
    }),
  };
}

function messageOf(event: RecordedEvent): OutgoingMessage | undefined {
  const told = integrationEventOf(event);
  if (told === undefined) return undefined;
  return {
    exchange: EXCHANGES.events,
    routingKey: told.routingKey,
    content: Buffer.from(JSON.stringify(told.message)),
    // Nobody may be listening to an event; that is no error, so it is not mandatory.
    options: { persistent: true, contentType: CLOUD_EVENTS_JSON, messageId: told.message.id, timestamp: secondsOf(told.message.time) },
  };
}

/** AMQP's timestamp counts seconds. */
const secondsOf = (time: string): number => Math.floor(Date.parse(time) / 1000);
