// The role that answers requests.
import type { Logger } from 'pino';
import { createApp } from './api/app.ts';
import { makeFirstAccounts, withFirstAccount } from './api/first-accounts.ts';
import { brokerGateway, directGateway } from './api/gateway.ts';
import { bearerPrincipal } from './api/principal.ts';
import { createQueries } from './api/queries.ts';
import type { Readiness } from './api/routes/health.ts';
import type { Config } from './config.ts';
import { makeReceipts } from './identity/receipts.ts';
import { identityOf } from './identity-setup.ts';
import { listenOn } from './listening.ts';
import { asyncApiDocument } from './rabbitmq/asyncapi.ts';
import { makeRabbitMqBus } from './rabbitmq/rabbitmq-bus.ts';
import type { Commands, Stores } from './start-commands.ts';
import { permissionsOf } from './start-commands.ts';
import { version } from './version.ts';

/** How long a stop waits for the outcomes of commands in the broker, before they are answered 202. */
const LAST_WAIT_MS = 1000;

export async function startApi(
  opened: AsyncDisposableStack,
  config: Config,
  { store, database, broker, metrics, spans }: Stores,
  { bus: direct, position }: Commands,
  readiness: () => Promise<Readiness>,
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
    opened.adopt(makeRabbitMqBus({ connection: broker.publishing, waitMs, maxWaiting: config.queueCommands, spans }), ({ close }) =>
      close(),
    );
  if (bus) metrics.watchReplies(bus.awaited);
  const isAvailable = (): boolean => broker?.status().isUsable === true && bus?.isAvailable() === true;
  const gateway = bus
    ? brokerGateway({ bus, isAvailable, direct, receipts: makeReceipts(database.db), queries, waitMs })
    : directGateway(direct);
  const firstAccounts = makeFirstAccounts({ gateway, queries });
  const app = await createApp({
    gateway,
    queries,
    readiness,
    registry: metrics.registry,
    logger: log,
    spans,
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
