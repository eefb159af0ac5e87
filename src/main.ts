// The only wiring. A part is created where what it needs is at hand, and its release is pushed onto the same stack:
// whatever was opened last is closed first, when the ledger stops and equally when its start fails half-way.
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { createApp } from './api/app.ts';
import { makeFirstAccounts, withFirstAccount } from './api/first-accounts.ts';
import { brokerGateway, directGateway } from './api/gateway.ts';
import type { PermissionSettings } from './api/permissions.ts';
import { bearerPrincipal } from './api/principal.ts';
import { createQueries } from './api/queries.ts';
import type { CommandBus } from './commands/bus.ts';
import type { ClockGuard } from './commands/clock-guard.ts';
import { makeClockGuard } from './commands/clock-guard.ts';
import { makeCommandSide } from './commands/command-side.ts';
import type { CommandHandler } from './commands/handler.ts';
import { makeInProcessBus } from './commands/in-process-bus.ts';
import { makeScheduler } from './commands/scheduler.ts';
import type { TransferManager } from './commands/transfer-manager.ts';
import { makeTransferManager } from './commands/transfer-manager.ts';
import type { Config } from './config.ts';
import { ConfigError } from './config.ts';
import type { CommandConsumer } from './consumers/command-consumer.ts';
import { startCommandConsumer } from './consumers/command-consumer.ts';
import type { EventPublisher } from './consumers/event-publisher.ts';
import { makeEventPublisher } from './consumers/event-publisher.ts';
import { keepInReceipts } from './consumers/unstored-outcomes.ts';
import type { Rejection } from './domain/rejections.ts';
import { rejection } from './domain/rejections.ts';
import { lockDataDir } from './embedded/data-dir-lock.ts';
import { writeRuntimeFile } from './embedded/runtime-file.ts';
import { startStores } from './embedded/stores.ts';
import type { EventStore } from './eventstore/client.ts';
import { connectEventStore } from './eventstore/client.ts';
import { makeClients } from './identity/clients.ts';
import { makeReceipts } from './identity/receipts.ts';
import { identityOf } from './identity-setup.ts';
import { migrate } from './postgres/migrate.ts';
import type { Database } from './postgres/pool.ts';
import { openDatabase } from './postgres/pool.ts';
import { findAccount } from './projections/account-list.ts';
import type { LagWatch } from './projections/lag-watch.ts';
import { watchLag } from './projections/lag-watch.ts';
import type { ProjectedPosition } from './projections/position.ts';
import { watchPosition } from './projections/position.ts';
import type { Projector } from './projections/projector.ts';
import { makeProjector } from './projections/projector.ts';
import { asyncApiDocument } from './rabbitmq/asyncapi.ts';
import type { Broker } from './rabbitmq/broker.ts';
import { openBroker } from './rabbitmq/broker.ts';
import { makeRabbitMqBus } from './rabbitmq/rabbitmq-bus.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { makeMetrics } from './telemetry/metrics.ts';
import { makeReadiness } from './telemetry/readiness.ts';
import { version } from './version.ts';

/** Beyond this many events that are not projected, commands are refused: their facts would fill the memory. */
const MAX_LAG_EVENTS = 50_000n;
const ANNULMENTS_EVERY_MS = 5000;
const FIRST_ASSETS_MS = 2000;
const MS_PER_S = 1000;
/** Names this process in leases. */
const OWNER = `${hostname()}/${process.pid}`;

export interface StartOptions {
  readonly log: Logger;
  /** Told what takes time, for whoever waits at a terminal. */
  readonly onProgress: (message: string) => void;
  /** Aborted when the start is no longer wanted. */
  readonly signal?: AbortSignal;
}

export interface Ledger {
  /** Where the API answers; undefined in a process without the role `api`. */
  readonly apiUrl: string | undefined;
  /** Settles with a sentence when the ledger cannot go on, because a server it started has ended; never otherwise. */
  readonly failed: Promise<string>;
  /** Finishes what is under way, then closes everything, last opened first. Safe to call twice. */
  stop(): Promise<void>;
}

/** How long a stop waits for the outcomes of commands in the broker, before they are answered 202. */
const LAST_WAIT_MS = 1000;

/** What every role stands on. */
interface Stores {
  readonly store: EventStore;
  readonly database: Database;
  /** Absent: commands stay inside this process. */
  readonly broker: Broker | undefined;
}

/**
 * Starts a ledger: its stores where none are given, then everything that stands on them.
 *
 * @throws {DataDirLockedError} when another one runs on the data folder; the abort's reason; or whatever kept a part from
 *   starting. Nothing is left running.
 */
