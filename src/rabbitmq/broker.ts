// The broker as the parts of one process share it: its connections, what has to be declared there, and what is to be said of it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { BrokerConnection } from './connection.ts';
import { connectBroker } from './connection.ts';
import { commandQueues, DEAD_QUEUE, declareTopology } from './topology.ts';

export interface BrokerOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps://`. */
  readonly url: string;
  /** The number of command queues. */
  readonly queues: number;
  readonly logger: Logger;
}

export interface BrokerStatus {
  /** Whether commands can be put into it: it is there, takes messages, and has what the ledger needs. */
  readonly isUsable: boolean;
  /** Whether this process can take commands from it. */
  readonly isConsumable: boolean;
  /** Why not, as far as that is known. */
  readonly trouble?: string;
}

export interface Broker {
  /** Commands are consumed and acknowledged on it. */
  readonly consuming: BrokerConnection;
  /** Everything is published on it, and answers are taken. Apart: a broker short of memory stops reading from connections that publish. */
  readonly publishing: BrokerConnection;
  /** Producers are answered on it. Apart: they say where to, and RabbitMQ ends the connection of whoever answers to what looks like a direct reply-to and is none. */
  readonly answering: BrokerConnection;
  /** Resolves when all that the ledger needs to find there is declared for the first time; never where that never comes about. */
  readonly declared: Promise<void>;
  status(): BrokerStatus;
  /** Messages among the dead letters, as seen some seconds ago; NaN while that is not known. */
  deadLetters(): number;
  /** Commands in each queue that nobody has taken yet, as seen some seconds ago; empty while that is not known. */
  queuedCommands(): ReadonlyMap<string, number>;
  /** Closes the connections for good. */
  close(): Promise<void>;
}

/** After a declaration that failed: somebody may be putting right what is in the way. */
const DECLARE_AGAIN_MS = 5_000;
const COUNT_EVERY_MS = 5_000;
const NOT_FOUND = 404;

/**
 * Begins to connect, and declares the topology at every connection: a broker may come back empty. Never throws for a broker
 * that is away, or that has something else under the ledger's names: the status says so, and it ends by itself.
 *
 * @throws TypeError where the URL is none of a broker.
 */
export function openBroker({ url, queues, logger }: BrokerOptions): Broker {
  let trouble: string | undefined;
  let isDeclared = false;
  let deadLetters = Number.NaN;
  let queuedCommands: ReadonlyMap<string, number> = new Map();
  const closing = new AbortController();
  const { promise: declared, resolve: haveDeclared } = Promise.withResolvers<void>();

  /** Trouble that lasts is told once. */
  function tell(error: unknown): void {
    const message = error instanceof Error && error.message !== '' ? error.message : String(error);
    if (closing.signal.aborted || message === trouble) return;
    trouble = message;
    logger.warn({ err: error }, 'trouble with the broker');
  }
  /** A channel that is closed because a queue is not there: whoever looked for the queue knows what that means. */
  const isLooking = (error: Error): boolean => 'code' in error && error.code === NOT_FOUND;
  const connect = (name: string): BrokerConnection =>
    connectBroker(url, { name, onTrouble: (error) => (isLooking(error) ? undefined : tell(error)) });
  const consuming = connect('ledger consumer');
  const publishing = connect('ledger publisher');
  const answering = connect('ledger answers');

  async function declare(): Promise<void> {
    while (!closing.signal.aborted && publishing.isConnected()) {
      try {
        await declareTopology(publishing, { queues });
        if (trouble !== undefined) logger.info('the broker is usable again');
        trouble = undefined;
        isDeclared = true;
        haveDeclared();
        return;
      } catch (error) {
        tell(error);
        await sleep(DECLARE_AGAIN_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }
  let declaring = Promise.resolve();
  publishing.onConnected(() => {
    declaring = declaring.then(declare);
  });

  async function count(): Promise<void> {
    if (!publishing.isConnected() || !isDeclared) throw new Error('not connected');
    const channel = await publishing.openChannel();
    try {
      deadLetters = (await channel.checkQueue(DEAD_QUEUE)).messageCount;
      const counted = new Map<string, number>();
      for (const queue of commandQueues(queues)) counted.set(queue, (await channel.checkQueue(queue)).messageCount);
      queuedCommands = counted;
    } finally {
      await channel.close().catch(() => undefined);
    }
  }
  function notCounted(): void {
    deadLetters = Number.NaN;
    queuedCommands = new Map();
  }
  let counting: Promise<void> = declared.then(count).catch(notCounted);
  const timer = setInterval(() => {
    counting = counting.then(count).catch(notCounted);
  }, COUNT_EVERY_MS).unref();

  return {
    consuming,
    publishing,
    answering,
    declared,
    status() {
      const isUsable = isDeclared && publishing.takesMessages();
      const isConsumable = consuming.isConnected();
      if (isUsable)
        return { isUsable, isConsumable, ...(!isConsumable && { trouble: 'the connection on which commands are consumed is lost' }) };
      const why = publishing.isConnected() && !publishing.takesMessages() ? 'it takes no messages: it is short of memory or disk' : trouble;
      return { isUsable, isConsumable, trouble: why ?? 'not connected yet' };
    },
    deadLetters: () => deadLetters,
    queuedCommands: () => queuedCommands,
    async close() {
      closing.abort();
      clearInterval(timer);
      await Promise.all([consuming.close(), publishing.close(), answering.close()]);
      await declaring;
    },
  };
}
