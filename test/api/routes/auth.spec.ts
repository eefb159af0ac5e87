import { verify } from '@node-rs/argon2';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { identityTables } from '../../../src/identity/tables.ts';
import type { Answer, TestApi } from '../api-stack.ts';
import { expectProblem } from '../api-stack.ts';
import {
  bearer,
  firstAccountOf,
  meWithAccount,
  newName,
  PASSWORD,
  refreshTokenOf,
  registered,
  startAuthApi,
  withCookie,
} from './auth-stack.ts';

// As it is, with its calls written down.
vi.mock('@node-rs/argon2', { spy: true });

let api: TestApi;
beforeAll(async () => {
  api = await startAuthApi();
});
afterAll(() => api.close());
beforeEach(() => {
  vi.mocked(verify).mockClear();
});

const post = (route: string, body?: object | string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  api.send('POST', `/v1/auth/${route}`, { body, headers });
const logIn = (name: string, password = PASSWORD): Promise<Answer> => post('login', { name, password });

const session = {
  accessToken: expect.any(String),
  tokenType: 'Bearer',
  expiresIn: 900,
  userId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  accountId: expect.stringMatching(/^[0-9a-f-]{36}$/),
};

describe('registering', () => {
  test('makes a user who is logged in and has an account', async () => {
    const name = newName();
    const answer = await post('register', { name, password: PASSWORD });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual(session);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(refreshTokenOf(answer)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const { userId, accountId, accessToken } = answer.body;
    expect(accountId).toBe(firstAccountOf(userId));
    expect(decodeProtectedHeader(accessToken)).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' });
    expect(decodeJwt(accessToken)).toMatchObject({ sub: userId, role: 'user', preferred_username: name });

    // The account is found at once, without waiting for a position.
    const me = await meWithAccount(api, accessToken);
    expect(me.body).toMatchObject({ userId, name, accounts: [{ accountId, ownerId: userId, status: 'open' }] });
    const events = await api.get(`/v1/accounts/${accountId}/events`, bearer(accessToken));
    expect(events.body.data).toMatchObject([{ type: 'account-opened', actor: userId, key: 'first-account', transport: 'rest' }]);
  });

  test('one name by many at once makes one user and one account, and tells the others that it is taken', async () => {
    const name = newName();
    const names = Array.from({ length: 50 }, (_, index) => (index % 2 ? name : name.toUpperCase()));
    const answers = await Promise.all(names.map((typed) => post('register', { name: typed, password: PASSWORD })));
    const winners = answers.filter(({ status }) => status === 201);
    expect(winners).toHaveLength(1);
    for (const answer of answers) if (answer !== winners[0]) expectProblem(answer, 409, 'already_exists');
    const { accessToken, accountId } = winners[0]?.body ?? {};
    const { body } = await meWithAccount(api, accessToken);
    expect(body.accounts.map((account: { accountId: string }) => account.accountId)).toEqual([accountId]);
    const users = await identityTables(api.stack.database.db).selectFrom('users').select('name').execute();
    expect(users.filter((user) => user.name.toLowerCase() === name)).toHaveLength(1);
  });

  test.each([
    [{ name: 'ab', password: PASSWORD }, '#/name'],
    [{ name: 'a b c', password: PASSWORD }, '#/name'],
    [{ name: 'a'.repeat(65), password: PASSWORD }, '#/name'],
    [{ name: 'abc', password: '1234567' }, '#/password'],
    [{ name: 'abc', password: 'x'.repeat(129) }, '#/password'],
    [{ name: 'abc', password: 12_345_678 }, '#/password'],
    [{ name: 'abc' }, '#/password'],
    [{ name: 'abc', password: PASSWORD, role: 'operator' }, '#/role'],
  ])('%j is malformed', async (body, pointer) => {
    const answer = await post('register', body);
    expectProblem(answer, 400, 'malformed_request', { errors: [{ pointer, detail: expect.any(String) }] });
    expect(answer.text).not.toContain(PASSWORD);
  });

  test('a key is not needed, and neither is a query taken', async () => {
    expectProblem(await post(`register?name=${newName()}`, { name: newName(), password: PASSWORD }), 400, 'malformed_request');
  });
});

describe('logging in', () => {
  test('gives a session of its own each time, to a user in whichever case', async () => {
    const { name, userId, accountId } = await registered(api);
    const first = await logIn(name);
    const second = await logIn(name.toUpperCase());
    for (const answer of [first, second]) {
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ ...session, userId, accountId });
      expect(answer.headers['cache-control']).toBe('no-store');
    }
    expect(refreshTokenOf(first)).not.toBe(refreshTokenOf(second));
    const me = await api.get('/v1/me', bearer(second.body.accessToken));
    expect(me.body).toMatchObject({ userId, name });
  });

  test('is refused in the same words, headers and work whether the name or the password is wrong', async () => {
    const { name } = await registered(api);
    const told = async (typed: string) => {
      vi.mocked(verify).mockClear();
      const { status, headers, body } = await logIn(typed, 'a wrong password');
      const { 'x-request-id': _id, date: _date, ...rest } = headers;
      const { instance: _instance, ...problem } = body;
      return { status, headers: rest, problem, checks: vi.mocked(verify).mock.calls.length };
    };
    const wrongPassword = await told(name);
    expect(wrongPassword).toMatchObject({ status: 401, problem: { code: 'unauthenticated' }, checks: 1 });
    expect(wrongPassword.headers).toMatchObject({ 'www-authenticate': 'Bearer', 'cache-control': 'no-store' });
    expect(wrongPassword.headers).not.toHaveProperty('set-cookie');
    expect(await told(newName())).toEqual(wrongPassword);
  });

  test('too many wrong passwords have to wait; so does the right one then, and no password is looked at', async () => {
    const { name } = await registered(api);
    const answers: Answer[] = [];
    while (answers.length < 30 && answers.at(-1)?.status !== 429) answers.push(await logIn(name, 'a wrong password'));
    expect(answers.at(-1)?.status).toBe(429);
    vi.mocked(verify).mockClear();
    const right = await logIn(name);
    expectProblem(right, 429, 'rate_limited', { retryable: true });
    expect(Number(right.headers['retry-after'])).toBeGreaterThan(0);
    expect(verify).not.toHaveBeenCalled();
    // A name that does not exist has to wait as well.
    const nobody = newName();
    const others: Answer[] = [];
    while (others.length < 30 && others.at(-1)?.status !== 429) others.push(await logIn(nobody, 'a wrong password'));
    expect(others).toHaveLength(answers.length);
  });
});

