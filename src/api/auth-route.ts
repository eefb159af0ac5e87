// authRoute: a route by which people come in and go out. Whether there is anything to log in to here, cookies, what is logged and
// problems live here.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { BuiltInIssuer } from '../identity/identity.ts';
import type { FirstAccounts } from './first-accounts.ts';
import { jsonBodyOf } from './json-body.ts';
import type { ProblemCode, Refusal } from './problems.ts';
import { RefusedRequest, refusal, sendProblem } from './problems.ts';
import type { CookieSettings } from './refresh-cookie.ts';
import { setRefreshCookie } from './refresh-cookie.ts';
import { bodyRefusal } from './request-shape.ts';
import type { AnswerHeader, ApiRoute, DocumentedAnswer, SecurityRequirement } from './route.ts';

/** What logging in stands on. */
export interface Auth {
  /** As in the tokens' claim `iss`. */
  readonly issuer: string;
  /** Absent where another issuer's tokens are taken: there is nothing to log in to here. */
  readonly builtIn: BuiltInIssuer | undefined;
  readonly firstAccounts: FirstAccounts;
  readonly cookies: CookieSettings;
}

export interface AuthQuestion<Body> {
  readonly body: Body;
  readonly request: FastifyRequest;
  readonly auth: Auth;
  readonly builtIn: BuiltInIssuer;
}

export interface AuthAnswer {
  /** Absent: 204. */
  readonly body?: unknown;
  /** For the log. */
  readonly userId?: string;
  /** What the cookie is from now on; `none` makes the browser forget it, absent leaves it as it is. */
  readonly cookie?: { readonly token: string } | 'none';
}

/** A refusal, and whether the browser is to forget its cookie. */
export interface AuthRefusal {
  readonly refused: Refusal;
  readonly cookie?: 'none';
}

export interface AuthRoute<Body extends z.ZodObject> {
  /** As OpenAPI writes it. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  /** Absent: it takes none. */
  readonly body?: Body;
  readonly security?: readonly SecurityRequirement[];
  readonly status: 200 | 201 | 204;
  readonly answer?: z.ZodType;
  readonly problems: readonly ProblemCode[];
  /** What is said where the database, or we, fail half-way. */
  readonly whenItFails: Refusal;
  readonly example: { readonly body?: z.input<Body>; readonly answer?: unknown };
  readonly answerTo: (question: AuthQuestion<z.output<Body>>) => Promise<AuthAnswer | AuthRefusal>;
}

export const NoQuery = z.strictObject({});
const NoBody = z.strictObject({});

/** What any route under /v1/auth may be refused with. */
const ANY_AUTH: readonly ProblemCode[] = ['malformed_request', 'not_found', 'body_too_large', 'unsupported_media_type'];

/** Before anything is looked at: where another issuer's tokens are taken, nothing of this is there. */
export const refuseWithoutIssuer =
  ({ issuer, builtIn }: Auth) =>
  async (): Promise<void> => {
    if (builtIn) return;
    throw new RefusedRequest(refusal('not_found', `Access tokens for this ledger come from another issuer: log in at ${issuer}.`));
  };

/** The issuer, on a route that was refused without one. */
export function builtInOf({ builtIn }: Auth): BuiltInIssuer {
  if (builtIn) return builtIn;
  throw new Error('a route of the built-in issuer was reached without one');
}

/**
 * A route by which people come in and go out.
 *
 * Guarantees: no answer is cached; neither a password, a token nor a name is logged; the answer to an error of our own claims
 * nothing that is not known.
 */
export function authRoute<Body extends z.ZodObject>(spec: AuthRoute<Body>): ApiRoute {
  const { path, operationId, summary, description, body, security, status, answer, problems, whenItFails, example } = spec;
  const answered: DocumentedAnswer = {
    description: status === 204 ? 'Done.' : 'You are in.',
    ...(answer && { schema: answer, example: example.answer }),
    headers: ['Set-Cookie'] satisfies AnswerHeader[],
  };
  return {
    method: 'POST',
    path,
    query: NoQuery,
    ...(body && { body }),
    doc: {
      operationId,
      tag: 'auth',
      summary,
      description,
      ...(security && { security }),
      headers: [],
      ...(example.body !== undefined && { bodyExample: example.body }),
      bodyRequired: body !== undefined,
      answers: { [status]: answered },
      problems: [...ANY_AUTH, ...problems, whenItFails.code],
    },
    mount: ({ auth }) => ({
      onRequest: refuseWithoutIssuer(auth),
      preValidation: async (request) => {
        const sent = jsonBodyOf(request);
        if (!body && sent !== undefined) refuseBody(sent);
        request.body = sent;
      },
      handler: (request, reply) => handle(spec, auth, request, reply),
    }),
  };
}

/** An empty object is what some clients send for nothing. */
function refuseBody(sent: unknown): void {
  const parsed = NoBody.safeParse(sent);
  if (!parsed.success) throw new RefusedRequest(bodyRefusal(NoBody, sent, parsed.error.issues));
}

async function handle<Body extends z.ZodObject>(
  spec: AuthRoute<Body>,
  auth: Auth,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  // The shape was checked by fastify with this very schema.
  const body = request.body as z.output<Body>;
  const answer = await answerOrFailure(spec, { body, request, auth, builtIn: builtInOf(auth) });
  if (answer.cookie !== undefined)
    reply.header('Set-Cookie', setRefreshCookie(answer.cookie === 'none' ? undefined : answer.cookie.token, auth.cookies));
  const operation = spec.operationId;
  if ('refused' in answer) {
    request.log.info({ operation, outcome: answer.refused.code }, 'log-in refused');
    return sendProblem(reply, answer.refused, { instance: request.id });
  }
  request.log.info({ operation, outcome: 'done', userId: answer.userId }, 'log-in answered');
  return reply.code(spec.status).send(answer.body);
}

async function answerOrFailure<Body extends z.ZodObject>(
  spec: AuthRoute<Body>,
  question: AuthQuestion<z.output<Body>>,
): Promise<AuthAnswer | AuthRefusal> {
  try {
    return await spec.answerTo(question);
  } catch (error) {
    question.request.log.error({ err: error, operation: spec.operationId }, 'a log-in failed');
    return { refused: spec.whenItFails };
  }
}
