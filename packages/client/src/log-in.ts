// Credentials to access tokens, by the ledger's own issuer: users by name and password, machines by client credentials.
import type { Grant } from './access.ts';
import { givenAccess } from './access.ts';
import { pathOf } from './command-routes.ts';
import type { LoggedIn } from './contract.ts';
import type { Http, HttpAnswer, HttpOptions } from './http.ts';
import { makeHttp } from './http.ts';
import { LedgerProblem, SessionEnded } from './problem.ts';
import type { Deadline } from './retries.ts';
import { AttemptFailed, deadlineIn, withRetries } from './retries.ts';

/** A user's. */
export interface UserCredentials {
  readonly name: string;
  readonly password: string;
}
/** A machine's, as `ledger clients create` prints them. */
export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}
export type Credentials = UserCredentials | ClientCredentials;

/** Whom a user's tokens are for. */
export interface LoggedInUser {
  readonly userId: string;
  /** Their first account. */
  readonly accountId: string;
}

/** A user's log-in. The refresh token is with it and nowhere else. */
export interface UserLogIn {
  /** Makes the user, and logs them in. @throws LedgerProblem: `already_exists` where the name is taken. */
  register(deadline: Deadline): Promise<LoggedInUser & Grant>;
  logIn(deadline: Deadline): Promise<LoggedInUser & Grant>;
  /** A new token: by the refresh token, which costs the ledger little; else by the password. One attempt. */
  renew(): Promise<Grant>;
  /** Ends it, here and at the ledger. Again: nothing. */
  logOut(deadline: Deadline): Promise<void>;
}

/** How the ledger is reached, whoever asks. */
export type Connection = Omit<HttpOptions, 'access'> & {
  /** How long a call tries before it gives up, in milliseconds. */
  readonly deadlineMs: number;
};

const COOKIE = 'refresh_token';
const anonymous = (connection: Connection): Http => makeHttp({ ...connection, access: givenAccess(undefined) });

export function makeUserLogIn(connection: Connection, { name, password }: UserCredentials): UserLogIn {
  const http = anonymous(connection);
  let refreshToken: string | undefined;
  let isLoggedOut = false;

  function taken({ headers, body }: HttpAnswer): LoggedInUser & Grant {
    refreshToken = refreshTokenIn(headers) ?? refreshToken;
    const { accessToken, expiresIn, userId, accountId } = body as LoggedIn; // the contract's answer
    return { accessToken, expiresInS: expiresIn, userId, accountId };
  }
  const byPassword = (route: 'login' | 'register', deadline: Deadline): Promise<HttpAnswer> =>
    http.attempt({ method: 'POST', path: pathOf('auth', route), body: { name, password } }, deadline);
  const withCookie = (route: 'refresh' | 'logout', token: string, deadline: Deadline): Promise<HttpAnswer> =>
    http.attempt({ method: 'POST', path: pathOf('auth', route), headers: { cookie: `${COOKIE}=${token}` } }, deadline);

  /** The answer to a refresh; undefined where the refresh token is of no use any more. */
  async function refreshed(deadline: Deadline): Promise<HttpAnswer | undefined> {
    const token = refreshToken;
    if (token === undefined) return undefined;
    // It works once, and a second use ends the log-in: it is not sent again where it may have been taken.
    refreshToken = undefined;
    try {
      return await withCookie('refresh', token, deadline);
    } catch (error) {
      if (!wasNotDone(error)) return undefined;
      refreshToken = token;
      throw error;
    }
  }

  async function ended(deadline: Deadline): Promise<void> {
    const token = refreshToken;
    refreshToken = undefined;
    if (token !== undefined) await withRetries(() => withCookie('logout', token, deadline), deadline);
  }

  return {
    async register(deadline) {
      let mayBeThere = false;
      const answer = await withRetries(async () => {
        try {
          return await byPassword('register', deadline);
        } catch (error) {
          // Registering has no key: where an answer was lost, the name may be taken by this very call, and then the password is right.
          if (mayBeThere && error instanceof LedgerProblem && error.code === 'already_exists')
            return await byPassword('login', deadline).catch((refusal: unknown) => {
              throw refusal instanceof LedgerProblem ? error : refusal;
            });
          mayBeThere ||= error instanceof AttemptFailed && !wasNotDone(error);
          throw error;
        }
      }, deadline);
      return taken(answer);
    },
    logIn: async (deadline) => taken(await withRetries(() => byPassword('login', deadline), deadline)),
    async renew() {
      if (isLoggedOut) throw new SessionEnded();
      const deadline = deadlineIn(connection.attemptTimeoutMs);
      const grant = taken((await refreshed(deadline)) ?? (await byPassword('login', deadline)));
      if (!isLoggedOut) return grant;
      await ended(deadline);
      throw new SessionEnded();
    },
    logOut(deadline) {
      isLoggedOut = true;
      return ended(deadline);
    },
  };
}

/** Tokens of a machine: a function that has a new one. One attempt. */
export function clientGrants(connection: Connection, { clientId, clientSecret }: ClientCredentials): () => Promise<Grant> {
  const http = anonymous(connection);
  return async () => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret });
    const answer = await http.attempt({ method: 'POST', path: pathOf('auth', 'token'), body }, deadlineIn(connection.attemptTimeoutMs));
    const grant = answer.body as { readonly access_token: string; readonly expires_in: number }; // RFC 6749, 5.1
    return { accessToken: grant.access_token, expiresInS: grant.expires_in };
  };
}

/** Whether the ledger itself said that nothing was done, so that the same may be sent again. */
const wasNotDone = (error: unknown): boolean =>
  error instanceof AttemptFailed && error.cause instanceof LedgerProblem && error.cause.code !== 'outcome_unknown';

function refreshTokenIn(headers: HttpAnswer['headers']): string | undefined {
  for (const cookie of headers.getSetCookie()) {
    const [pair = ''] = cookie.split(';');
    if (pair.startsWith(`${COOKIE}=`)) return pair.slice(COOKIE.length + 1).trim();
  }
  return undefined;
}