describe('a session', () => {
  const refresh = (token: string): Promise<Answer> => post('refresh', undefined, withCookie(token));
  const expectNoSession = (answer: Answer): void => {
    expectProblem(answer, 401, 'unauthenticated');
    expect(refreshTokenOf(answer)).toBe('');
  };

  test('goes on with the cookie alone: a new access token, and the next cookie', async () => {
    const { userId, accountId, refreshToken, name } = await registered(api);
    const answer = await refresh(refreshToken);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ ...session, userId, accountId });
    const next = refreshTokenOf(answer);
    expect(next).not.toBe(refreshToken);
    expect((await api.get('/v1/me', bearer(answer.body.accessToken))).body).toMatchObject({ userId, name });
    expect((await refresh(next)).status).toBe(200);
  });

  test('ends for everybody when a token is used twice', async () => {
    const { refreshToken, userId } = await registered(api);
    const next = refreshTokenOf(await refresh(refreshToken));
    expectNoSession(await refresh(refreshToken));
    expectNoSession(await refresh(next));
    const warned = api.logged.filter((line) => line.includes('used twice') && line.includes(userId));
    expect(warned).toHaveLength(1);
  });

  test('has one winner among many at once, and is over', async () => {
    const { refreshToken } = await registered(api);
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(refreshToken)));
    const [winner, ...others] = answers.toSorted((one, other) => one.status - other.status);
    expect(winner?.status).toBe(200);
    for (const answer of others) expectNoSession(answer);
    if (winner) expectNoSession(await refresh(refreshTokenOf(winner)));
  });

  test('ends with a log-out, which is always done and asks for nothing', async () => {
    const { refreshToken } = await registered(api);
    for (const headers of [withCookie(refreshToken), withCookie(refreshToken), withCookie('nobody'), {}]) {
      const answer = await post('logout', undefined, headers);
      expect(answer.status).toBe(204);
      expect(refreshTokenOf(answer)).toBe('');
    }
    expectNoSession(await refresh(refreshToken));
  });

  test('is none without a cookie, or with another', async () => {
    expectNoSession(await post('refresh'));
    expectNoSession(await post('refresh', {}, { cookie: 'refresh_token=' }));
    expectNoSession(await refresh('x'.repeat(43)));
    expectNoSession(await post('refresh', undefined, { cookie: 'Refresh_Token=x; =; refresh_token' }));
  });

  test('takes no body but an empty object', async () => {
    const { refreshToken } = await registered(api);
    expectProblem(await post('refresh', { refreshToken }, withCookie(refreshToken)), 400, 'malformed_request', {
      errors: [{ pointer: '#/refreshToken', detail: 'unknown field' }],
    });
    expect((await post('refresh', {}, withCookie(refreshToken))).status).toBe(200);
  });

  test('ends when its user is erased; what is left stands for nobody', async () => {
    const { refreshToken, userId } = await registered(api);
    expect(await api.identity.builtIn?.users.erase(userId)).toBe(true);
    expectNoSession(await refresh(refreshToken));
  });
});

