// The connection to the broker: it comes back by itself, and everybody can ask whether it is there.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ConfirmChannel, RecoveringChannelModel } from 'amqplib';
import { connect } from 'amqplib';

/** What others handle without speaking to the broker themselves. */
export type { Channel, ConfirmChannel, ConsumeMessage, Message } from 'amqplib';

export interface BrokerConnectionOptions {
  /** Shown in the broker's list of connections. */
  readonly name?: string;
  /** Told of a connection lost or refused, and of a channel that the broker closed. */
  readonly onTrouble?: (error: Error) => void;
}

export interface BrokerConnection {
  /** The broker user of the URL, which the broker checks the `userId` of this process's messages against. */
  readonly user: string;
  isConnected(): boolean;
  /** Whether the broker takes messages: it is connected, and has not stopped its publishers for want of memory or disk. */
  takesMessages(): boolean;
  /** Called at every connection, and at once where there is one. @returns what ends that. */
  onConnected(listener: () => void): () => void;
  /** Opens a channel; waits for a connection where there is none. Rejects once the connection is closed for good. */
  openChannel(): Promise<Channel>;
  /** The same, with publisher confirms. */
  openConfirmChannel(): Promise<ConfirmChannel>;
  /** Closes it for good, with all its channels. */
  close(): Promise<void>;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A broker in order closes a connection within milliseconds; one that waits for a queue without a leader, never. */
export const CLOSE_MS = 3000;
/** A peer that is silent for two of these is taken for dead; the broker would suggest a minute. */
const HEARTBEAT_S = 10;

/**
 * Begins to connect, and connects again whenever the connection is lost, until it is closed: the first attempts follow
 * each other within a second, later ones within five.
 *
 * A process that consumes and publishes has two of these: a broker short of memory stops reading from connections that
 * publish, and acknowledgements must not be stopped with them.
 *
 * @param url `amqp://user:password@host:port/vhost`, or `amqps://`.
 * @throws TypeError where that is no such URL.
 */
export function connectBroker(url: string, { name, onTrouble = () => undefined }: BrokerConnectionOptions = {}): BrokerConnection {
  const parsed = new URL(url);
  if (parsed.protocol !== 'amqp:' && parsed.protocol !== 'amqps:') throw new TypeError('a broker URL begins with amqp:// or amqps://');
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(HEARTBEAT_S));
  const user = parsed.username === '' ? 'guest' : decodeURIComponent(parsed.username);

  const listeners = new Set<() => void>();
  let isConnected = false;
  let isBlocked = false;
  let isClosed = false;

  const connection: Promise<RecoveringChannelModel> = connect(parsed.href, {
    // Without it, Nagle's algorithm and delayed acknowledgements make every round trip 13 ms instead of 0.8 ms.
    noDelay: true,
    keepAlive: true,
    timeout: CONNECT_TIMEOUT_MS,
    clientProperties: { connection_name: name ?? 'ledger' },
    recovery: { initialDelay: FIRST_RETRY_MS, maxDelay: LAST_RETRY_MS, waitForConnect: false },
  }).then((model) => {
    model.on('connect', () => {
      isConnected = true;
      isBlocked = false;
      for (const listener of listeners) listener();
    });
    model.on('disconnect', (error) => {
      isConnected = false;
      if (!isClosed) onTrouble(error);
    });
    model.on('connect-failed', (error) => {
      if (!isClosed) onTrouble(error);
    });
    model.on('blocked', () => {
      isBlocked = true;
    });
    model.on('unblocked', () => {
      isBlocked = false;
    });
    // A connection that ends with an error also disconnects, which is told above.
    model.on('error', () => undefined);
    return model;
  });

  /** A channel's error closes it, and whoever uses it sees that; nobody listening to the error itself would end the process. */
  const watched = <Opened extends Channel>(channel: Opened): Opened => {
    channel.on('error', onTrouble);
    return channel;
  };

  return {
    user,
    isConnected: () => isConnected,
    takesMessages: () => isConnected && !isBlocked,
    onConnected(listener) {
      listeners.add(listener);
      if (isConnected) listener();
      return () => listeners.delete(listener);
    },
    openChannel: async () => watched(await (await connection).createChannel()),
    openConfirmChannel: async () => watched(await (await connection).createConfirmChannel()),
    async close() {
      isClosed = true;
      isConnected = false;
      // A broker that does not answer is not waited for: the connection ends with the process.
      await Promise.race([(await connection).close(), sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

/** Resolves when the channel is closed, by whomever. */
export const closed = (channel: Channel): Promise<void> => new Promise((resolve) => channel.once('close', resolve));
