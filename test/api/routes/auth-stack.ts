// An API that is logged in to as in production: with tokens, cookies and first accounts.
import { v5 as uuidv5 } from 'uuid';
import { expect } from 'vitest';
import { waitFor } from '../../stack/waiting.ts';
import type { Answer, TestApi, TestApiOptions } from '../api-stack.ts';
import { startTestApi } from '../api-stack.ts';

export const PASSWORD = 'correct horse battery staple';

export const startAuthApi = (options: TestApiOptions = {}): Promise<TestApi> => startTestApi({ authentication: 'tokens', ...options });

let names = 0;
/** A name that nobody else of this file has. */
export const newName = (): string => `alice-${++names}`;

/** The account that a user has from the beginning, as clients can compute it. */
export const firstAccountOf = (userId: string): string => uuidv5('first-account', userId);

/** The refresh token that an answer sets; '' where it has the browser forget it. Fails the test where the cookie is not as it must be. */
export function refreshTokenOf({ headers }: Answer): string {
  const cookies: readonly string[] = [headers['set-cookie'] ?? []].flat();
  expect(cookies).toHaveLength(1);
  const [, token = '', attributes = ''] = /^refresh_token=([^;]*); (.*)$/.exec(cookies[0] ?? '') ?? [];
  expect(attributes.split('; ').sort()).toEqual([
    'HttpOnly',
    `Max-Age=${token === '' ? 0 : 2_592_000}`,
    'Path=/v1/auth',
    'SameSite=Strict',
  ]);
  return token;
}

export const withCookie = (token: string) => ({ cookie: `other=1; refresh_token=${token}` });
export const bearer = (accessToken: string) => ({ authorization: `Bearer ${accessToken}` });

/** What /v1/me says once the first account is found: at once, unless this machine is busy for longer than a request waits. */
export const meWithAccount = (api: TestApi, accessToken: string): Promise<Answer> =>
  waitFor(
    async () => {
      const me = await api.get('/v1/me', bearer(accessToken));
      expect(me.body.accounts, me.text).not.toEqual([]);
      return me;
    },
    { intervalMs: 50 },
  );

export interface LoggedIn {
  readonly name: string;
  readonly userId: string;
  readonly accountId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** A user who has just registered. */
export async function registered(api: TestApi, name = newName()): Promise<LoggedIn> {
  const answer = await api.send('POST', '/v1/auth/register', { body: { name, password: PASSWORD } });
  expect(answer.status, answer.text).toBe(201);
  return { name, ...answer.body, refreshToken: refreshTokenOf(answer) };
}
