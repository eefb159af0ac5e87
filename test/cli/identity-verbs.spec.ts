// The verbs about users, machines and keys, as an operator runs them, against a ledger that goes on running.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { principalUuidOf } from '../../src/domain/ids.ts';
import { makeClients } from '../../src/identity/clients.ts';
import { makeUsers, type User, type Users } from '../../src/identity/users.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Database, openDatabase } from '../../src/postgres/pool.ts';
import { type LedgerProcess, spawnLedger } from '../stack/ledger-process.ts';
import { startStores, type TestStores } from '../stack/stores.ts';
import { startTokens } from '../stack/tokens.ts';
import { runVerb } from './run-verb.ts';

let stores: TestStores;
let dataDir: string;
let database: Database;
let users: Users;
beforeAll(async () => {
  stores = await startStores();
  dataDir = await mkdtemp(join(tmpdir(), 'ledger-test-'));
  database = openDatabase(stores.database.url, { maxConnections: 3 });
  await migrate(database.db, 'identity');
  users = makeUsers(database.db);
  await makeClients(database.db).create('taken', 'producer');
  // The first that issues one makes the key.
  await startTokens('', stores.database.url, stores.environment);
});
afterAll(async () => {
  await database?.close();
  await stores?.close();
  await rm(dataDir, { recursive: true, force: true });
});

const ledger = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  runVerb(args, { LEDGER_DATA_DIR: dataDir, ...stores.environment, ...environment });
const json = async (...args: readonly string[]): Promise<unknown> => {
  const { code, stdout, stderr } = await ledger([...args, '--json']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};

async function registered(name: string): Promise<User> {
  const registration = await users.register({ name, password: 'correct horse battery staple' });
  if (registration.kind !== 'registered') throw new Error(`${name} was not registered`);
  return registration.user;
}

test('ledger clients makes, lists and revokes; the secret is shown once, and an id never given twice', async () => {
  const clients = makeClients(database.db);
  const made = await ledger(['clients', 'create', 'venue-1', '--role', 'producer']);
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('this once') });
  const [, secret = ''] = /^venue-1 {2}([A-Za-z0-9_-]{43})\n$/.exec(made.stdout) ?? [];
  expect(await clients.authenticate('venue-1', secret)).toEqual({ clientId: 'venue-1', role: 'producer' });

  const Created = z.strictObject({ clientId: z.literal('books'), clientSecret: z.string(), role: z.literal('auditor') });
  const books = Created.parse(await json('clients', 'create', 'books', '--role', 'auditor'));
  expect(await clients.authenticate('books', books.clientSecret)).toMatchObject({ role: 'auditor' });

  expect(await ledger(['clients', 'revoke', 'venue-1'])).toMatchObject({ code: 0, stdout: 'venue-1  revoked\n' });
  expect(await clients.authenticate('venue-1', secret)).toBeUndefined();

  const listed = await ledger(['clients', 'list']);
  expect(listed.stdout).toMatch(
    /^books {2}auditor {2}created \S+\ntaken {2}producer {2}created \S+\nvenue-1 {2}producer {2}created \S+ {2}revoked \S+\n$/,
  );
  expect(await json('clients', 'list')).toEqual({ clients: await clients.list() });
});

test('ledger users erase forgets a person by name or id, and says what stays', async () => {
  const [alice, bob] = [await registered('Alice.A'), await registered('bob')];
  // Whoever is called like the id of another is not the other.
  const impostor = await registered(bob.userId);

  const unsure = await ledger(['users', 'erase', 'alice.a']);
  expect(unsure).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(new RegExp(`Alice.A.*${alice.userId}.*--yes`)) });
  expect(await users.find(alice.userId)).toEqual(alice);

  const erased = await ledger(['users', 'erase', 'alice.a', '--yes']);
  expect(erased).toMatchObject({ code: 0, stdout: `${alice.userId}  erased\n`, stderr: expect.stringMatching(/stays: the accounts/) });
  expect(await users.find(alice.userId)).toBeUndefined();

  expect(await json('users', 'erase', bob.userId.toUpperCase(), '--yes')).toEqual({ erased: bob.userId });
  expect(await users.find(bob.userId)).toBeUndefined();
  expect(await users.find(impostor.userId)).toEqual(impostor);
});

