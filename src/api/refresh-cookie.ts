// The cookie with the refresh token (RFC 6265bis).
//
// Other sites: SameSite=Strict keeps browsers from sending it with a request that another site has caused, so nobody can have a
// stranger's session refreshed or ended, and the answer could be read by no origin that is not allowed (CORS). The cookie opens
// nothing else: every other route asks for the access token, which browsers never send by themselves. So there is no CSRF token.
import { parseCookie, stringifySetCookie } from 'cookie';
import type { FastifyRequest } from 'fastify';
import { REFRESH_TOKEN_S } from '../identity/refresh-tokens.ts';

export const REFRESH_COOKIE = 'refresh_token';

export interface CookieSettings {
  /** Whether it is sent over TLS only. */
  readonly secure: boolean;
}

/** The value of Set-Cookie that keeps the token, or with none makes the browser forget it. */
export const setRefreshCookie = (token: string | undefined, { secure }: CookieSettings): string =>
  stringifySetCookie({
    name: REFRESH_COOKIE,
    value: token ?? '',
    // What runs in a page cannot read it.
    httpOnly: true,
    sameSite: 'strict',
    secure,
    // It goes to the routes that use it, and nowhere else.
    path: '/v1/auth',
    maxAge: token === undefined ? 0 : REFRESH_TOKEN_S,
  });

/** The refresh token that a request brings. */
export function refreshTokenIn({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const token = parseCookie(headers.cookie ?? '')[REFRESH_COOKIE];
  return token === '' ? undefined : token;
}