export async function startLedger(config: Config, { log, onProgress, signal }: StartOptions): Promise<Ledger> {
  await using opened = new AsyncDisposableStack();
  const lock = lockDataDir(config.dataDir);
  opened.defer(() => lock.release());
  const withBroker = config.roles.some((role) => role === 'api' || role === 'consumer' || role === 'publisher');
  const servers = opened.adopt(await startStores({ config, withBroker, onProgress, ...(signal && { signal }) }), (running) =>
    running.stop(),
  );
  const { eventStoreUrl, databaseUrl, amqpUrl } = servers;
  if (amqpUrl === undefined && config.roles.every((role) => role === 'consumer' || role === 'publisher')) {
    throw new ConfigError([`LEDGER_ROLES ${config.roles.join(',')} has nothing to do without a broker: set AMQP_URL`]);
  }

  const store = opened.adopt(connectEventStore(eventStoreUrl), ({ close }) => close());
  const database = opened.adopt(
    openDatabase(databaseUrl, {
      maxConnections: config.databaseConnections,
      onIdleError: (err) => log.warn({ err }, 'a connection to Postgres was lost'),
    }),
    ({ close }) => close(),
  );
  onProgress('bringing the tables up to date');
  await migrate(database.db, 'ledger');
  await migrate(database.db, 'identity');
  await store.annulments.load();
  signal?.throwIfAborted();

  const broker = amqpUrl === undefined ? undefined : openBroker({ url: amqpUrl, queues: config.commandQueues, logger: log });
  opened.defer(() => broker?.close());
  const apiUrl = await startRoles(opened, config, { store, database, broker }, log);
  const running = { ...(apiUrl && { apiUrl }), eventstoreUrl: eventStoreUrl, databaseUrl, ...(amqpUrl && { amqpUrl }) };
  opened.defer(writeRuntimeFile(config.dataDir, running));
  signal?.throwIfAborted();
  log.info({ roles: config.roles, dataDir: config.dataDir, apiUrl }, 'ledger started');
  const parts = opened.move();
  let stopped: Promise<void> | undefined;
  return {
    apiUrl,
    failed: servers.lost,
    stop() {
      stopped ??= parts.disposeAsync();
      return stopped;
    },
  };
}

/** @returns where the API answers, if it is among the roles. */
async function startRoles(opened: AsyncDisposableStack, config: Config, stores: Stores, log: Logger): Promise<string | undefined> {
  const has = (role: Config['roles'][number]): boolean => config.roles.includes(role);
  const { broker } = stores;
  const projector = has('projector') ? startProjector(opened, config, stores, log) : undefined;
  const publisher = broker && has('publisher') ? startPublisher(opened, config, stores, broker, log) : undefined;
  const consumes = broker !== undefined && has('consumer');
  if (!has('api') && !has('scheduler') && !consumes) return undefined;
  const commands = await startCommands(opened, config, stores, log);
  const transferManager = has('scheduler') ? startScheduler(opened, config, stores, commands, log) : undefined;
  if (consumes) startConsumer(opened, config, stores, broker, commands, log);
  return has('api') ? startApi(opened, config, stores, commands, { projector, publisher, transferManager }, log) : undefined;
}

function startProjector(opened: AsyncDisposableStack, config: Config, { store, database }: Stores, logger: Logger): Projector {
  const projector = makeProjector({
    store,
    db: database.db,
    owner: OWNER,
    batchSize: config.projectorBatchEvents,
    batchMs: config.projectorBatchMs,
    leaseMs: config.leaseSeconds * MS_PER_S,
    logger,
  });
  projector.start();
  return opened.adopt(projector, ({ stop }) => stop());
}

/** Tells others what happened. */
function startPublisher(
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

interface Commands {
  readonly handle: CommandHandler['handle'];
  /** Straight into this process's handling. */
  readonly bus: CommandBus;
  readonly position: ProjectedPosition;
  readonly lag: LagWatch;
  readonly clock: ClockGuard;
  readonly metrics: Metrics;
}

/** Command handling, for every role that sends commands: what keeps the API from taking any keeps the others from it too. */
async function startCommands(opened: AsyncDisposableStack, config: Config, { store, database }: Stores, log: Logger): Promise<Commands> {
  opened.defer(refreshAnnulments(store, log));
  const position = opened.adopt(watchPosition(database), ({ close }) => close());
  const lag = opened.adopt(watchLag({ streams: store.streams, db: database.db }), ({ close }) => close());
  const clock = opened.adopt(
    makeClockGuard({ probe: store.streams.clockSkewMs, onError: (err) => log.warn({ err }, 'the clocks were not compared') }),
    ({ close }) => close(),
  );
  await clock.start();

  const metrics = makeMetrics({
    mailboxCommands: () => handling.waiting(),
    lagEvents: () => Number(lag.report().events),
    lagSeconds: () => lag.report().seconds,
    isProjectorHalted: () => lag.report().halt !== undefined,
  });
  const handling = makeCommandSide({
    store,
    db: database.db,
    limits: config,
    admission: () => clock.refusal() ?? lagRefusal(lag.report().events),
    observe: { ...metrics, failed: (stream, err) => log.warn({ err, stream }, 'commands were not decided') },
  });
  const bus = opened.adopt(makeInProcessBus(handling), ({ close }) => close());
  // Whoever asks first should find them; a projector that is far behind is no reason not to start.
  await position.waitFor(await handling.registerInitialAssets(), FIRST_ASSETS_MS);
  return { handle: handling.handle, bus, position, lag, clock, metrics };
}

/** What the ledger does by itself: transfers come to their end, holds and orders expire. */
function startScheduler(
  opened: AsyncDisposableStack,
  config: Config,
  { store, database: { db } }: Stores,
  { bus, position, metrics }: Commands,
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

/** Where both stores are embedded nothing is at stake, and whoever tries the ledger out has to have some money. */
const permissionsOf = ({ selfDeposit, eventStoreUrl, databaseUrl }: Config): PermissionSettings => ({
  selfDeposit: selfDeposit ?? (eventStoreUrl === undefined && databaseUrl === undefined),
});

/** Decides the commands that wait in the broker; begins once the broker has their queues. */
function startConsumer(
  opened: AsyncDisposableStack,
  config: Config,
  { database: { db } }: Stores,
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
    });
  });
  opened.defer(() => {
    isStopped = true;
    return consumer?.stop();
  });
}

