// Presence: how many processes consume commands. A queue with a single active consumer does not count those that wait.
import type { BrokerConnection, Channel } from '../rabbitmq/connection.ts';
import { PRESENCE_QUEUE } from '../rabbitmq/topology.ts';

export interface Presence {
  /** The number of processes that are there, this one included. Rejects where the broker does not say. */
  count(): Promise<number>;
  close(): void;
}

/** This process is present from the first count until it is closed, or its connection is lost. */
export function makePresence(connection: BrokerConnection): Presence {
  let current: Promise<Channel> | undefined;

  async function subscribe(): Promise<Channel> {
    const channel = await connection.openChannel();
    channel.once('close', () => {
      current = undefined;
    });
    await channel.consume(PRESENCE_QUEUE, () => undefined, { noAck: true });
    return channel;
  }

  return {
    async count() {
      current ??= subscribe();
      try {
        return (await (await current).checkQueue(PRESENCE_QUEUE)).consumerCount;
      } catch (error) {
        current = undefined;
        throw error;
      }
    },
    close() {
      // Not waited for: without a connection the channel is none yet, and never will be.
      void current?.then((channel) => channel.close()).catch(() => undefined);
    },
  };
}
