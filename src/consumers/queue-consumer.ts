// The consumer of one queue: subscribed for as long as it runs, over one channel after another.
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection, Channel, ConsumeMessage } from '../rabbitmq/connection.ts';
import { closed } from '../rabbitmq/connection.ts';

/** What is done with the messages of one channel, from its first delivery until it is closed. */
export interface Session {
  /** Takes a delivery, in order. */
  take(message: ConsumeMessage): void;
  /** How long the oldest message in hand has been there, in ms. */
  oldestMs(): number;
  /** Stops deciding; resolves when what was under way is done and acknowledged. What is left is dropped. */
  stop(): Promise<void>;
}

export interface QueueConsumerOptions {
  readonly queue: string;
  readonly connection: BrokerConnection;
  /** The most messages in hand at once. */
  readonly prefetch: number;
  readonly openSession: (channel: Channel) => Session;
  readonly onError: (error: unknown) => void;
}

export interface QueueConsumer {
  readonly queue: string;
  /** Whether this subscription is the active one, as far as is known: it has had a delivery. */
  isActive(): boolean;
  oldestMs(): number;
  /**
   * Gives the queue to the next that subscribed to it, and subscribes again behind all others: nothing of it is decided
   * here once the next one begins.
   */
  handOver(): Promise<void>;
  /** Ends the subscription in the same way, for good. */
  stop(): Promise<void>;
}

/** Between two subscriptions: time for the broker to activate the next. */
const RESUBSCRIBE_MS = 500;
/** How long a broker may take to close a channel on which nothing is under way any more. */
const CLOSE_MS = 5000;

interface Subscription {
  isActive: boolean;
  readonly session: Session;
  end(): Promise<void>;
}

/** Subscribes to the queue at once, and again whenever the channel is lost, until it is stopped. */
export function startQueueConsumer({ queue, connection, prefetch, openSession, onError }: QueueConsumerOptions): QueueConsumer {
  const stopping = new AbortController();
  const { signal } = stopping;
  let current: Subscription | undefined;

  /** One channel's life. */
  async function subscribe(): Promise<void> {
    const channel = await connection.openChannel();
    let isOpen = true;
    const isClosed = closed(channel).then(() => {
      isOpen = false;
    });
    const session = openSession(channel);
    let ending: Promise<void> | undefined;
    const subscription: Subscription = {
      isActive: false,
      session,
      // Never a cancel: with messages un-acked, the next consumer would begin past what is being decided here.
      end: () => {
        ending ??= session
          .stop()
          .then(() => Promise.race([channel.close(), sleep(CLOSE_MS)]))
          .catch(() => undefined); // it was lost meanwhile
        return ending;
      },
    };
    current = subscription;
    try {
      await channel.prefetch(prefetch);
      await channel.consume(queue, (message) => {
        if (message === null) {
          void subscription.end(); // the queue is gone
          return;
        }
        subscription.isActive = true;
        session.take(message);
      });
      if (signal.aborted) await subscription.end();
      await isClosed;
    } finally {
      current = undefined;
      void session.stop();
      if (isOpen) void channel.close().catch(() => undefined);
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await subscribe();
      } catch (error) {
        if (!signal.aborted) onError(error);
      }
      await sleep(RESUBSCRIBE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  const running = run();

  return {
    queue,
    isActive: () => current?.isActive ?? false,
    oldestMs: () => current?.session.oldestMs() ?? 0,
    handOver: async () => void (await current?.end()),
    async stop() {
      stopping.abort();
      await current?.end();
      // It does not end while it waits for a connection, or for a broker that does not answer; it then has nothing in hand.
      await Promise.race([running, sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}
