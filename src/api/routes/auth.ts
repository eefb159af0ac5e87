// Logging in: registering, log-in, refreshing, logging out.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { assertNever } from '../../domain/assert-never.ts';
import { rejection } from '../../domain/rejections.ts';
import { principalFrom } from '../../identity/principal.ts';
import { ACCESS_TOKEN_S } from '../../identity/signing-keys.ts';
import type { User } from '../../identity/users.ts';
import { PasswordSchema, UserNameSchema } from '../../identity/users.ts';
import type { AuthAnswer, AuthQuestion, AuthRefusal } from '../auth-route.ts';
import { authRoute } from '../auth-route.ts';
import { Session } from '../contract.ts';
import { ACCESS_TOKEN, USER_ID } from '../examples.ts';
import { firstAccountIdOf } from '../first-accounts.ts';
import { rateLimited } from '../problems.ts';
import { refreshTokenIn } from '../refresh-cookie.ts';
import type { SecurityRequirement } from '../route.ts';

const Credentials = z.strictObject({ name: UserNameSchema, password: PasswordSchema }).meta({ id: 'Credentials' });
const CREDENTIALS = { name: 'alice', password: 'correct horse battery staple' };
const SESSION: z.input<typeof Session> = {
  accessToken: ACCESS_TOKEN,
  tokenType: 'Bearer',
  expiresIn: ACCESS_TOKEN_S,
  userId: USER_ID,
  accountId: firstAccountIdOf(USER_ID),
};
const BY_COOKIE: SecurityRequirement = 'refreshCookie';

const OVERLOADED: AuthRefusal = { refused: rejection('overloaded', 'Too many passwords are being looked at; nothing was done.') };

/** What a user gets who is in: an access token, and the token of the session to come back with. */
async function sessionOf<Body>(
  { request, auth, builtIn }: AuthQuestion<Body>,
  { userId, name }: User,
  refreshToken: string,
): Promise<AuthAnswer> {
  await auth.firstAccounts.openSoon(principalFrom(auth.issuer, userId, 'user', name), request);
  const { accessToken, expiresIn } = await builtIn.tokens.issue({ subject: userId, role: 'user', name });
  const body: z.output<typeof Session> = { accessToken, tokenType: 'Bearer', expiresIn, userId, accountId: firstAccountIdOf(userId) };
  return { body, userId, cookie: { token: refreshToken } };
}

export const register = authRoute({
  path: '/v1/auth/register',
  operationId: 'register',
  summary: 'Register, and be logged in',
  description:
    'Opens your first account, too, whose id follows from yours: `accountId` is right also where the account could not be opened yet; your first request then opens it. Names that differ only in capitals are the same.',
  body: Credentials,
  status: 201,
  answer: Session,
  problems: ['already_exists', 'overloaded'],
  whenItFails: rejection('outcome_unknown', 'You may or may not be registered: log in to learn which.'),
  example: { body: CREDENTIALS, answer: SESSION },
  // Guessing is not what this can be used for, and asking after names is bounded by the limit on requests from one address.
  async answerTo(question) {
    const { body, builtIn } = question;
    const registration = await builtIn.users.register(body);
    switch (registration.kind) {
      case 'registered':
        return sessionOf(question, registration.user, await builtIn.refreshTokens.begin(registration.user.userId));
      case 'taken':
        return { refused: rejection('already_exists', `The name ${body.name} is taken.`) };
      case 'overloaded':
        return OVERLOADED;
      default:
        return assertNever(registration);
    }
  },
});

export const logIn = authRoute({
  path: '/v1/auth/login',
  operationId: 'logIn',
  summary: 'Log in',
  description:
    'Too many attempts for one name or from one address have to wait. An unknown name and a wrong password are answered alike, and after the same work.',
  body: Credentials,
  status: 200,
  answer: Session,
  problems: ['unauthenticated', 'rate_limited', 'overloaded'],
  whenItFails: rejection('store_unavailable', 'The database cannot be used; you are not logged in.'),
  example: { body: CREDENTIALS, answer: SESSION },
  async answerTo(question) {
    const { body, request, builtIn } = question;
    const attempt = { name: body.name, address: request.ip };
    const waitS = await builtIn.guard.waitS(attempt);
    if (waitS !== undefined) return { refused: rateLimited('Too many log-ins that failed.', waitS) };
    const answer = await builtIn.users.logIn(body);
    switch (answer.kind) {
      case 'user':
        await builtIn.guard.succeeded(attempt);
        return sessionOf(question, answer.user, await builtIn.refreshTokens.begin(answer.user.userId));
      case 'refused':
        await builtIn.guard.failed(attempt);
        return { refused: rejection('unauthenticated', 'No user has that name and that password.') };
      case 'overloaded':
        await builtIn.guard.untried(attempt);
        return OVERLOADED;
      default:
        return assertNever(answer);
    }
  },
});

/** One answer for every reason: whoever holds a token that is none learns nothing about it. */
const NOT_REFRESHED: AuthRefusal = {
  refused: rejection('unauthenticated', 'There is no session that this cookie could go on with. Log in.'),
  cookie: 'none',
};

export const refresh = authRoute({
  path: '/v1/auth/refresh',
  operationId: 'refresh',
  summary: 'Get a new access token, and the next refresh token',
  description:
    'By the cookie alone. A refresh token works once: whoever uses one a second time ends the session, also where both come at the same time. So one refresh at a time, please. Without a use, a session ends after 30 days.',
  security: [BY_COOKIE],
  status: 200,
  answer: Session,
  problems: ['unauthenticated'],
  whenItFails: rejection('outcome_unknown', 'The refresh token may or may not be used up. Log in where another refresh is refused.'),
  example: { answer: SESSION },
  async answerTo(question) {
    const { request, builtIn } = question;
    const token = refreshTokenIn(request);
    const rotation = await rotated(token, question);
    if (rotation === undefined) return NOT_REFRESHED;
    const user = await builtIn.users.find(rotation.userId);
    return user ? sessionOf(question, user, rotation.token) : NOT_REFRESHED;
  },
});

async function rotated(
  token: string | undefined,
  { request, builtIn }: { request: FastifyRequest } & Pick<AuthQuestion<unknown>, 'builtIn'>,
) {
  if (token === undefined) return undefined;
  const rotation = await builtIn.refreshTokens.rotate(token);
  if (rotation.kind === 'reused') request.log.warn({ userId: rotation.userId }, 'a refresh token was used twice: its session has ended');
  return rotation.kind === 'rotated' ? rotation : undefined;
}

export const logOut = authRoute({
  path: '/v1/auth/logout',
  operationId: 'logOut',
  summary: 'Log out',
  description:
    'Ends the session of the cookie, if there is one, and has the browser forget it. Access tokens that were given out are good until they expire, for a quarter of an hour at most.',
  security: [BY_COOKIE, 'none'],
  status: 204,
  problems: [],
  // The cookie stays, so that it can be tried again.
  whenItFails: rejection('store_unavailable', 'The database cannot be used; you are still logged in.'),
  example: {},
  async answerTo({ request, builtIn }) {
    const token = refreshTokenIn(request);
    if (token !== undefined) await builtIn.refreshTokens.end(token);
    return { cookie: 'none' };
  },
});