test('where the database fails half-way, nothing is claimed that is not known, and nobody is stranded', async () => {
  const { name, refreshToken } = await registered(api);
  const newcomer = newName();
  const rename = (from: string, to: string) =>
    sql`ALTER TABLE ${sql.table(from)} RENAME TO ${sql.table(to)}`.execute(api.stack.database.db);
  await rename('refresh_families', 'out_of_reach');
  try {
    expectProblem(await logIn(name), 503, 'store_unavailable');
    expectProblem(await post('refresh', undefined, withCookie(refreshToken)), 503, 'outcome_unknown');
    // The identity is written by then.
    expectProblem(await post('register', { name: newcomer, password: PASSWORD }), 503, 'outcome_unknown');
    const notOut = await post('logout', undefined, withCookie(refreshToken));
    expectProblem(notOut, 503, 'store_unavailable');
    expect(notOut.headers).not.toHaveProperty('set-cookie');
  } finally {
    await rename('out_of_reach', 'refresh_families');
  }
  expect((await post('refresh', undefined, withCookie(refreshToken))).status).toBe(200);
  const { body } = await logIn(newcomer);
  expect((await meWithAccount(api, body.accessToken)).body.accounts).toMatchObject([{ accountId: firstAccountOf(body.userId) }]);
});

test('with cookies for TLS only, both ways of setting them say so', async () => {
  const secure = await startAuthApi({ secureCookies: true });
  try {
    const answer = await secure.send('POST', '/v1/auth/register', { body: { name: 'alice', password: PASSWORD } });
    expect(answer.headers['set-cookie']?.[0]).toMatch(/; Secure(;|$)/);
    expect((await secure.send('POST', '/v1/auth/logout')).headers['set-cookie']?.[0]).toMatch(/; Secure(;|$)/);
  } finally {
    await secure.close();
  }
});

test('nothing of what came in or went out is in the log, but who it was', async () => {
  const { name, userId, accessToken, refreshToken } = await registered(api);
  await logIn(name);
  await logIn(name, 'a wrong password');
  const log = api.logged.join('\n');
  for (const secret of [PASSWORD, 'a wrong password', accessToken, refreshToken, `"${name}"`]) expect(log).not.toContain(secret);
  expect(api.logged.some((line) => line.includes(userId) && line.includes('"operation":"register"'))).toBe(true);
});
