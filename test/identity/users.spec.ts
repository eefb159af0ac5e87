import { hash, parseOptions, verify } from '@node-rs/argon2';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { makePasswords } from '../../src/identity/passwords.ts';
import { makeRefreshTokens } from '../../src/identity/refresh-tokens.ts';
import { identityTables } from '../../src/identity/tables.ts';
import type { Users } from '../../src/identity/users.ts';
import { makeUsers, PasswordSchema, UserNameSchema } from '../../src/identity/users.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Database, openDatabase } from '../../src/postgres/pool.ts';
import { startPostgres, type TestDatabase } from '../stack/postgres.ts';

vi.mock('@node-rs/argon2', { spy: true });

let server: TestDatabase;
let database: Database;
let users: Users;
beforeAll(async () => {
  server = await startPostgres();
  database = openDatabase(server.url);
  await migrate(database.db, 'identity');
  users = makeUsers(database.db);
});
afterAll(async () => {
  await database.close();
  await server.close();
});
beforeEach(() => {
  vi.mocked(hash).mockClear();
  vi.mocked(verify).mockClear();
});

const password = 'correct horse battery staple';
let names = 0;
const newName = (): string => `User-${++names}`;
const registered = async (name: string) => {
  const registration = await users.register({ name, password });
  if (registration.kind !== 'registered') throw new Error(`${name} is ${registration.kind}`);
  return registration.user;
};
const hashOf = async (userId: string): Promise<string> =>
  (await identityTables(database.db).selectFrom('users').select('password_hash').where('user_id', '=', userId).executeTakeFirstOrThrow())
    .password_hash;

describe('a user', () => {
  it('logs in with the name, in whichever case, and the password', async () => {
    const name = newName();
    const user = await registered(name);
    expect(user).toEqual({ name, userId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    for (const typed of [name, name.toUpperCase(), name.toLowerCase()])
      expect(await users.logIn({ name: typed, password })).toEqual({ kind: 'user', user });
    expect(await users.findByName(name.toUpperCase())).toEqual(user);
    expect(await users.find(user.userId)).toEqual(user);
  });

  it('has a name that nobody else can have, in whichever case; asking after it costs no hash', async () => {
    const name = newName();
    await registered(name);
    vi.mocked(hash).mockClear();
    expect(await users.register({ name: name.toUpperCase(), password: 'another password' })).toEqual({ kind: 'taken' });
    expect(hash).not.toHaveBeenCalled();
  });

  it('is one, however many register the name at once', async () => {
    const name = newName();
    const all = await Promise.all(Array.from({ length: 30 }, (_, index) => users.register({ name, password: `${password} ${index}` })));
    expect(all.filter(({ kind }) => kind === 'registered')).toHaveLength(1);
    expect(all.filter(({ kind }) => kind === 'taken')).toHaveLength(29);
    const winner = all.findIndex(({ kind }) => kind === 'registered');
    expect((await users.logIn({ name, password: `${password} ${winner}` })).kind).toBe('user');
  });

  it('that is not there is refused as one with another password is, after the same work', async () => {
    const { name } = await registered(newName());
    const workOf = async (attempt: { name: string; password: string }) => {
      vi.mocked(hash).mockClear();
      vi.mocked(verify).mockClear();
      const answer = await users.logIn(attempt);
      const checks = vi.mocked(verify).mock.calls.map(([against]) => parseOptions(against));
      return { answer, checks, hashes: vi.mocked(hash).mock.calls.length };
    };
    const wrong = await workOf({ name, password: 'a wrong password' });
    expect(wrong).toMatchObject({ answer: { kind: 'refused' }, hashes: 0 });
    expect(wrong.checks).toHaveLength(1);
    expect(await workOf({ name: newName(), password: 'a wrong password' })).toEqual(wrong);
  });

  it('gets a new hash at a log-in where the old one was made with other parameters', async () => {
    const { userId, name } = await registered(newName());
    const old = await hash(password, { memoryCost: 8_192, timeCost: 1, parallelism: 1 });
    await identityTables(database.db).updateTable('users').set({ password_hash: old }).where('user_id', '=', userId).execute();
    expect((await users.logIn({ name, password: 'a wrong password' })).kind).toBe('refused');
    expect(await hashOf(userId)).toBe(old);
    expect((await users.logIn({ name, password })).kind).toBe('user');
    expect(await hashOf(userId)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect((await users.logIn({ name, password })).kind).toBe('user');
  });

  it('that was erased is gone, with every session; the name is free', async () => {
    const { userId, name } = await registered(newName());
    const refreshTokens = makeRefreshTokens(database.db);
    const token = await refreshTokens.begin(userId);
    expect(await users.erase(userId)).toBe(true);
    expect(await users.erase(userId)).toBe(false);
    expect(await users.findByName(name)).toBeUndefined();
    expect(await users.logIn({ name, password })).toEqual({ kind: 'refused' });
    expect(await refreshTokens.rotate(token)).toEqual({ kind: 'refused' });
    expect((await registered(name)).userId).not.toBe(userId);
  });

  it('is turned away where too many passwords are being looked at', async () => {
    const none = makeUsers(database.db, makePasswords({ atOnce: 0, waiting: 0 }));
    const { name } = await registered(newName());
    expect(await none.logIn({ name, password })).toEqual({ kind: 'overloaded' });
    expect(await none.register({ name: newName(), password })).toEqual({ kind: 'overloaded' });
  });
});

it.each([
  ['abc', true],
  ['a'.repeat(64), true],
  ['A.b_c-9', true],
  ['ab', false],
  ['a'.repeat(65), false],
  ['with space', false],
  ['ünï', false],
  ['abc\n', false],
  ['', false],
])('the name %j is one: %s', (name, isOne) => expect(UserNameSchema.safeParse(name).success).toBe(isOne));

it.each([
  ['12345678', true],
  ['1234567', false],
  ['x'.repeat(128), true],
  ['x'.repeat(129), false],
  // Eight characters, though sixteen halves of some.
  ['🐎'.repeat(8), true],
  ['🐎'.repeat(7), false],
  ['🐎'.repeat(128), true],
  ['half of one \ud83d', false],
])('the password %j can be one: %s', (text, isOne) => expect(PasswordSchema.safeParse(text).success).toBe(isOne));
