import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ConfigError, readEnv } from '../src/config.ts';

type Environment = Readonly<Record<string, string>>;

/** A deployment on several machines as it should be. */
const SOUND: Environment = {
  NODE_ENV: 'production',
  EVENTSTORE_URL: 'esdb://ledger:Kq3vN8@es1.example.com:2113,es2.example.com:2113,es3.example.com:2113?tls=true',
  DATABASE_URL: 'postgres://ledger:Zw7rB2@db.example.com:5432/ledger?sslmode=verify-full',
  AMQP_URL: 'amqps://ledger:Xp9tC4@mq.example.com:5671',
  LEDGER_KEY_SECRET: 'kUq0mO7vQe1nJxw2Zr8sYb5tCd3fGh6L',
};

function faultsOf(changes: Environment): readonly string[] {
  try {
    readEnv({ ...SOUND, ...changes });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test('a sound deployment starts', () => {
  expect(faultsOf({})).toEqual([]);
});

const REFUSED: readonly (readonly [what: string, changes: Environment, reason: RegExp])[] = [
  [
    'an event store in plain text',
    { EVENTSTORE_URL: 'esdb://es.example.com:2113?tls=false' },
    /^EVENTSTORE_URL .*tls=false.*es\.example\.com is another machine/,
  ],
  [
    'one of three event stores elsewhere',
    { EVENTSTORE_URL: 'esdb://127.0.0.1:2111,es2:2112,localhost:2113?TLS=False' },
    /es2 is another machine/,
  ],
  ['an event store that anybody could answer for', { EVENTSTORE_URL: 'esdb://es:2113?tlsVerifyCert=false' }, /tlsVerifyCert=false/],
  ['the event store’s first password', { EVENTSTORE_URL: 'esdb://admin:changeit@es:2113' }, /EVENTSTORE_URL .*default password/],
  [
    'a database in plain text',
    { DATABASE_URL: 'postgres://ledger:Zw7rB2@db/ledger' },
    /DATABASE_URL must say sslmode=verify-full.*db is another machine/,
  ],
  ['a database that may be in plain text', { DATABASE_URL: 'postgres://ledger:Zw7rB2@db/ledger?sslmode=prefer' }, /sslmode=verify-full/],
  [
    'a database that anybody could answer for',
    { DATABASE_URL: 'postgres://ledger:Zw7rB2@db/ledger?sslmode=no-verify' },
    /sslmode=verify-full/,
  ],
  [
    'a database under a name of the parameter that pg does not know',
    { DATABASE_URL: 'postgres://ledger:Zw7rB2@db/ledger?SSLMODE=verify-full' },
    /sslmode=verify-full/,
  ],
  [
    'a database whose last word is another',
    { DATABASE_URL: 'postgres://ledger:Zw7rB2@db/ledger?sslmode=verify-full&sslmode=disable' },
    /sslmode=verify-full/,
  ],
  [
    'a database that anybody could answer for, as libpq has it',
    { DATABASE_URL: 'postgres://ledger:Zw7rB2@db/ledger?uselibpqcompat=true&sslmode=require' },
    /not uselibpqcompat/,
  ],
  [
    'a database that another variable names',
    { DATABASE_URL: 'postgres:///ledger?sslmode=verify-full' },
    /DATABASE_URL must name its server/,
  ],
  ['an event store whose last word is another', { EVENTSTORE_URL: 'esdb://es:2113?tls=true&t_l_s=false' }, /EVENTSTORE_URL .*tls=false/],
  ['a database named in the query', { DATABASE_URL: 'postgres:///ledger?host=db.example.com' }, /db\.example\.com is another machine/],
  ['a password like the user', { DATABASE_URL: 'postgres://alice:alice@127.0.0.1/ledger' }, /DATABASE_URL .*default password/],
  ['a password that is encoded', { DATABASE_URL: 'postgres://x:%6Cedger@127.0.0.1/ledger' }, /DATABASE_URL .*default password/],
  ['a broker in plain text', { AMQP_URL: 'amqp://ledger:Xp9tC4@mq:5672' }, /AMQP_URL must begin amqps:.*mq is another machine/],
  ['the broker’s guest', { AMQP_URL: 'amqps://guest:guest@mq' }, /AMQP_URL .*default password/],
  ['the broker’s guest, not named', { AMQP_URL: 'amqp://127.0.0.1' }, /AMQP_URL .*default password/],
  ['no key secret', { LEDGER_KEY_SECRET: '' }, /LEDGER_KEY_SECRET must be set/],
  ['the key secret of the example', { LEDGER_KEY_SECRET: exampleKeySecret() }, /LEDGER_KEY_SECRET .*comes with this repository/],
  ['the key secret of the compose file', { LEDGER_KEY_SECRET: composeKeySecret() }, /LEDGER_KEY_SECRET .*comes with this repository/],
  ['users who make money', { LEDGER_SELF_DEPOSIT: 'true' }, /LEDGER_SELF_DEPOSIT .*out of nothing/],
  ['producers whom nobody knows', { LEDGER_ANONYMOUS_PRODUCERS: 'true' }, /LEDGER_ANONYMOUS_PRODUCERS .*whoever reaches the broker/],
  ['sessions in plain text', { LEDGER_COOKIE_SECURE: 'false' }, /LEDGER_COOKIE_SECURE .*session/],
  [
    'pages in plain text',
    { LEDGER_CORS_ORIGINS: 'https://a.example,http://b.example' },
    /LEDGER_CORS_ORIGINS must not name http:..b\.example /,
  ],
  ['certificates that are not checked', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, /NODE_TLS_REJECT_UNAUTHORIZED .*any server/],
  ['an issuer in plain text', { JWKS_URL: 'http://id.example.com/jwks', JWT_ISSUER: 'x', JWT_AUDIENCE: 'y' }, /JWKS_URL must begin https:/],
];

test.each(REFUSED)('production refuses %s, and says why', (_, changes, reason) => {
  expect(faultsOf(changes)).toEqual([expect.stringMatching(reason)]);
});

test('elsewhere the same is taken', () => {
  for (const [what, changes] of REFUSED) expect(faultsOf({ ...changes, NODE_ENV: 'development' }), what).toEqual([]);
});

test('servers on this machine need no encryption', () => {
  const local = {
    EVENTSTORE_URL: 'esdb://127.0.0.1:2113,[::1]:2114?tls=false',
    DATABASE_URL: 'postgres://ledger:Zw7rB2@localhost/ledger',
    AMQP_URL: 'amqp://ledger:Xp9tC4@[::1]:5672',
  };
  expect(faultsOf(local)).toEqual([]);
  expect(faultsOf({ DATABASE_URL: 'postgres://ledger:Zw7rB2@/ledger?host=/var/run/postgresql' })).toEqual([]);
  expect(faultsOf({ LEDGER_CORS_ORIGINS: 'http://localhost:5173' })).toEqual([]);
});

test('everything that is wrong is said at once, and no secret with it', () => {
  const faults = faultsOf({ EVENTSTORE_URL: 'esdb://admin:changeit@es:2113?tls=false', AMQP_URL: 'amqp://u:hunter2hunter2@mq' });
  expect(faults).toHaveLength(3);
  expect(faults.join('\n')).not.toMatch(/changeit|hunter2/);
});

function composeKeySecret(): string {
  const compose = readFileSync(new URL('../docker-compose.yml', import.meta.url), 'utf8');
  return /\$\{LEDGER_KEY_SECRET:-([^}]+)\}/.exec(compose)?.[1] ?? 'there is none';
}

function exampleKeySecret(): string {
  const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
  return /^# ?LEDGER_KEY_SECRET=(.+)$/m.exec(example)?.[1] ?? 'there is none';
}
