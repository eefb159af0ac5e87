// Every setting: one entry of `configSchema` with its type, check, default, variable, unit and documentation.
// docs/configuration.md and .env.example are generated from it.
import { z } from 'zod';
import { networks, origins } from './network-settings.ts';
import { LONGEST_LEASE_S } from './postgres/leases.ts';
import { headerList, listOf, serverUrl, wholeNumber, yesOrNo } from './setting-values.ts';

export interface Setting {
  /** The environment variable. */
  readonly variable: string;
  /** What it does, for whoever runs the service. Whole sentences. */
  readonly doc: string;
  /** The heading it stands under. */
  readonly group: 'Address' | 'Stores' | 'Identity' | 'Process' | 'Commands' | 'Broker' | 'Projections' | 'Tracing';
  /** What a number counts. */
  readonly unit?: 'bytes' | 'commands' | 'connections' | 'events' | 'messages' | 'ms' | 's';
  /** May be given as a file, `VARIABLE_FILE`, and is never printed. */
  readonly secret?: boolean;
  /** The default where NODE_ENV is `production`, as it would stand in the environment; absent: no other than elsewhere. */
  readonly inProduction?: string;
  /** What happens without it, for a setting that has no default. */
  readonly otherwise?: string;
  /** A value to show. Needed where there is no default. */
  readonly example?: string;
}

export const settings = z.registry<Setting>();

