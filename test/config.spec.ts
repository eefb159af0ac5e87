import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { allSettings, ConfigError, readEnv } from '../src/config.ts';
import { configurationMarkdown, effectiveSettings, environmentExample } from '../src/config-reference.ts';

const folder = mkdtempSync(join(tmpdir(), 'ledger-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function secretFile(content: string): string {
  const file = join(folder, `secret-${Math.random().toString(36).slice(2)}`);
  writeFileSync(file, content);
  return file;
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readEnv(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('an empty environment gives a complete configuration for one machine', () => {
  expect(readEnv({})).toMatchObject({
    host: '127.0.0.1',
    port: 3000,
    dataDir: '.ledger',
    roles: ['api', 'consumer', 'projector', 'publisher', 'scheduler'],
  });
});

test('values are typed', () => {
  const config = readEnv({
    PORT: '0',
    LEDGER_ROLES: ' projector ',
    LEDGER_DOUBT_BUDGET_MS: '250',
    EVENTSTORE_URL: 'esdb://a:2113?tls=false',
  });
  expect(config).toMatchObject({ port: 0, roles: ['projector'], doubtBudgetMs: 250, eventStoreUrl: 'esdb://a:2113?tls=false' });
});

test('in production nobody is believed without the broker', () => {
  expect(readEnv({}).anonymousProducers).toBe(true);
  expect(readEnv({ NODE_ENV: 'production' }).anonymousProducers).toBe(false);
  expect(problemsOf({ LEDGER_ANONYMOUS_PRODUCERS: 'no' })).toEqual(['LEDGER_ANONYMOUS_PRODUCERS must be true or false, not "no"']);
});

test('the tokens of another issuer are taken only where it is said whose, and for whom', () => {
  expect(problemsOf({ JWKS_URL: 'https://id.example.com/jwks' })).toEqual([
    'JWT_ISSUER must be set where JWKS_URL is',
    'JWT_AUDIENCE must be set where JWKS_URL is',
  ]);
  expect(problemsOf({ JWKS_URL: 'https://id.example.com/jwks', JWT_ISSUER: 'https://id.example.com', JWT_AUDIENCE: 'ledger' })).toEqual([]);
});

test('origins are whole, and never all of them', () => {
  expect(readEnv({ LEDGER_CORS_ORIGINS: 'https://a.example, http://localhost:5173,https://a.example' }).corsOrigins).toEqual([
    'https://a.example',
    'http://localhost:5173',
  ]);
  for (const wrong of [
    '*',
    'null',
    'a.example',
    'https://a.example/',
    'https://a.example/app',
    'https://A.example',
    'file:///',
    'https://a.example,',
  ])
    expect(problemsOf({ LEDGER_CORS_ORIGINS: wrong }), wrong).toEqual([expect.stringContaining('LEDGER_CORS_ORIGINS must be origins')]);
});

test('a proxy is an address, a network, or the name of one, and never everybody', () => {
  const right = 'loopback,10.0.0.0/8, 192.0.2.1,2001:db8::/32,::1';
  expect(readEnv({ LEDGER_TRUST_PROXY: right }).trustProxy).toEqual(['loopback', '10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1']);
  for (const wrong of [
    'true',
    '1',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0',
    'proxy.example',
    '10.0.0.1,',
  ])
    expect(problemsOf({ LEDGER_TRUST_PROXY: wrong }), wrong).toEqual([expect.stringContaining('LEDGER_TRUST_PROXY must be addresses')]);
});

test('the headers for a collector are names and values, and never shown', () => {
  const headers = 'authorization=Bearer%20a%2Cb, x-team = books=1';
  expect(readEnv({ OTEL_EXPORTER_OTLP_HEADERS: headers }).otlpHeaders).toEqual({ authorization: 'Bearer a,b', 'x-team': 'books=1' });
  for (const wrong of ['hunter2', 'a=hunter2,', '=hunter2', 'a b=hunter2', 'a=hunter2%', 'a=hunter2%ff', 'a='])
    expect(problemsOf({ OTEL_EXPORTER_OTLP_HEADERS: wrong })).toEqual([
      'OTEL_EXPORTER_OTLP_HEADERS must be headers, `name=value`, separated by commas',
    ]);
});

test('an empty variable counts as not set', () => {
  expect(readEnv({ PORT: '', DATABASE_URL: '', DATABASE_URL_FILE: '' })).toEqual(readEnv({}));
});

test('variables of other programs are none of its business', () => {
  expect(readEnv({ PATH: '/bin', HOSTNAME: 'x', PORTAL: 'y' })).toEqual(readEnv({}));
});

describe('a secret in a file', () => {
  test('is read without its line break', () => {
    expect(readEnv({ DATABASE_URL_FILE: secretFile('postgres://u:p@db/ledger\n') }).databaseUrl).toBe('postgres://u:p@db/ledger');
  });

  test('excludes the variable itself', () => {
    const problems = problemsOf({ DATABASE_URL: 'postgres://a/b', DATABASE_URL_FILE: secretFile('postgres://c/d') });
    expect(problems).toEqual(['DATABASE_URL and DATABASE_URL_FILE are both set; set one of them']);
  });

  test('has to be there, and not empty', () => {
    expect(problemsOf({ DATABASE_URL_FILE: join(folder, 'missing') })).toEqual([expect.stringContaining('DATABASE_URL_FILE names a file')]);
    expect(problemsOf({ DATABASE_URL_FILE: secretFile('\n') })).toEqual([expect.stringContaining('names an empty file')]);
  });

  test('is for secrets only', () => {
    expect(problemsOf({ LEDGER_DATA_DIR_FILE: '/x' })).toEqual(['LEDGER_DATA_DIR_FILE is not a setting']);
  });
});

test('everything wrong is reported at once, by variable', () => {
  const problems = problemsOf({
    PORT: '65536',
    LEDGER_ROLES: 'api,cook',
    LEDGER_LOG_LEVEL: 'loud',
    LEDGER_BODY_LIMIT_BYTES: '1e6',
    LEDGER_MAILBOX_COMMANDS: '-1',
    LEDGER_TYPO: '1',
    EVENTSTORE_URL: 'http://x',
  });
  const named = problems.map((problem) => problem.split(' ')[0]);
  expect(new Set(named)).toEqual(
    new Set([
      'PORT',
      'LEDGER_ROLES',
      'LEDGER_LOG_LEVEL',
      'LEDGER_BODY_LIMIT_BYTES',
      'LEDGER_MAILBOX_COMMANDS',
      'LEDGER_TYPO',
      'EVENTSTORE_URL',
    ]),
  );
  expect(problems).toContain('PORT must be a whole number from 0 to 65535, not "65536"');
  expect(problems).toContain(
    'LEDGER_ROLES must be one or more of api, consumer, projector, publisher, scheduler, separated by commas, not "api,cook"',
  );
});

test.each(['', ' 1', '1.5', '0x10', '٣', '9007199254740993'])('a number is written in digits and fits: %j does not', (text) => {
  expect(problemsOf({ PORT: text })).toHaveLength(text === '' ? 0 : 1);
});

test('no message and no listing shows a secret', () => {
  const environment = { DATABASE_URL: 'mysql://ledger:hunter2@db/x', LEDGER_X: '1' };
  expect(problemsOf(environment).join()).not.toContain('hunter2');
  const valid = { DATABASE_URL: 'postgres://ledger:hunter2@db/x' };
  const listed = effectiveSettings(readEnv(valid), valid);
  expect(JSON.stringify(listed)).not.toContain('hunter2');
  expect(listed).toContainEqual({ variable: 'DATABASE_URL', value: '(secret)', from: 'environment' });
});

test('every setting is documented, and has a default or says what happens without one', () => {
  for (const setting of allSettings()) {
    expect(setting.doc, setting.variable).toMatch(/[.]$/);
    expect(setting.variable).toMatch(/^(HOST|PORT|[A-Z]+_URL|JWT_[A-Z_]+|OTEL_[A-Z_]+|LEDGER_[A-Z_]+)$/);
    if (setting.fallback === undefined) expect(setting.otherwise, setting.variable).toBeDefined();
  }
  const variables = allSettings().map(({ variable }) => variable);
  expect(new Set(variables).size).toBe(variables.length);
});

test('the example of the environment is itself valid', () => {
  const uncommented = environmentExample().matchAll(/^# ([A-Z_]+)=(.*)$/gm);
  const environment = Object.fromEntries([...uncommented].map(([, name, value]) => [name, value]));
  expect(Object.keys(environment)).toHaveLength(allSettings().length);
  expect(readEnv(environment)).toMatchObject(readEnv({}));
});

test('docs/configuration.md and .env.example are current (npm run docs:config)', () => {
  const committed = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8');
  expect(committed('docs/configuration.md')).toBe(configurationMarkdown());
  expect(committed('.env.example')).toBe(environmentExample());
});
