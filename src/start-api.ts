// The role that answers requests.
import type { Logger } from 'pino';
import { createApp } from './api/app.ts';
import { makeFirstAccounts, withFirstAccount } from './api/first-accounts.ts';
import { brokerGateway, directGateway } from './api/gateway.ts';
import { bearerPrincipal } from './api/principal.ts';
import { createQueries } from './api/queries.ts';
import type { TransferManager } from './commands/transfer-manager.ts';
import type { Config } from './config.ts';
import type { EventPublisher } from './consumers/event-publisher.ts';
import { makeReceipts } from './identity/receipts.ts';
import { identityOf } from './identity-setup.ts';
import { listenOn } from './listening.ts';
import type { Projector } from './projections/projector.ts';
import { asyncApiDocument } from './rabbitmq/asyncapi.ts';
import { makeRabbitMqBus } from './rabbitmq/rabbitmq-bus.ts';
import type { Commands, Stores } from './start-commands.ts';
import { MAX_LAG_EVENTS, permissionsOf } from './start-commands.ts';
import { makeReadiness } from './telemetry/readiness.ts';
import { version } from './version.ts';

/** How long a stop waits for the outcomes of commands in the broker, before they are answered 202. */
const LAST_WAIT_MS = 1000;

export interface Workers {
  readonly projector: Projector | undefined;
  readonly publisher: EventPublisher | undefined;
  readonly transferManager: TransferManager | undefined;
}

export async function startApi(
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
  return listenOn(app, config);
}
