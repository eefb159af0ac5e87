// What production refuses to start with. What is convenient for trying things out is a hole in a deployment, and nobody looks at a
// setting again that once worked.
import type { Config } from './config.ts';

/** Passwords that come with this repository's files, with the servers' own images, or from nobody thinking of one. */
const DEFAULT_PASSWORDS: ReadonlySet<string> = new Set(['', 'ledger', 'guest', 'changeit', 'postgres', 'admin', 'password', 'secret']);
/** Those of .env.example and docker-compose.yml. */
const DEFAULT_KEY_SECRETS: ReadonlySet<string> = new Set([
  'the-output-of-openssl-rand-base64-32-goes-here',
  'the-key-secret-of-the-compose-file',
]);

/** A server's connection string, as far as it matters here: every one of them may name several hosts, which URL does not read. */
interface ServerUrl {
  readonly user: string;
  /** Undefined where the URL names no user: the server then knows by other means, such as a certificate, or asks nobody. */
  readonly password: string | undefined;
  readonly hosts: readonly string[];
  readonly query: URLSearchParams;
}

function readServerUrl(url: string): ServerUrl {
  const [, authority = '', rest = ''] = /^[a-z+]+:\/\/([^/?#]*)(.*)$/i.exec(url) ?? [];
  const at = authority.lastIndexOf('@');
  const [user = '', ...password] = at < 0 ? [] : authority.slice(0, at).split(':');
  const query = new URLSearchParams(/\?([^#]*)/.exec(rest)?.[1] ?? '');
  const named = [...authority.slice(at + 1).split(','), ...query.getAll('host').flatMap((list) => list.split(','))];
  const hosts = named.map((host) => host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')).filter((host) => host !== '');
  return { user: decoded(user), password: at < 0 ? undefined : decoded(password.join(':')), hosts, query };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** This machine, or a socket in its file system. */
const isLocal = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1|\/.*)$/i.test(host);
const remoteIn = ({ hosts }: ServerUrl): string | undefined => hosts.find((host) => !isLocal(host));

/** What parameters are called alike to EventStoreDB's client, which passes over capitals, hyphens and underscores in a name. */
const flat = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, '');
/** Whether a parameter of EventStoreDB says no, anywhere: which of several counts is the client's own business. */
const saysNo = ({ query }: ServerUrl, name: string): boolean =>
  [...query].some(([given, value]) => flat(given) === flat(name) && value.toLowerCase() === 'false');

const passwordFault = (variable: string, { password, user }: ServerUrl): readonly string[] =>
  password !== undefined && (DEFAULT_PASSWORDS.has(password) || password === user)
    ? [`${variable} must not have a default password in production: everybody knows it`]
    : [];

function eventStoreFaults(url: string): readonly string[] {
  const server = readServerUrl(url);
  const remote = remoteIn(server);
  const isPlain = saysNo(server, 'tls');
  const isUnverified = saysNo(server, 'tlsVerifyCert');
  return [
    ...passwordFault('EVENTSTORE_URL', server),
    ...(remote !== undefined && isPlain ? [`EVENTSTORE_URL must not say tls=false in production: ${remote} is another machine`] : []),
    ...(isUnverified ? ['EVENTSTORE_URL must not say tlsVerifyCert=false in production: anybody could answer in its place'] : []),
  ];
}

/** What `pg` takes for an encrypted connection to whom the certificate names; `prefer` falls back to plain text, `no-verify` trusts anybody. */
const VERIFYING_SSL_MODES: ReadonlySet<string> = new Set(['require', 'verify-ca', 'verify-full']);

/** Whether `pg` checks who answers. It knows the parameter by this very name only, and takes the last; with libpq's meanings it checks less. */
function isVerified({ query }: ServerUrl): boolean {
  const modes = query.getAll('sslmode');
  return modes.length > 0 && modes.every((mode) => VERIFYING_SSL_MODES.has(mode)) && !query.has('uselibpqcompat');
}

function databaseFaults(url: string): readonly string[] {
  const server = readServerUrl(url);
  const remote = remoteIn(server);
  return [
    ...passwordFault('DATABASE_URL', server),
    ...(server.hosts.length === 0 ? ['DATABASE_URL must name its server in production: else PGHOST does, and nobody looks at that'] : []),
    ...(remote !== undefined && !isVerified(server)
      ? [`DATABASE_URL must say sslmode=verify-full, and not uselibpqcompat, in production: ${remote} is another machine`]
      : []),
  ];
}

function brokerFaults(url: string): readonly string[] {
  const server = readServerUrl(url);
  const remote = remoteIn(server);
  // Without a user, RabbitMQ's clients are guest with the password guest.
  const named = server.password === undefined ? { ...server, password: 'guest' } : server;
  return [
    ...passwordFault('AMQP_URL', named),
    ...(remote !== undefined && !url.startsWith('amqps:')
      ? [`AMQP_URL must begin amqps:// in production: ${remote} is another machine`]
      : []),
  ];
}

function jwksFaults(url: string): readonly string[] {
  const remote = remoteIn(readServerUrl(url));
  return remote !== undefined && !url.startsWith('https:')
    ? [`JWKS_URL must begin https:// in production: whoever answers in place of ${remote} could let anybody in`]
    : [];
}

/** Where it wants a key. */
function collectorFaults(url: string): readonly string[] {
  const remote = remoteIn(readServerUrl(url));
  return remote !== undefined && !url.startsWith('https:')
    ? [
        `OTEL_EXPORTER_OTLP_ENDPOINT must begin https:// in production where OTEL_EXPORTER_OTLP_HEADERS is set: ${remote} is another machine`,
      ]
    : [];
}

/** Pages that came in plain text may be anybody's on the way, and would be given the session of whoever looks at them. */
const plainOrigins = ({ corsOrigins = [] }: Config): readonly string[] =>
  corsOrigins.filter((origin) => origin.startsWith('http:') && remoteIn(readServerUrl(origin)) !== undefined);

/**
 * Why a process with that configuration does not start in production (`NODE_ENV`), one sentence each with the reason; none where
 * it may. No secret's value is in them.
 * @param environment for what is no setting of the ledger's own.
 */
export function productionFaults(config: Config, environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const { eventStoreUrl, databaseUrl, amqpUrl, jwksUrl, keySecret, selfDeposit, anonymousProducers, otlpEndpoint } = config;
  return [
    ...(eventStoreUrl === undefined ? [] : eventStoreFaults(eventStoreUrl)),
    ...(databaseUrl === undefined ? [] : databaseFaults(databaseUrl)),
    ...(amqpUrl === undefined ? [] : brokerFaults(amqpUrl)),
    ...(jwksUrl === undefined ? [] : jwksFaults(jwksUrl)),
    ...(otlpEndpoint === undefined || config.otlpHeaders === undefined ? [] : collectorFaults(otlpEndpoint)),
    ...(keySecret === undefined && databaseUrl !== undefined
      ? [
          'LEDGER_KEY_SECRET must be set in production: every process has to seal and open the keys that sign tokens and the log with the same',
        ]
      : []),
    ...(keySecret !== undefined && DEFAULT_KEY_SECRETS.has(keySecret)
      ? ['LEDGER_KEY_SECRET must not be one that comes with this repository in production: everybody knows it']
      : []),
    ...(selfDeposit === true ? ['LEDGER_SELF_DEPOSIT must not be true in production: users could make money out of nothing'] : []),
    ...(anonymousProducers
      ? ['LEDGER_ANONYMOUS_PRODUCERS must not be true in production: whoever reaches the broker could pay themselves']
      : []),
    ...(config.cookieSecure
      ? []
      : ['LEDGER_COOKIE_SECURE must not be false in production: whoever listens on the way could go on with a session']),
    ...plainOrigins(config).map((origin) => `LEDGER_CORS_ORIGINS must not name ${origin} in production: its pages come in plain text`),
    ...(environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0'
      ? ['NODE_TLS_REJECT_UNAUTHORIZED must not be 0 in production: anybody could answer in place of any server']
      : []),
  ];
}
