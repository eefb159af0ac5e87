// What those who run a process ask it: whether it is ready, and its metrics.
import type { Logger } from 'pino';
import { createOperationsApp } from './api/operations-app.ts';
import type { Readiness } from './api/routes/health.ts';
import type { TransferManager } from './commands/transfer-manager.ts';
import type { Config } from './config.ts';
import type { EventPublisher } from './consumers/event-publisher.ts';
import { listenOn } from './listening.ts';
import { watchLag } from './projections/lag-watch.ts';
import type { Projector } from './projections/projector.ts';
import type { Commands, Stores } from './start-commands.ts';
import { MAX_LAG_EVENTS } from './start-commands.ts';
import { makeReadiness } from './telemetry/readiness.ts';

/** What runs in this process; absent where it does not. */
export interface Workers {
  readonly projector: Projector | undefined;
  readonly publisher: EventPublisher | undefined;
  readonly commands: Commands | undefined;
  readonly transferManager: TransferManager | undefined;
}

/** Readiness over all that this process does, in its metrics, too. */
export function startReadiness(
  opened: AsyncDisposableStack,
  { store, database, broker, metrics }: Stores,
  { projector, publisher, commands, transferManager }: Workers,
): () => Promise<Readiness> {
  // Command handling watches already: it stops taking any in time.
  const lag =
    commands?.lag ??
    opened.adopt(watchLag({ streams: store.streams, db: database.db, onAnotherLog: () => undefined }), ({ close }) => close());
  const readiness = makeReadiness({
    lag,
    maxLagEvents: MAX_LAG_EVENTS,
    ...(commands && { clock: commands.clock.refusal }),
    ...(projector && { projector: projector.status }),
    ...(transferManager && { transferManager: transferManager.status }),
    ...(broker && { broker: broker.status }),
    ...(publisher && { publisher: publisher.status }),
  });
  metrics.watchLag(lag.report);
  metrics.watchReadiness(readiness);
  return readiness;
}

/** For a process without the API: metrics and health on a port of their own. */
export async function startOperations(
  opened: AsyncDisposableStack,
  { host, metricsPort: port = 0 }: Pick<Config, 'host' | 'metricsPort'>,
  { metrics: { registry } }: Stores,
  readiness: () => Promise<Readiness>,
  logger: Logger,
): Promise<void> {
  const app = await createOperationsApp({ registry, readiness, logger });
  opened.defer(() => app.close());
  const url = await listenOn(app, { host, port }, 'LEDGER_METRICS_PORT');
  logger.info({ url }, 'metrics and health');
}