test('ledger token is for a user by name or id, for others by any name, and prints the token alone', async () => {
  const carol = await registered('Carol');
  const claimsFor = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await ledger(['token', ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    return decodeJwt(stdout);
  };
  const named = { sub: carol.userId, role: 'user', preferred_username: 'Carol' };
  expect(await claimsFor('--role', 'user', '--user', 'carol')).toMatchObject(named);
  expect(await claimsFor('--role', 'user', '--user', carol.userId.toUpperCase())).toMatchObject(named);
  const stranger = randomUUID();
  expect(await claimsFor('--role', 'user', '--user', stranger)).toMatchObject({ sub: stranger, role: 'user' });
  expect(await claimsFor('--role', 'operator', '--user', 'olivia')).toMatchObject({ sub: 'olivia', role: 'operator' });
  expect(await json('token', '--role', 'auditor')).toMatchObject({ tokenType: 'Bearer', expiresIn: 900 });
});

describe('wrong use ends with 2 and the reason', () => {
  const external = { JWKS_URL: 'https://id.example.com/jwks', JWT_ISSUER: 'https://id.example.com', JWT_AUDIENCE: 'ledger' };
  test.each<[readonly string[], Readonly<Record<string, string>>, RegExp]>([
    [['token', '--role', 'user', '--user', 'nobody'], {}, /no user nobody/],
    [['token', '--role', 'admin'], {}, /Allowed choices/],
    [['token', '--role', 'operator'], external, /another issuer/],
    [['token', '--role', 'operator'], { LEDGER_KEY_SECRET: 'x'.repeat(32) }, /LEDGER_KEY_SECRET.*another key secret/],
    [['users', 'erase', 'nobody', '--yes'], {}, /no user nobody/],
    [['users', 'erase', randomUUID(), '--yes'], {}, /no user/],
    [['clients', 'create', 'a b', '--role', 'producer'], {}, /1 to 64 of letters/],
    [['clients', 'create', randomUUID(), '--role', 'producer'], {}, /no UUID/],
    [['clients', 'create', 'taken', '--role', 'producer'], {}, /never given twice/],
    [['clients', 'revoke', 'nobody'], {}, /no client nobody/],
    [['keys', 'rotate'], external, /another issuer/],
    [['keys', 'rotate', '--revoke-others'], { LEDGER_KEY_SECRET: 'x'.repeat(32) }, /--new-secret/],
  ])('ledger %j %j', async (args, environment, why) => {
    const { code, stdout, stderr } = await ledger(args, environment);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(why);
  });
});

describe('ledger keys, beside a ledger that runs', () => {
  const Key = z.object({ kid: z.string(), state: z.enum(['coming', 'signing', 'verifying']), signsFrom: z.string() });
  let running: LedgerProcess;
  beforeAll(async () => {
    running = await spawnLedger(stores.environment);
  });
  afterAll(() => running?.close());

  const statusFor = async (token: string): Promise<number> =>
    (await fetch(`${running.apiUrl}/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status;
  /** As `ledger token` issues it: with the key that signs by now. */
  const issuedNow = async (): Promise<string> =>
    (await startTokens('', stores.database.url, stores.environment)).token('operator', 'olivia');
  const jwks = async (): Promise<{ readonly kids: readonly unknown[]; readonly cacheControl: string | null }> => {
    const answer = await fetch(`${running.apiUrl}/.well-known/jwks.json`);
    const { keys } = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) }).parse(await answer.json());
    return { kids: keys.map(({ kid }) => kid), cacheControl: answer.headers.get('cache-control') };
  };

  test('the key changes without a restart, and without a token being refused', async () => {
    const before = await issuedNow();
    const me = await fetch(`${running.apiUrl}/v1/me`, { headers: { authorization: `Bearer ${before}` } });
    expect(await me.json()).toMatchObject({ userId: principalUuidOf('ledgerfold', 'olivia'), name: 'olivia' });

    const coming = Key.parse(await json('keys', 'rotate'));
    expect(coming.state).toBe('coming');
    expect(new Date(coming.signsFrom).getTime() - Date.now()).toBeGreaterThan(200_000);
    expect(decodeProtectedHeader(await issuedNow())['kid']).not.toBe(coming.kid);

    const newest = Key.parse(await json('keys', 'rotate', '--now'));
    expect(newest.state).toBe('signing');
    const after = await issuedNow();
    expect(decodeProtectedHeader(after)['kid']).toBe(newest.kid);
    await vi.waitFor(async () => expect(await statusFor(after)).toBe(200), { timeout: 30_000 });
    expect(await statusFor(before)).toBe(200);

    const { kids, cacheControl } = await jwks();
    expect(kids).toHaveLength(3);
    expect(kids).toEqual(expect.arrayContaining([coming.kid, newest.kid, decodeProtectedHeader(before)['kid']]));
    // Whoever keeps the set for so long has seen a key before it signs.
    expect(cacheControl).toBe('public, max-age=240');
    const listed = z.object({ keys: z.array(Key) }).parse(await json('keys', 'list'));
    expect(listed.keys.map(({ state }) => state)).toEqual(['signing', 'coming', 'verifying']);

    const only = await ledger(['keys', 'rotate', '--revoke-others']);
    expect(only.stdout).toMatch(/^[\w-]{43} {2}signing {2}signs from \S+\n$/);
    expect((await ledger(['keys', 'list'])).stdout).toBe(only.stdout);
    const last = await issuedNow();
    await vi.waitFor(async () => expect(await statusFor(last)).toBe(200), { timeout: 30_000 });
    for (const token of [before, after]) expect(await statusFor(token)).toBe(401);
  });
});

test('a ledger with another key secret does not start, and says why', async () => {
  const environment = { LEDGER_KEY_SECRET: 'another secret than that of the keys' };
  const { code, stderr } = await ledger(['start'], { PORT: '0', ...environment });
  expect(code).toBe(2);
  expect(stderr).toMatch(/LEDGER_KEY_SECRET must be that of every process on this database.*--new-secret/s);
});