/** What a process can do; by default one does all of it. */
export const roles = ['api', 'consumer', 'projector', 'publisher', 'scheduler'] as const;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export const configSchema = z.strictObject({
  host: z.string().default('127.0.0.1').register(settings, {
    variable: 'HOST',
    doc: 'Address that the API listens on. `0.0.0.0` listens on every interface.',
    group: 'Address',
  }),
  port: wholeNumber(0, 65_535).default(3000).register(settings, {
    variable: 'PORT',
    doc: 'TCP port of the API. `0` takes any free one; `runtime.json` in the data folder then says which.',
    group: 'Address',
  }),
  metricsPort: wholeNumber(0, 65_535).optional().register(settings, {
    variable: 'LEDGER_METRICS_PORT',
    doc: 'TCP port on which a process without the role `api` answers `/metrics`, `/health/live` and `/health/ready`. One with it does so on `PORT`.',
    group: 'Address',
    otherwise: 'such a process answers nowhere',
    example: '3001',
  }),
  bodyLimitBytes: wholeNumber(1024, 64 * 1024 * 1024)
    .default(1024 * 1024)
    .register(settings, {
      variable: 'LEDGER_BODY_LIMIT_BYTES',
      doc: 'Largest request body. A larger one is answered with 413.',
      group: 'Address',
      unit: 'bytes',
    }),
  maxRequests: wholeNumber(1, 1_000_000).default(1_000).register(settings, {
    variable: 'LEDGER_MAX_REQUESTS',
    doc: 'Requests that may be under way in this process, those that wait for outcomes included: at 1,000 a second, one second of them. The next one is answered `overloaded` before anything of it is read.',
    group: 'Address',
  }),
  requestsPerSecond: wholeNumber(1, 1_000_000).optional().register(settings, {
    variable: 'LEDGER_REQUESTS_PER_SECOND',
    doc: "Requests a second that each principal may make of this process, with up to ten seconds' worth at once. A command of a bulk request counts as one. Past it the answer is 429.",
    group: 'Address',
    otherwise: 'as many as there are',
    example: '100',
  }),
  anonymousRequestsPerSecond: wholeNumber(0, 1_000_000).default(100).register(settings, {
    variable: 'LEDGER_ANONYMOUS_REQUESTS_PER_SECOND',
    doc: "Requests a second from one address whose credentials are refused, and those under `/v1/auth`, with up to ten seconds' worth at once. Past it the answer is 429, except for credentials that were good lately. Behind a proxy set `LEDGER_TRUST_PROXY`, else all come from one address. `0`: as many as there are.",
    group: 'Address',
  }),
  corsOrigins: origins().optional().register(settings, {
    variable: 'LEDGER_CORS_ORIGINS',
    doc: 'Origins whose pages may call the API from a browser, with the refresh cookie, separated by commas.',
    group: 'Address',
    otherwise: 'no page of another origin may',
    example: 'https://app.example.com',
  }),
  trustProxy: networks().optional().register(settings, {
    variable: 'LEDGER_TRUST_PROXY',
    doc: 'Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses, networks such as `10.0.0.0/8`, or `loopback`, `linklocal`, `uniquelocal`, separated by commas.',
    group: 'Address',
    otherwise: 'nobody is believed; a request comes from the address that is connected',
    example: '10.0.0.0/8',
  }),
  dataDir: z.string().default('.ledger').register(settings, {
    variable: 'LEDGER_DATA_DIR',
    doc: 'Folder of the embedded servers, of `runtime.json` and of the lock that keeps a second instance out.',
    group: 'Stores',
  }),
  eventStoreUrl: serverUrl('esdb:', 'esdb+discover:', 'kurrentdb:', 'kurrentdb+discover:').optional().register(settings, {
    variable: 'EVENTSTORE_URL',
    doc: 'Connection string of EventStoreDB.',
    group: 'Stores',
    secret: true,
    otherwise: 'an embedded event store is started',
    example: 'esdb://127.0.0.1:2113?tls=false',
  }),
  databaseUrl: serverUrl('postgres:', 'postgresql:').optional().register(settings, {
    variable: 'DATABASE_URL',
    doc: 'Connection string of Postgres.',
    group: 'Stores',
    secret: true,
    otherwise: 'an embedded Postgres is started',
    example: 'postgres://ledger:secret@127.0.0.1:5432/ledger',
  }),
  amqpUrl: serverUrl('amqp:', 'amqps:').optional().register(settings, {
    variable: 'AMQP_URL',
    doc: "Connection string of RabbitMQ, 3.10 or newer, with a user that is the ledger's alone: what it publishes is believed.",
    group: 'Stores',
    secret: true,
    otherwise: 'a private node of an installed rabbitmq-server is started; without one, commands stay inside the process',
    example: 'amqp://ledger:secret@127.0.0.1:5672',
  }),
  databaseConnections: wholeNumber(2, 1000).default(10).register(settings, {
    variable: 'LEDGER_DATABASE_CONNECTIONS',
    doc: 'Most connections that a process opens to Postgres. All processes together must stay below its `max_connections`.',
    group: 'Stores',
    unit: 'connections',
  }),
  keySecret: z
    .string()
    .min(32, 'at least 32 characters of chance, such as `openssl rand -base64 32` prints')
    .optional()
    .register(settings, {
      variable: 'LEDGER_KEY_SECRET',
      doc: 'Seals the private keys that sign tokens and the log, which are kept in Postgres. The same in every process; without it nobody who reads the database can sign either.',
      group: 'Identity',
      secret: true,
      otherwise: 'one is made in the data folder',
      example: 'the-output-of-openssl-rand-base64-32-goes-here',
    }),
  jwtIssuer: z.string().min(1, 'a name').default('ledgerfold').register(settings, {
    variable: 'JWT_ISSUER',
    doc: 'Who issues the access tokens that are taken, exactly as in their claim `iss`. Principals whose subject is no UUID are known by it: changing it makes them others.',
    group: 'Identity',
  }),
  jwtAudience: z.string().min(1, 'a name').default('ledgerfold').register(settings, {
    variable: 'JWT_AUDIENCE',
    doc: 'For whom the access tokens must be, exactly as in their claim `aud`.',
    group: 'Identity',
  }),
  jwksUrl: serverUrl('https:', 'http:').optional().register(settings, {
    variable: 'JWKS_URL',
    doc: "The key set of another issuer, whose tokens (RS256, ES256, EdDSA) are taken instead of the ledger's own. `JWT_ISSUER` and `JWT_AUDIENCE` have to be set with it.",
    group: 'Identity',
    otherwise: 'the ledger issues its own tokens, under `/v1/auth`',
    example: 'https://id.example.com/.well-known/jwks.json',
  }),
  jwtRolesClaim: z.string().min(1, 'the name of a claim').default('role').register(settings, {
    variable: 'JWT_ROLES_CLAIM',
    doc: 'The claim with the role (`user`, `operator`, `auditor`, `producer`) in tokens of another issuer; a dot goes a level down, as in `realm_access.roles`. Of several roles the one that may do most counts.',
    group: 'Identity',
  }),
  cookieSecure: yesOrNo().default(false).register(settings, {
    variable: 'LEDGER_COOKIE_SECURE',
    doc: 'Whether browsers send the cookie with the refresh token over TLS only. Whoever serves the API over TLS turns it on.',
    group: 'Identity',
    inProduction: 'true',
  }),
  selfDeposit: yesOrNo().optional().register(settings, {
    variable: 'LEDGER_SELF_DEPOSIT',
    doc: 'Whether users may credit their own accounts: deposit, add to a coin. For trying things out.',
    group: 'Identity',
    otherwise: 'on where the event store and Postgres are embedded, off elsewhere',
    inProduction: 'false',
    example: 'false',
  }),
  roles: listOf(roles)
    .default([...roles])
    .register(settings, {
      variable: 'LEDGER_ROLES',
      doc:
        `What this process does, separated by commas: ${roles.map((role) => `\`${role}\``).join(', ')}. ` +
        'The consumer decides the commands that wait in the broker, the publisher tells others what happened; without a broker both have ' +
        'nothing to do. The scheduler brings transfers to their end and lets holds and orders expire.',
      group: 'Process',
    }),
  logLevel: z
    .enum(logLevels)
    .default('info')
    .register(settings, {
      variable: 'LEDGER_LOG_LEVEL',
      doc: `Least severe messages that are logged: ${logLevels.map((level) => `\`${level}\``).join(', ')}.`,
      group: 'Process',
    }),
  shutdownGraceMs: wholeNumber(0, 600_000).default(20_000).register(settings, {
    variable: 'LEDGER_SHUTDOWN_GRACE_MS',
    doc: 'Time to finish what is under way after SIGTERM or Ctrl-C. After it the process ends regardless; what was acknowledged is kept.',
    group: 'Process',
    unit: 'ms',
  }),
  leaseSeconds: wholeNumber(1, LONGEST_LEASE_S).default(10).register(settings, {
    variable: 'LEDGER_LEASE_SECONDS',
    doc: 'How long a projector, transfer manager or scheduler that fell silent keeps its work before a standby takes over.',
    group: 'Process',
    unit: 's',
  }),
  mailboxCommands: wholeNumber(1, 100_000).default(1024).register(settings, {
    variable: 'LEDGER_MAILBOX_COMMANDS',
    doc: 'Commands that may wait for one account. The next one is answered `overloaded`.',
    group: 'Commands',
    unit: 'commands',
  }),
  queueCommands: wholeNumber(1, 1_000_000).default(10_000).register(settings, {
    variable: 'LEDGER_QUEUE_COMMANDS',
    doc: 'Commands that may wait in this process, over all accounts. The next one is answered `overloaded`.',
    group: 'Commands',
    unit: 'commands',
  }),
  cachedAccounts: wholeNumber(1, 10_000_000).default(10_000).register(settings, {
    variable: 'LEDGER_CACHED_ACCOUNTS',
    doc: 'Accounts whose state is kept in memory. Others are read from the projection when a command comes for them.',
    group: 'Commands',
  }),
  conflictBudgetMs: wholeNumber(0, 600_000).default(10_000).register(settings, {
    variable: 'LEDGER_CONFLICT_BUDGET_MS',
    doc: 'How long commands are decided again after other processes wrote to their account, before they are answered `overloaded`.',
    group: 'Commands',
    unit: 'ms',
  }),
  doubtBudgetMs: wholeNumber(0, 600_000).default(10_000).register(settings, {
    variable: 'LEDGER_DOUBT_BUDGET_MS',
    doc: 'How long an append whose outcome is not known is tried again before its commands are answered `outcome_unknown`.',
    group: 'Commands',
    unit: 'ms',
  }),
  schedulerIntervalMs: wholeNumber(10, 3_600_000).default(500).register(settings, {
    variable: 'LEDGER_SCHEDULER_INTERVAL_MS',
    doc: 'How often the scheduler looks for holds and orders that are due to expire. They stay open for about so long after their time at most.',
    group: 'Commands',
    unit: 'ms',
  }),
  chainEvents: wholeNumber(1, 1_000_000_000).default(10_000).register(settings, {
    variable: 'LEDGER_CHAIN_EVENTS',
    doc: 'How many events there are between two signed checkpoints of the chain, which proves that the log was not changed: see docs/audit.md.',
    group: 'Process',
    unit: 'events',
  }),
  embeddedBroker: yesOrNo()
    .default(true)
    .register(settings, {
      variable: 'LEDGER_EMBEDDED_BROKER',
      doc:
        'Without `AMQP_URL`: whether a private node of an installed rabbitmq-server is started. That is done only where the event store is ' +
        'embedded, too: a node of its own is of no use to a process that shares its log with others.',
      group: 'Broker',
    }),
  commandQueues: wholeNumber(1, 100).default(8).register(settings, {
    variable: 'LEDGER_COMMAND_QUEUES',
    doc: 'Over how many queues the accounts are spread. The same in every process, and changed only by a drain: see docs/messaging.md.',
    group: 'Broker',
  }),
  replyWaitMs: wholeNumber(0, 600_000).default(30_000).register(settings, {
    variable: 'LEDGER_REPLY_WAIT_MS',
    doc: 'How long the API waits for the outcome of a command that it has put into the broker. Past it the answer is 202, with a link. A request may ask for another wait, of a minute at most.',
    group: 'Broker',
    unit: 'ms',
  }),
  anonymousProducers: yesOrNo().default(true).register(settings, {
    variable: 'LEDGER_ANONYMOUS_PRODUCERS',
    doc: 'Whether a message without a `userId`, for whose sender the broker does not vouch, acts as a producer.',
    group: 'Broker',
    inProduction: 'false',
  }),
  projectorBatchEvents: wholeNumber(1, 100_000).default(1000).register(settings, {
    variable: 'LEDGER_PROJECTOR_BATCH_EVENTS',
    doc: 'Most events that the projector writes in one transaction.',
    group: 'Projections',
    unit: 'events',
  }),
  projectorBatchMs: wholeNumber(0, 60_000).default(20).register(settings, {
    variable: 'LEDGER_PROJECTOR_BATCH_MS',
    doc: 'How long the projector waits for a batch to fill. Longer is cheaper under load and makes reads lag.',
    group: 'Projections',
    unit: 'ms',
  }),
  booksCheckMs: wholeNumber(100, 86_400_000).default(30_000).register(settings, {
    variable: 'LEDGER_BOOKS_CHECK_MS',
    doc: 'How often the process that projects adds up all balances, and holds the next 1,000 of them against the journal (`ledger_books_unequal`). Where that takes long it is done less often: it has a fiftieth of one connection at most.',
    group: 'Projections',
    unit: 'ms',
  }),
  otlpEndpoint: serverUrl('http:', 'https:').optional().register(settings, {
    variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    doc: "The collector that traces are sent to, as OTLP over HTTP in JSON (`/v1/traces` is added). The standard's other variables count, too: `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say which traces are recorded (by default all, and those of others as they say), `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_BSP_MAX_QUEUE_SIZE` and so on.",
    group: 'Tracing',
    otherwise: "nothing is traced, and OpenTelemetry's SDK is not loaded",
    example: 'http://127.0.0.1:4318',
  }),
  otlpHeaders: headerList().optional().register(settings, {
    variable: 'OTEL_EXPORTER_OTLP_HEADERS',
    doc: 'Headers that the collector wants, such as its key: `name=value`, separated by commas, values percent-encoded.',
    group: 'Tracing',
    secret: true,
    otherwise: 'none are sent',
    example: 'authorization=Bearer%20the-key',
  }),
  serviceName: z.string().min(1, 'a name').default('ledgerfold').register(settings, {
    variable: 'OTEL_SERVICE_NAME',
    doc: 'What this service is called in traces.',
    group: 'Tracing',
  }),
});
