// The command consumer: subscribes to every command queue, and keeps no more of them than its share.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clients } from '../identity/clients.ts';
import type { BrokerConnection } from '../rabbitmq/connection.ts';
import { makePublisher } from '../rabbitmq/publisher.ts';
import { commandQueues } from '../rabbitmq/topology.ts';
import type { CommandSessionOptions } from './command-session.ts';
import { openCommandSession } from './command-session.ts';
import { makeKnownClients } from './known-clients.ts';
import { makePresence } from './presence.ts';
import { startQueueConsumer } from './queue-consumer.ts';

export interface CommandConsumerOptions extends Omit<CommandSessionOptions, 'publisher' | 'answers' | 'clients'> {
  /** Whom the broker users stand for. Where it rejects, their messages are kept. */
  readonly clients: Pick<Clients, 'find'>;
  /** Consumes and acknowledges. */
  readonly connection: BrokerConnection;
  /** Publishes the gateway's answers and dead letters: apart, because a broker short of memory stops reading from connections that publish. */
  readonly publishing: BrokerConnection;
  /** Publishes the answers to producers: apart, because what they name as the place for one may cost the connection. */
  readonly answering: BrokerConnection;
  readonly queues: number;
  /**
   * The most messages of one queue in hand at once: enough that many commands of one account become one append. It has to be the
   * same in every process. RabbitMQ puts what a lost consumer had in hand behind what others gave back before: after one that
   * had more in hand than the next one takes, the loss of that next one would change the order.
   */
  readonly prefetch?: number;
  /** How often the queues are shared out anew. */
  readonly shareEveryMs?: number;
  /** A message kept longer than this is handed over: the broker ends channels that keep one for half an hour (`consumer_timeout`). */
  readonly maxHeldMs?: number;
}

export interface CommandConsumer {
  /** The queues that this process is known to be the active consumer of: it has had deliveries from them. */
  active(): readonly string[];
  /** Decides nothing more, finishes what is under way, and leaves the rest to the others. */
  stop(): Promise<void>;
}

const PREFETCH = 256;
const SHARE_EVERY_MS = 10_000;
/** For what the broker is being asked at a stop. */
const LAST_SHARE_MS = 1000;
const MAX_HELD_MS = 15 * 60_000;

/**
 * Starts to consume.
 *
 * How the queues are shared out: every process subscribes to every queue, and the broker makes the first that came the one
 * active consumer of it; the others wait in line. From time to time each process looks at how many there are (presence.ts), and where
 * it is active on more than its share (queues / processes, rounded up), it hands the surplus over and goes to the end of the
 * line. Nobody has to know anybody: a queue moves on until it is with someone who is not over their share. A process that
 * goes away leaves its queues to the next in line at once.
 */
export function startCommandConsumer(options: CommandConsumerOptions): CommandConsumer {
  const { connection, publishing, answering, queues, logger } = options;
  const { prefetch = PREFETCH, shareEveryMs = SHARE_EVERY_MS, maxHeldMs = MAX_HELD_MS } = options;
  const publisher = makePublisher(publishing);
  const answers = makePublisher(answering);
  const clients = makeKnownClients({
    clients: options.clients,
    onError: (err) => logger.warn({ err }, 'a client could not be looked up; its messages are kept'),
  });
  const onError = (err: unknown): void => logger.warn({ err }, 'a command queue is not consumed; trying again');
  const consumers = commandQueues(queues).map((queue) =>
    startQueueConsumer({
      queue,
      connection,
      prefetch,
      openSession: (channel) => openCommandSession(channel, { ...options, clients, publisher, answers }),
      onError,
    }),
  );
  const presence = makePresence(connection);
  const stopping = new AbortController();

  async function shareOut(): Promise<void> {
    const active = consumers.filter(({ isActive }) => isActive());
    const surplus = surplusOf(active.length, queues, await presence.count());
    const kept = consumers.filter(({ oldestMs }) => oldestMs() > maxHeldMs);
    for (const consumer of new Set([...kept, ...active.slice(active.length - surplus)])) {
      logger.info({ queue: consumer.queue }, 'handing a command queue over');
      await consumer.handOver();
    }
  }
  async function keepSharing(): Promise<void> {
    const { signal } = stopping;
    while (!signal.aborted) {
      if (connection.isConnected()) await shareOut().catch((err: unknown) => logger.debug({ err }, 'queues were not shared out'));
      // Not all processes at once, so that they do not hand the same queue round.
      await sleep(shareEveryMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    }
  }
  const sharing = keepSharing();

  return {
    active: () => consumers.filter(({ isActive }) => isActive()).map(({ queue }) => queue),
    async stop() {
      stopping.abort();
      // A hand-over under way is waited for by its queue, below.
      await Promise.race([sharing, sleep(LAST_SHARE_MS, undefined, { ref: false })]);
      await Promise.all(consumers.map(({ stop }) => stop()));
      presence.close();
      await Promise.all([publisher.close(), answers.close()]);
    },
  };
}

/** How many queues a process that is active on so many has too much. */
export function surplusOf(active: number, queues: number, processes: number): number {
  return Math.max(0, active - Math.ceil(queues / Math.max(1, processes)));
}
