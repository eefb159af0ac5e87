// Command handling behind a real broker: topology, consumers over the stores of a command stack, and the bus to reach them.
import pino from 'pino';

import type { CommandHandler } from '../../src/commands/handler.ts';
import type { CommandConsumer, CommandConsumerOptions } from '../../src/consumers/command-consumer.ts';
import { startCommandConsumer } from '../../src/consumers/command-consumer.ts';
import type { Clients } from '../../src/identity/clients.ts';
import type { BrokerConnection } from '../../src/rabbitmq/connection.ts';
import { connectBroker } from '../../src/rabbitmq/connection.ts';
import type { RabbitMqBus } from '../../src/rabbitmq/rabbitmq-bus.ts';
import { makeRabbitMqBus } from '../../src/rabbitmq/rabbitmq-bus.ts';
import { DEAD_QUEUE, declareTopology } from '../../src/rabbitmq/topology.ts';
import type { TestBroker } from '../stack/rabbitmq.ts';
import { waitUntil } from '../stack/waiting.ts';

export const QUEUES = 4;
export const BODY_LIMIT_BYTES = 65_536;
/** The issuer of the clients' tokens. */
export const ISSUER = 'test';

export interface BrokerStack extends AsyncDisposable {
  readonly connection: BrokerConnection;
  readonly bus: RabbitMqBus;
  /** Another process's worth of consuming, with connections of its own. */
  consume(handle: CommandHandler['handle'], options?: Partial<CommandConsumerOptions>): CommandConsumer;
  /** How many messages wait among the dead letters. */
  deadLetters(): Promise<number>;
  close(): Promise<void>;
}

export interface BrokerStackOptions {
  readonly anonymousProducers?: boolean;
  readonly waitMs?: number;
  /** Whom broker users stand for; nobody where not given, as is enough for what the gateway sends. */
  readonly clients?: Pick<Clients, 'find'>;
}

/** @param amqpUrl of a virtual host in which nothing is declared yet, for the ledger's own user. */
export async function startBrokerStack(
  { amqpUrl }: Pick<TestBroker, 'amqpUrl'>,
  { anonymousProducers = true, waitMs = 60_000, clients = { find: async () => undefined } }: BrokerStackOptions = {},
): Promise<BrokerStack> {
  const opened: (() => Promise<void>)[] = [];
  const connect = (name: string): BrokerConnection => {
    const connection = connectBroker(amqpUrl, { name });
    opened.push(() => connection.close());
    return connection;
  };
  const connection = connect('api');
  await declareTopology(connection, { queues: QUEUES });
  const bus = makeRabbitMqBus({ connection, waitMs, maxWaiting: 10_000 });
  await waitUntil(() => bus.isAvailable());
  const close = async (): Promise<void> => {
    for (const release of opened.toReversed()) await release();
  };
  return {
    connection,
    bus,
    consume(handle, options = {}) {
      const consumer = startCommandConsumer({
        connection: connect('consumer'),
        publishing: connect('publisher'),
        answering: connect('answers'),
        queues: QUEUES,
        handle,
        clients,
        rules: {
          ledgerUser: connection.user,
          anonymousProducers,
          bodyLimitBytes: BODY_LIMIT_BYTES,
          issuer: ISSUER,
          permissions: { selfDeposit: false },
        },
        logger: pino({ level: 'silent' }),
        ...options,
      });
      opened.push(() => consumer.stop());
      return consumer;
    },
    async deadLetters() {
      const channel = await connection.openChannel();
      const { messageCount } = await channel.checkQueue(DEAD_QUEUE);
      await channel.close();
      return messageCount;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
