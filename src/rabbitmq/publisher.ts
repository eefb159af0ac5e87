// Publishing with confirms, on one channel that is opened again whenever it is lost: what became of each message is told.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmChannel, Message, Options } from 'amqplib';
import type { BrokerConnection } from './connection.ts';
import { CLOSE_MS } from './connection.ts';

export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options: Options.Publish;
}

/**
 * What became of a message.
 * - `confirmed`: the broker has it, for good where message and queue are durable.
 * - `unroutable`: no queue takes it, so nothing was kept (only messages with `mandatory` learn that).
 * - `not_sent`: there was no channel, or the broker takes nothing; nothing was handed to it.
 * - `unknown`: it was sent, and no confirm came, or the broker would not vouch for it.
 */
export type PublishOutcome = 'confirmed' | 'unroutable' | 'not_sent' | 'unknown';

export interface Publisher {
  /** Sends it now or not at all: messages published one after another are sent in that order. Never rejects. */
  publish(message: OutgoingMessage): Promise<PublishOutcome>;
  /** Whether a message would be sent now. */
  isReady(): boolean;
  /** Gives the channel up: what is not confirmed by then is `unknown`. */
  close(): Promise<void>;
}

export interface PublisherOptions {
  /** What has to be done on a channel before the first message is published on it. */
  readonly prepare?: (channel: ConfirmChannel) => Promise<void>;
  /** Told when a channel is lost or given up. Its unconfirmed messages are told by themselves: before that, or, of one given up, soon after. */
  readonly onLost?: () => void;
}

interface Unconfirmed extends OutgoingMessage {
  isReturned: boolean;
  readonly resolve: (outcome: PublishOutcome) => void;
}

/** Between two attempts to open a channel on a connection that is there. */
const REOPEN_MS = 200;
/** What amqplib says of a message that the broker refused; of one on a lost channel it says something else. */
const NACKED = 'message nacked';
/** Between two channels that are given up for what the broker refused on them: whoever shares a channel loses its answers with it. */
const RENEW_MS = 2000;
/** A connection has room for 2047 channels, and those given up take theirs until the broker closes them, which it may never do. */
const MOST_GIVEN_UP = 100;

/** A publisher over the connection; whenever that is (again) connected, a channel is opened. */
export function makePublisher(connection: BrokerConnection, { prepare, onLost }: PublisherOptions = {}): Publisher {
  let current: ConfirmChannel | undefined;
  let isOpening = false;
  let isClosed = false;
  let renewedMs = Number.NEGATIVE_INFINITY;
  /** Channels that were given up and are not closed yet. */
  let givenUp = 0;

  async function open(): Promise<void> {
    if (isOpening || isClosed || current !== undefined) return;
    isOpening = true;
    try {
      const channel = await connection.openConfirmChannel();
      channel.once('close', () => lose(channel));
      await prepare?.(channel);
      if (isClosed) await channel.close();
      else current = channel;
    } catch {
      reopen(); // the connection has told what is wrong
    } finally {
      isOpening = false;
    }
  }
  function lose(channel: ConfirmChannel): void {
    if (current !== channel) return;
    current = undefined;
    onLost?.();
    reopen();
  }
  function reopen(): void {
    if (isClosed) return;
    // Without a connection, the next one opens the channel.
    setTimeout(() => void (connection.isConnected() && open()), REOPEN_MS).unref();
  }
  const forget = connection.onConnected(() => void open());

  /**
   * A channel that was opened when a node of the broker had just died remembers that node as the leader of its queues: RabbitMQ 3.10
   * refuses every message on it for as long as the node is away. Another channel asks who leads. Nobody waits for this one to close: while
   * a queue has no leader, the broker may never say that it has.
   */
  function renew(channel: ConfirmChannel): void {
    const nowMs = performance.now();
    if (current !== channel || nowMs - renewedMs < RENEW_MS || givenUp >= MOST_GIVEN_UP) return;
    renewedMs = nowMs;
    givenUp += 1;
    const late = setTimeout(() => {
      for (const { resolve } of unconfirmedOn(channel)) resolve('unknown');
    }, CLOSE_MS);
    channel.once('close', () => {
      givenUp -= 1;
      clearTimeout(late); // what was unconfirmed has been told
    });
    void channel.close().catch(() => undefined); // it has been closed in the meantime
    lose(channel);
  }

  const returnedOn = new WeakMap<ConfirmChannel, Set<Unconfirmed>>();
  /** The unconfirmed messages of a channel. What the broker returns is found among them by what it is: two that are equal were both returned. */
  function unconfirmedOn(channel: ConfirmChannel): Set<Unconfirmed> {
    const known = returnedOn.get(channel);
    if (known) return known;
    const unconfirmed = new Set<Unconfirmed>();
    returnedOn.set(channel, unconfirmed);
    channel.on('return', (message: Message) => {
      for (const sent of unconfirmed) {
        if (sent.isReturned || !isSame(sent, message)) continue;
        sent.isReturned = true;
        return;
      }
    });
    return unconfirmed;
  }

  return {
    publish: (message) =>
      new Promise((resolve) => {
        const channel = current;
        if (channel === undefined || !connection.takesMessages()) return resolve('not_sent');
        const unconfirmed = unconfirmedOn(channel);
        const entry: Unconfirmed = { ...message, isReturned: false, resolve };
        unconfirmed.add(entry);
        const { exchange, routingKey, content, options } = message;
        try {
          channel.publish(exchange, routingKey, content, options, (error: unknown) => {
            unconfirmed.delete(entry);
            // A message is returned before it is confirmed.
            if (error === null) resolve(entry.isReturned ? 'unroutable' : 'confirmed');
            else {
              resolve('unknown');
              if (error instanceof Error && error.message === NACKED) renew(channel);
            }
          });
        } catch {
          // Thrown before anything is written: the channel is closed, or the properties cannot be encoded.
          unconfirmed.delete(entry);
          resolve('not_sent');
        }
      }),
    isReady: () => current !== undefined && connection.takesMessages(),
    async close() {
      isClosed = true;
      forget();
      const channel = current;
      current = undefined;
      await Promise.race([channel?.close().catch(() => undefined), sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

const isSame = (sent: OutgoingMessage, returned: Message): boolean =>
  sent.routingKey === returned.fields.routingKey &&
  sent.exchange === returned.fields.exchange &&
  sent.options.messageId === returned.properties.messageId &&
  sent.options.correlationId === returned.properties.correlationId &&
  sent.content.equals(returned.content);
