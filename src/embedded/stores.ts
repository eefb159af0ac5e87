import type { Config } from '../config.ts';
import type { EmbeddedServer } from './embedded-server.ts';
import { startEmbeddedEventStore } from './eventstore.ts';
import { startEmbeddedPostgres } from './postgres.ts';
import { startEmbeddedRabbitMq } from './rabbitmq.ts';

export interface Stores {
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
  /** Absent where there is no broker: commands then stay inside the process. */
  readonly amqpUrl?: string;
  /** Settles with a sentence when an embedded server ends without having been asked to; never otherwise. */
  readonly lost: Promise<string>;
  /** Stops what was started here, last started first, and waits for it. */
  stop(): Promise<void>;
}

export interface StoresOptions {
  readonly config: Pick<Config, 'dataDir' | 'databaseUrl' | 'eventStoreUrl' | 'amqpUrl' | 'embeddedBroker'>;
  /** Whether a broker is wanted, too. */
  readonly withBroker?: boolean;
  /** Told what takes time, for whoever waits at a terminal. */
  readonly onProgress: (message: string) => void;
  /** Aborted when the start is no longer wanted; whatever is running already is stopped. */
  readonly signal?: AbortSignal;
}

/**
 * The stores that a ledger stands on: the servers named in the configuration, which are only passed on, and an embedded one
 * for each that is not named. A broker of its own is only started beside an event store of its own, where rabbitmq-server is
 * installed: others that share the log would not find it. The caller holds the lock of the data folder.
 *
 * @throws when an embedded server does not come up, or the abort's reason; nothing is left running.
 */
export async function startStores({ config, withBroker = false, onProgress, signal }: StoresOptions): Promise<Stores> {
  await using opened = new AsyncDisposableStack();
  const losses: Promise<string>[] = [];
  let stopping = false;
  const own = async (name: string, starting: Promise<EmbeddedServer>): Promise<string> => {
    const server = opened.adopt(await starting, (running) => running.stop());
    losses.push(server.exited.then((how) => (stopping ? never() : `${name} ${how}`)));
    signal?.throwIfAborted();
    return server.url;
  };
  const { dataDir } = config;
  const databaseUrl = config.databaseUrl ?? (await own('the embedded Postgres', startEmbeddedPostgres({ dataDir, onProgress })));
  const eventStoreUrl = config.eventStoreUrl ?? (await own('the embedded event store', startEmbeddedEventStore({ dataDir, onProgress })));
  const isAlone = config.eventStoreUrl === undefined;
  const ownBroker = async (): Promise<string | undefined> => {
    if (!isAlone || !config.embeddedBroker) {
      onProgress('AMQP_URL names no broker: commands stay inside this process, and no integration events are published');
      return undefined;
    }
    const node = await startEmbeddedRabbitMq({ dataDir, onProgress });
    return node && own('the embedded RabbitMQ', Promise.resolve(node));
  };
  const amqpUrl = withBroker ? (config.amqpUrl ?? (await ownBroker())) : undefined;
  // Released first of all, so that a server's end is expected from here on.
  opened.defer(() => {
    stopping = true;
  });
  const kept = opened.move();
  return {
    eventStoreUrl,
    databaseUrl,
    ...(amqpUrl !== undefined && { amqpUrl }),
    lost: losses.length === 0 ? never() : Promise.race(losses),
    stop: () => kept.disposeAsync(),
  };
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