interface Workers {
  readonly projector: Projector | undefined;
  readonly publisher: EventPublisher | undefined;
  readonly transferManager: TransferManager | undefined;
}

async function startApi(
  opened: AsyncDisposableStack,
  config: Config,
  { store, database, broker }: Stores,
  { bus: direct, position, lag, clock, metrics }: Commands,
  { projector, publisher, transferManager }: Workers,
  log: Logger,
): Promise<string> {
  const queries = createQueries({ streams: store.streams, db: database.db, waitFor: position.waitFor });
  const identity = opened.adopt(
    await identityOf(config, database, (err) => log.warn({ err }, 'the signing keys were not looked at')),
    (known) => known.close(),
  );
  const waitMs = config.replyWaitMs;
  const bus =
    broker &&
    opened.adopt(makeRabbitMqBus({ connection: broker.publishing, waitMs, maxWaiting: config.queueCommands }), ({ close }) => close());
  if (broker) metrics.watchDeadLetters(broker.deadLetters);
  const isAvailable = (): boolean => broker?.status().isUsable === true && bus?.isAvailable() === true;
  const gateway = bus
    ? brokerGateway({ bus, isAvailable, direct, receipts: makeReceipts(database.db), queries, waitMs })
    : directGateway(direct);
  const firstAccounts = makeFirstAccounts({ gateway, queries });
  const app = await createApp({
    gateway,
    queries,
    readiness: makeReadiness({
      lag,
      clock: clock.refusal,
      maxLagEvents: MAX_LAG_EVENTS,
      ...(projector && { projector: projector.status }),
      ...(transferManager && { transferManager: transferManager.status }),
      ...(broker && { broker: broker.status }),
      ...(publisher && { publisher: publisher.status }),
    }),
    registry: metrics.registry,
    logger: log,
    principal: withFirstAccount(bearerPrincipal(identity.verifier), firstAccounts),
    auth: { issuer: config.jwtIssuer, builtIn: identity.builtIn, firstAccounts, cookies: { secure: config.cookieSecure } },
    permissions: permissionsOf(config),
    bodyLimitBytes: config.bodyLimitBytes,
    edge: config,
    version,
    asyncApi: asyncApiDocument(version),
  });
  opened.defer(() => {
    bus?.hurry(LAST_WAIT_MS);
    return app.close();
  });
  return app.listen({ host: config.host, port: config.port }).catch((error: unknown) => {
    throw listenProblem(error, config);
  });
}

/** An address that cannot be had is a matter of the settings, and said as one. */
function listenProblem(error: unknown, { host, port }: Config): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  if (error.code === 'EADDRINUSE')
    return new ConfigError([`PORT ${port} is taken on ${host}: stop what listens there, or choose another port`]);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'EACCES')
    return new ConfigError([`HOST ${host} and PORT ${port} cannot be listened on: ${error.message}`]);
  return error;
}

/** A process that does not project hears of an annulment only by looking. */
function refreshAnnulments({ annulments }: EventStore, log: Logger): () => void {
  const timer = setInterval(() => {
    annulments.load().catch((err: unknown) => log.debug({ err }, 'annulments were not read'));
  }, ANNULMENTS_EVERY_MS);
  return () => clearInterval(timer);
}

function lagRefusal(events: bigint): Rejection | undefined {
  if (events <= MAX_LAG_EVENTS) return undefined;
  return rejection('projection_behind', `${events} events are waiting to be projected; no commands are taken beyond ${MAX_LAG_EVENTS}.`);
}
