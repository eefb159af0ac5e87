import type { Config } from '../config.ts';
import { lockDataDir } from '../embedded/data-dir-lock.ts';
import { startEmbeddedRabbitMq } from '../embedded/rabbitmq.ts';
import { readRuntimeFile } from '../embedded/runtime-file.ts';
import type { BrokerConnection } from '../rabbitmq/connection.ts';
import { connectBroker } from '../rabbitmq/connection.ts';

/** There is no broker, or it does not let this process in, or it went away. */
export class BrokerOutOfReach extends Error {
  override readonly name = 'BrokerOutOfReach';
}

/** Without an answer for so long, a broker is out of reach. */
const CONNECT_WITHIN_MS = 15_000;

export interface Broker extends AsyncDisposable {
  readonly connection: BrokerConnection;
  /** Rejects with BrokerOutOfReach when the connection is lost; a service would wait for it to come back. */
  readonly lost: Promise<never>;
}

/**
 * A connection to the broker that a verb works on: the one that the environment names, else that of the ledger running on the
 * data folder, else its private node, started for as long as the verb takes (`await using`).
 *
 * @throws BrokerOutOfReach where there is none; {@link DataDirLockedError} when a ledger is about to start on the folder, or stopping.
 */
export async function findBroker(config: Config, onProgress: (message: string) => void): Promise<Broker> {
  await using opened = new AsyncDisposableStack();
  const running = readRuntimeFile(config.dataDir);
  const url = config.amqpUrl ?? (running === undefined ? await ownNode(opened, config, onProgress) : running.amqpUrl);
  if (url === undefined) throw new BrokerOutOfReach('the running ledger has no broker: its commands stay inside the process');
  const { connection, lost } = await connected(opened, url);
  const kept = opened.move();
  return { connection, lost, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function ownNode(opened: AsyncDisposableStack, { dataDir }: Config, onProgress: (message: string) => void): Promise<string> {
  const lock = lockDataDir(dataDir);
  opened.defer(() => lock.release());
  const node = await startEmbeddedRabbitMq({ dataDir, onProgress });
  if (node === undefined) throw new BrokerOutOfReach('there is no broker: set AMQP_URL, or install rabbitmq-server');
  opened.defer(() => node.stop());
  return node.url;
}

/** The connection once it stands. The first trouble on the way there ends it, and so does any later one. */
async function connected(opened: AsyncDisposableStack, url: string): Promise<Pick<Broker, 'connection' | 'lost'>> {
  const { promise: lost, reject } = Promise.withResolvers<never>();
  lost.catch(() => undefined); // whoever does not wait for it learns of it from what he does
  const fail = (cause: Error): void => reject(new BrokerOutOfReach(`the broker is out of reach: ${cause.message}`, { cause }));
  const connection = connectBroker(url, {
    name: 'ledger verb',
    // Also told of a single channel's trouble, which is the business of whoever uses that.
    onTrouble: (error) => {
      if (!connection.isConnected()) fail(error);
    },
  });
  opened.adopt(connection, ({ close }) => close());
  const timer = setTimeout(() => fail(new Error(`no answer within ${CONNECT_WITHIN_MS / 1000} s`)), CONNECT_WITHIN_MS);
  await Promise.race([new Promise<void>((resolve) => connection.onConnected(resolve)), lost]).finally(() => clearTimeout(timer));
  return { connection, lost };
}
