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

/** Query parameters as the servers' clients read them: names in any case. */
function parameter({ query }: ServerUrl, name: string): string | undefined {
  for (const [given, value] of query) if (given.toLowerCase() === name.toLowerCase()) return value.toLowerCase();
  return undefined;
}

const passwordFault = (variable: string, { password, user }: ServerUrl): readonly string[] =>
  password !== undefined && (DEFAULT_PASSWORDS.has(password) || password === user)
    ? [`${variable} must not have a default password in production: everybody knows it`]
    : [];

function eventStoreFaults(url: string): readonly string[] {
  const server = readServerUrl(url);
  const remote = remoteIn(server);
  const isPlain = parameter(server, 'tls') === 'false';
  const isUnverified = parameter(server, 'tlsVerifyCert') === 'false';
  return [
    ...passwordFault('EVENTSTORE_URL', server),
    ...(remote !== undefined && isPlain ? [`EVENTSTORE_URL must not say tls=false in production: ${remote} is another machine`] : []),
    ...(isUnverified ? ['EVENTSTORE_URL must not say tlsVerifyCert=false in production: anybody could answer in its place'] : []),
  ];
}

/** What `pg` takes for an encrypted connection to whom the certificate names; `prefer` falls back to plain text, `no-verify` trusts anybody. */
const VERIFYING_SSL_MODES: ReadonlySet<string> = new Set(['require', 'verify-ca', 'verify-full']);

function databaseFaults(url: string): readonly string[] {
  const server = readServerUrl(url);
  const remote = remoteIn(server);
  const isVerified = VERIFYING_SSL_MODES.has(parameter(server, 'sslmode') ?? '');
  return [
    ...passwordFault('DATABASE_URL', server),
    ...(remote !== undefined && !isVerified
      ? [`DATABASE_URL must say sslmode=verify-full in production: ${remote} is another machine`]
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

/**
 * Why a process with that configuration does not start in production (`NODE_ENV`), one sentence each with the reason; none where
 * it may. No secret's value is in them.
 */
export function productionFaults(config: Config): readonly string[] {
  const { eventStoreUrl, databaseUrl, amqpUrl, jwksUrl, keySecret, selfDeposit, anonymousProducers } = config;
  return [
    ...(eventStoreUrl === undefined ? [] : eventStoreFaults(eventStoreUrl)),
    ...(databaseUrl === undefined ? [] : databaseFaults(databaseUrl)),
    ...(amqpUrl === undefined ? [] : brokerFaults(amqpUrl)),
    ...(jwksUrl === undefined ? [] : jwksFaults(jwksUrl)),
    ...(keySecret === undefined && databaseUrl !== undefined
      ? ['LEDGER_KEY_SECRET must be set in production: every process has to seal and open the keys that sign tokens and the log with the same']
      : []),
    ...(keySecret !== undefined && DEFAULT_KEY_SECRETS.has(keySecret)
      ? ['LEDGER_KEY_SECRET must not be one that comes with this repository in production: everybody knows it']
      : []),
    ...(selfDeposit === true ? ['LEDGER_SELF_DEPOSIT must not be true in production: users could make money out of nothing'] : []),
    ...(anonymousProducers
      ? ['LEDGER_ANONYMOUS_PRODUCERS must not be true in production: whoever reaches the broker could pay themselves']
      : []),
  ];
}
