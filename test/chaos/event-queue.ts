// One more consumer of the integration events: a queue that is there from the beginning, and is read once the faults are over.
import type { ConsumeMessage } from 'amqplib';
import { connect } from 'amqplib';
import { z } from 'zod';

/** An integration event as it was received. */
export interface ToldEvent {
  readonly id: string;
  readonly routingKey: string;
  readonly type: string;
  readonly accountId: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const QUEUE = 'chaos.events';
const EXCHANGE = 'ledger.events';
const AT_ONCE = 1_000;
/** The queue is taken for empty when it has given nothing for so long. */
const EMPTY_AFTER_MS = 100;

const Message = z.object({
  id: z.string(),
  type: z.string(),
  subject: z.string(),
  time: z.string(),
  data: z.record(z.string(), z.unknown()),
});

/** How long the broker may take to accept a connection. */
const CONNECT_MS = 10_000;

/** Binds the queue to every event from now on. */
export async function bindEventQueue(brokerUrl: string): Promise<void> {
  const connection = await connect(brokerUrl, { timeout: CONNECT_MS });
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined); // whoever waits for it is told, too
    await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
    await channel.assertQueue(QUEUE, { durable: true });
    await channel.bindQueue(QUEUE, EXCHANGE, '#');
  } finally {
    await connection.close();
  }
}

/** Gives what the queue has, in its order; it is empty afterwards. */
export async function takeEvents(brokerUrl: string, take: (event: ToldEvent) => void): Promise<void> {
  const connection = await connect(brokerUrl, { timeout: CONNECT_MS });
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createChannel();
    const failed = new Promise<never>((_, reject) => {
      connection.on('error', reject);
      connection.on('close', () => reject(new Error('the connection is gone')));
      channel.on('error', reject);
    });
    failed.catch(() => undefined); // after the end nobody waits for it
    await channel.prefetch(AT_ONCE);
    const taken = new Promise<void>((resolve, reject) => {
      let timer = setTimeout(resolve, EMPTY_AFTER_MS);
      const onMessage = (message: ConsumeMessage | null): void => {
        clearTimeout(timer);
        if (message === null) {
          reject(new Error('the queue of events is gone'));
          return;
        }
        timer = setTimeout(resolve, EMPTY_AFTER_MS);
        take(toldEvent(message));
        channel.ack(message);
      };
      channel.consume(QUEUE, onMessage).catch(reject);
    });
    await Promise.race([taken, failed]);
    await channel.close();
  } finally {
    await connection.close();
  }
}

function toldEvent({ content, fields: { routingKey } }: ConsumeMessage): ToldEvent {
  const { id, type, subject, time, data } = Message.parse(JSON.parse(content.toString()));
  return { id, routingKey, type, accountId: subject, time, data };
}
