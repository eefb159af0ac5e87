// Every way in, tried with secrets that can be recognised, at the most talkative log level; then everything that was written is searched.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { connectEventStore } from '../../src/eventstore/client.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { ledgerEnvironment, spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());

const root = join(import.meta.dirname, '../..');
const stores = opened.use(await startStores());
const broker = opened.use(await freshVhost());
const dataDir = await mkdtemp(join(tmpdir(), 'ledger-test-'));
opened.defer(() => rm(dataDir, { recursive: true, force: true }));
const environment = { ...stores.environment, AMQP_URL: broker.amqpUrl, LEDGER_DATA_DIR: dataDir, LEDGER_LOG_LEVEL: 'trace' };

const passwordIn = (url: string): string => decodeURIComponent(new URL(url).password);
/** What must never be written anywhere, by name. */
const secrets = new Map<string, string>([
  ['the key secret', stores.environment.LEDGER_KEY_SECRET],
  ['the database’s password', passwordIn(stores.environment.DATABASE_URL)],
  ['the broker’s password', passwordIn(broker.amqpUrl)],
]);

const Session = z.object({ accessToken: z.string(), userId: z.string(), accountId: z.string() });

async function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** Keeps the secrets of a log-in's answer. */
async function learn(what: string, answer: Response): Promise<z.output<typeof Session>> {
  expect(answer.ok ? 'ok' : await answer.clone().text(), what).toBe('ok');
  const session = Session.parse(await answer.json());
  const [cookie = ''] = answer.headers.getSetCookie();
  secrets.set(`the access token of ${what}`, session.accessToken);
  secrets.set(`the refresh token of ${what}`, /refresh_token=([^;]+)/.exec(cookie)?.[1] ?? '');
  return session;
}

async function everyWayIn({ apiUrl }: LedgerProcess): Promise<void> {
  const auth = `${apiUrl}/v1/auth`;
  const name = `alice-${randomUUID().slice(0, 8)}`;
  const password = `correct horse ${randomUUID()}`;
  const wrong = `battery staple ${randomUUID()}`;
  secrets.set('the password', password).set('a wrong password', wrong);

  await learn('the registration', await post(`${auth}/register`, { name, password }));
  expect((await post(`${auth}/register`, { name, password })).status).toBe(409);
  expect((await post(`${auth}/login`, { name, password: wrong })).status).toBe(401);
  expect((await post(`${auth}/login`, { name: `nobody-${name}`.slice(0, 60), password: wrong })).status).toBe(401);
  expect((await post(`${auth}/login`, { name, password, more: password })).status).toBe(400);
  expect((await post(`${auth}/login`, `{"name": "${name}", "password": "${password}"`)).status).toBe(400);
  expect((await post(`${auth}/login?password=${encodeURIComponent(password)}`, { name, password: 1 })).status).toBe(400);
  const { accessToken, accountId } = await learn('the log-in', await post(`${auth}/login`, { name, password }));
  const cookie = `refresh_token=${secrets.get('the refresh token of the log-in')}`;
  await learn('the refresh', await post(`${auth}/refresh`, '', { cookie }));
  expect((await post(`${auth}/refresh`, '', { cookie })).status).toBe(401); // used twice
  expect((await post(`${auth}/logout`, '', { cookie })).status).toBe(204);

  const bearer = { authorization: `Bearer ${accessToken}` };
  const deposits = `${apiUrl}/v1/accounts/${accountId}/deposits`;
  expect((await post(deposits, { asset: 'USD', amount: '1.00' }, { ...bearer, 'idempotency-key': 'k' })).status).toBe(403);
  expect((await fetch(`${apiUrl}/v1/me`, { headers: bearer })).status).toBe(200);
  expect((await fetch(`${apiUrl}/v1/me?access_token=${accessToken}`)).status).toBe(401);
  expect((await fetch(`${apiUrl}/v1/nothing/${accessToken}`, { headers: bearer })).status).toBe(404);
  const forged = `${accessToken.slice(0, -4)}AAAA`;
  secrets.set('a forged token', forged);
  expect((await fetch(`${apiUrl}/v1/me`, { headers: { authorization: `Bearer ${forged}` } })).status).toBe(401);
  expect((await fetch(`${apiUrl}/v1/me`, { headers: { authorization: `Basic ${btoa(`${name}:${password}`)}` } })).status).toBe(401);
  secrets.set('basic credentials', btoa(`${name}:${password}`));

  const client = await ledger('clients', 'create', 'till-1', '--role', 'producer', '--json');
  const { clientSecret } = z.object({ clientSecret: z.string() }).parse(JSON.parse(client.stdout));
  secrets.set('a client’s secret', clientSecret);
  expect(client.stderr).not.toContain(clientSecret);
  const form = (secret: string): Promise<Response> =>
    fetch(`${auth}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'till-1', client_secret: secret }),
    });
  const machine = await form(clientSecret);
  expect(machine.status).toBe(200);
  secrets.set('a machine’s token', z.object({ access_token: z.string() }).parse(await machine.json()).access_token);
  expect((await form(`${clientSecret}x`)).status).toBe(401);

  const operator = await ledger('token', '--role', 'operator');
  secrets.set('an operator’s token', operator.stdout.trim());
  expect(operator.stderr).not.toContain(operator.stdout.trim());
}

/** A verb, as an operator runs it beside the service. */
const ledger = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [join(root, 'src/cli/ledger.ts'), ...args], { env: ledgerEnvironment(environment), cwd: tmpdir() });

test('no secret is in any log, nor in any event', async () => {
  await using running = await spawnLedger(environment);
  await everyWayIn(running);
  // What servers that go away are complained about.
  expect(await running.stop()).toMatchObject({ code: 0 });
  const refused = await spawnLedger({ ...environment, LEDGER_KEY_SECRET: `${stores.environment.LEDGER_KEY_SECRET} and another` }).catch(
    String,
  );
  expect(refused).toContain('LEDGER_KEY_SECRET');

  const written = new Map([
    ['stdout', running.stdout()],
    ['stderr', running.stderr()],
    ['a start that is refused', String(refused)],
    ['the configuration', (await ledger('config')).stdout],
    ['the log of events', await everyEvent()],
  ]);
  expect(running.stderr()).toContain('"msg":"command answered"'); // it was talkative
  expect([...secrets].filter(([, secret]) => secret.length < 5)).toEqual([]);
  const leaks = [...written].flatMap(([where, text]) =>
    [...secrets].flatMap(([what, secret]) =>
      [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)].some((form) => text.includes(form))
        ? `${what} is in ${where}`
        : [],
    ),
  );
  expect(leaks).toEqual([]);
});

async function everyEvent(): Promise<string> {
  const store = connectEventStore(stores.environment.EVENTSTORE_URL);
  const events: unknown[] = [];
  const subscription = store.subscribe({
    after: undefined,
    batchSize: 1000,
    batchMs: 0,
    onBatch: async (batch) => void events.push(...batch),
    onUnreadable: async () => undefined,
  });
  const head = await store.streams.head();
  await expect.poll(() => events.length).toBeGreaterThan(0);
  await expect.poll(() => JSON.stringify(events.at(-1), bigintAsText)).toContain(`"position":"${head?.position}"`);
  await subscription.stop();
  await store.close();
  return JSON.stringify(events, bigintAsText);
}

const bigintAsText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
