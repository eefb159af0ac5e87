// The only wiring, with the start-*.ts files beside it. A part is created where what it needs is at hand, and its release is pushed onto the
// same stack: whatever was opened last is closed first, when the ledger stops and equally when its start fails half-way.
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { ConfigError } from './config.ts';
import { watchEdges } from './crash-edges.ts';
import { askedCrash } from './crash-points.ts';
import { lockDataDir } from './embedded/data-dir-lock.ts';
import { writeRuntimeFile } from './embedded/runtime-file.ts';
import { startStores } from './embedded/stores.ts';
import { connectEventStore } from './eventstore/client.ts';
import { migrate } from './postgres/migrate.ts';
import { openDatabase } from './postgres/pool.ts';
import { openBroker } from './rabbitmq/broker.ts';
import { startApi } from './start-api.ts';
import type { Stores } from './start-commands.ts';
import { startCommands } from './start-commands.ts';
import { startOperations, startReadiness } from './start-operations.ts';
import { OWNER, startChainSigner, startConsumer, startProjector, startPublisher, startScheduler } from './start-workers.ts';
import { makeMetrics } from './telemetry/metrics.ts';
import type { Tracing } from './telemetry/tracing.ts';
import { startTracing } from './telemetry/tracing.ts';
import { version } from './version.ts';

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
  const tracing = config.otlpEndpoint === undefined ? undefined : await traceTo(config.otlpEndpoint, config, log);
  opened.defer(() => tracing?.close());
  const withBroker = config.roles.some((role) => role === 'api' || role === 'consumer' || role === 'publisher');
  const servers = opened.adopt(await startStores({ config, withBroker, onProgress, ...(signal && { signal }) }), (running) =>
    running.stop(),
  );
  const { eventStoreUrl, databaseUrl, amqpUrl } = servers;
  if (amqpUrl === undefined && config.roles.every((role) => role === 'consumer' || role === 'publisher')) {
    throw new ConfigError([`LEDGER_ROLES ${config.roles.join(',')} has nothing to do without a broker: set AMQP_URL`]);
  }

  const edges = watchEdges(askedCrash(process.env));
  const store = edges.store(opened.adopt(connectEventStore(eventStoreUrl), ({ close }) => close()));
  const database = opened.adopt(
    openDatabase(databaseUrl, {
      maxConnections: config.databaseConnections,
      onIdleError: (err) => log.warn({ err }, 'a connection to Postgres was lost'),
    }),
    ({ close }) => close(),
  );
  edges.database(database);
  onProgress('bringing the tables up to date');
  await migrate(database.db, 'ledger');
  await migrate(database.db, 'identity');
  await store.annulments.load();
  signal?.throwIfAborted();

  const broker = amqpUrl === undefined ? undefined : edges.broker(openBroker({ url: amqpUrl, queues: config.commandQueues, logger: log }));
  opened.defer(() => broker?.close());
  const metrics = makeMetrics({ version, roles: config.roles });
  const apiUrl = await startRoles(opened, config, { store, database, broker, metrics, spans: tracing?.spans }, log);
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

const traceTo = (endpoint: string, { otlpHeaders: headers, serviceName }: Config, logger: Logger): Promise<Tracing> =>
  startTracing({ endpoint, headers, serviceName, version, instance: OWNER, logger });

/** @returns where the API answers, if it is among the roles. */
async function startRoles(opened: AsyncDisposableStack, config: Config, stores: Stores, log: Logger): Promise<string | undefined> {
  const has = (role: Config['roles'][number]): boolean => config.roles.includes(role);
  const { broker, metrics, database } = stores;
  metrics.watchDatabase(database.connections);
  if (broker) metrics.watchBroker(broker);
  const projector = has('projector') ? startProjector(opened, config, stores, log) : undefined;
  const publisher = broker && has('publisher') ? startPublisher(opened, config, stores, broker, log) : undefined;
  const consumes = broker !== undefined && has('consumer');
  const commands = has('api') || has('scheduler') || consumes ? await startCommands(opened, config, stores, log) : undefined;
  if (has('scheduler')) startChainSigner(opened, config, stores, log);
  const transferManager = commands && has('scheduler') ? startScheduler(opened, config, stores, commands, log) : undefined;
  if (commands && consumes) startConsumer(opened, config, stores, broker, commands, log);
  const readinessOfAll = () => startReadiness(opened, stores, { projector, publisher, commands, transferManager });
  if (commands && has('api')) return startApi(opened, config, stores, commands, readinessOfAll(), log);
  if (config.metricsPort !== undefined) await startOperations(opened, config, stores, readinessOfAll(), log);
  return undefined;
}
