// The roles that work by themselves: projector, publisher, scheduler, consumer.
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { makeChainSigner } from './audit/chain-signer.ts';
import { makeScheduler } from './commands/scheduler.ts';
import type { TransferManager } from './commands/transfer-manager.ts';
import { makeTransferManager } from './commands/transfer-manager.ts';
import type { Config } from './config.ts';
import type { CommandConsumer } from './consumers/command-consumer.ts';
import { startCommandConsumer } from './consumers/command-consumer.ts';
import type { EventPublisher } from './consumers/event-publisher.ts';
import { makeEventPublisher } from './consumers/event-publisher.ts';
import { keepInReceipts } from './consumers/unstored-outcomes.ts';
import { chainSigningKey } from './identity/chain-keys.ts';
import { makeClients } from './identity/clients.ts';
import { makeReceipts } from './identity/receipts.ts';
import { keySecretFor } from './identity-setup.ts';
import { findAccount } from './projections/account-list.ts';
import { watchBooks } from './projections/books-watch.ts';
import type { Projector } from './projections/projector.ts';
import { isProjecting, makeProjector } from './projections/projector.ts';
import type { Broker } from './rabbitmq/broker.ts';
import type { Commands, Stores } from './start-commands.ts';
import { permissionsOf } from './start-commands.ts';
import { traceProjection } from './telemetry/traced-projection.ts';

const MS_PER_S = 1000;
/** Names this process in leases, and in traces. */
export const OWNER = `${hostname()}/${process.pid}`;

export function startProjector(
  opened: AsyncDisposableStack,
  config: Config,
  { store, database, metrics, spans }: Stores,
  logger: Logger,
): Projector {
  const counted = metrics.watchProjector(
    () => projector.status(),
    () => books.report(),
  );
  const traced = spans && traceProjection(spans);
  const projector = makeProjector({
    store,
    db: database.db,
    owner: OWNER,
    batchSize: config.projectorBatchEvents,
    batchMs: config.projectorBatchMs,
    leaseMs: config.leaseSeconds * MS_PER_S,
    observe: {
      applied(...batch) {
        counted.applied(...batch);
        traced?.applied(...batch);
      },
    },
    logger,
  });
  const isLeading = (): boolean => isProjecting(projector.status());
  const books = opened.adopt(watchBooks({ db: database.db, isLeading, everyMs: config.booksCheckMs, logger }), ({ close }) => close());
  projector.start();
  return opened.adopt(projector, ({ stop }) => stop());
}

/** Tells others what happened. */
export function startPublisher(
  opened: AsyncDisposableStack,
  config: Config,
  { store, database: { db } }: Stores,
  { publishing: connection }: Broker,
  logger: Logger,
): EventPublisher {
  const publisher = makeEventPublisher({ db, store, connection, owner: OWNER, leaseMs: config.leaseSeconds * MS_PER_S, logger });
  publisher.start();
  return opened.adopt(publisher, ({ stop }) => stop());
}

/** What the ledger does by itself: transfers come to their end, holds and orders expire. */
export function startScheduler(
  opened: AsyncDisposableStack,
  config: Config,
  { store, database: { db }, metrics }: Stores,
  { bus, position }: Commands,
  logger: Logger,
): TransferManager {
  const shared = { db, bus, position, owner: OWNER, leaseMs: config.leaseSeconds * MS_PER_S, logger };
  const manager = opened.adopt(makeTransferManager({ ...shared, store }), ({ stop }) => stop());
  const scheduler = opened.adopt(makeScheduler({ ...shared, intervalMs: config.schedulerIntervalMs }), ({ stop }) => stop());
  metrics.watchTransfers(() => manager.status().underWay);
  manager.start();
  scheduler.start();
  return manager;
}

/** Signs the log as it grows, so that whoever changes it later is found out. */
export function startChainSigner(opened: AsyncDisposableStack, config: Config, { store, database: { db } }: Stores, logger: Logger): void {
  const signer = makeChainSigner({
    db,
    store,
    signer: () => chainSigningKey(db, keySecretFor(config)),
    owner: OWNER,
    leaseMs: config.leaseSeconds * MS_PER_S,
    everyEvents: config.chainEvents,
    logger,
  });
  opened.adopt(signer, ({ stop }) => stop()).start();
}

/** Decides the commands that wait in the broker; begins once the broker has their queues. */
export function startConsumer(
  opened: AsyncDisposableStack,
  config: Config,
  { database: { db }, spans }: Stores,
  { consuming, publishing, answering, declared }: Broker,
  { handle }: Commands,
  logger: Logger,
): void {
  let consumer: CommandConsumer | undefined;
  let isStopped = false;
  const { commandQueues: queues, anonymousProducers, bodyLimitBytes, jwtIssuer: issuer } = config;
  void declared.then(() => {
    if (isStopped) return;
    consumer = startCommandConsumer({
      connection: consuming,
      publishing,
      answering,
      queues,
      handle,
      clients: makeClients(db),
      rules: { ledgerUser: publishing.user, anonymousProducers, bodyLimitBytes, issuer, permissions: permissionsOf(config) },
      keepUnstored: keepInReceipts(makeReceipts(db), (accountId) => findAccount(db, accountId)),
      logger,
      spans,
    });
  });
  opened.defer(() => {
    isStopped = true;
    return consumer?.stop();
  });
}
