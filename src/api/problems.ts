// Problems (RFC 9457): how a refusal looks over HTTP. The catalogue of refusals says the status and the title; this file the rest.
import type { FastifyReply } from 'fastify';
import type { CommandId } from '../domain/ids.ts';
import type { Rejection, RejectionCode, RejectionFields } from '../domain/rejections.ts';
import { REJECTIONS, rejection } from '../domain/rejections.ts';

/** Where a request went wrong: a JSON pointer into its body, as a URI fragment, and why. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}
/** What HTTP can say beyond the catalogue: a bug of ours while reading. (A write in doubt is `outcome_unknown`.) */
const INTERNAL_ERROR: ProblemKind = { status: 500, title: 'Internal error', retryable: true };
export type ProblemCode = RejectionCode | 'internal_error';
export const PROBLEM_KINDS: Readonly<Record<ProblemCode, ProblemKind>> = { ...REJECTIONS, internal_error: INTERNAL_ERROR };
export const PROBLEM_CODES = Object.keys(PROBLEM_KINDS) as readonly ProblemCode[];

/** When to try again, in seconds, where the refusal itself does not say. A store that is down takes longer to come back than a full queue takes to drain. */
const RETRY_AFTER_S: Readonly<Partial<Record<ProblemCode, number>>> = {
  rate_limited: 1,
  overloaded: 1,
  projection_behind: 1,
  store_unavailable: 2,
  broker_unavailable: 2,
  outcome_unknown: 1,
};

/** The field of a refusal that knows better when to try again, in seconds. */
const RETRY_AFTER_FIELD = 'retryAfter';

/** A refusal on its way to a client; the catalogue's codes come as a `Rejection`. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly fields: RejectionFields;
  readonly errors?: readonly FieldError[];
  /** Of a 401: a token was sent and is not taken. */
  readonly isOfToken?: true;
}

/** What is known of the request that is refused. */
export interface ProblemContext {
  /** The request's id. */
  readonly instance: string;
  readonly commandId?: CommandId;
  /** Of a stored refusal. */
  readonly revision?: bigint;
  readonly position?: bigint;
}

/** Thrown by the parts of a route that refuse a request; the error handler answers with the problem. */
export class RefusedRequest extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.name = 'RefusedRequest';
    this.refusal = refusal;
  }
}

/** Ends the request where there is a refusal. */
export function throwRefusal(refused: Refusal | undefined): void {
  if (refused !== undefined) throw new RefusedRequest(refused);
}

/** A refusal made at this edge. */
export const refusal = (code: ProblemCode, detail: string, fields: RejectionFields = {}, errors?: readonly FieldError[]): Refusal => ({
  code,
  detail,
  fields,
  ...(errors === undefined ? {} : { errors }),
});

/** The refusal of somebody who asks too often. @param waitS whole seconds after which they may ask again. */
export const rateLimited = (detail: string, waitS: number): Rejection =>
  rejection('rate_limited', detail, { [RETRY_AFTER_FIELD]: String(waitS) });

/** The path of the page that explains a code, which is also the problem's `type`: `/problems/insufficient-funds`. */
export const problemType = (code: ProblemCode): string => `/problems/${code.replaceAll('_', '-')}`;

/** A problem as JSON. The code's own fields stand beside the standard members, which they can never replace. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: ProblemCode;
  readonly commandId?: CommandId;
  readonly revision?: string;
  readonly position?: string;
  readonly retryable: boolean;
  readonly errors?: FieldError[];
  readonly [field: string]: unknown;
}

export function problemOf(refused: Refusal | Rejection, context: ProblemContext): ProblemBody {
  const { status, title, retryable } = PROBLEM_KINDS[refused.code];
  const errors = 'errors' in refused ? refused.errors : undefined;
  return {
    ...refused.fields,
    type: problemType(refused.code),
    title,
    status,
    detail: refused.detail,
    instance: context.instance,
    code: refused.code,
    ...(context.commandId === undefined ? {} : { commandId: context.commandId }),
    ...(context.revision === undefined ? {} : { revision: String(context.revision) }),
    ...(context.position === undefined ? {} : { position: String(context.position) }),
    retryable,
    ...(errors === undefined ? {} : { errors: [...errors] }),
  };
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** Answers with a problem and the headers its status asks for: Retry-After on 429 and 503, WWW-Authenticate on 401. */
export function sendProblem(reply: FastifyReply, refused: Refusal | Rejection, context: ProblemContext): FastifyReply {
  const body = problemOf(refused, context);
  const retryAfterS = refused.fields[RETRY_AFTER_FIELD] ?? RETRY_AFTER_S[refused.code];
  if (retryAfterS !== undefined) reply.header('Retry-After', String(retryAfterS));
  if (body.status === 401) reply.header('WWW-Authenticate', challengeOf(refused));
  return reply.code(body.status).type(PROBLEM_MEDIA_TYPE).serializer(JSON.stringify).send(body);
}

/** RFC 6750, 3: a request without a token learns only the scheme; whoever sent one that is not taken, why. */
function challengeOf(refused: Refusal | Rejection): string {
  if (!('isOfToken' in refused)) return 'Bearer';
  return `Bearer error="invalid_token", error_description="${refused.detail.replaceAll(NOT_QUOTABLE, '?')}"`;
}
/** What an `error_description` must not have in it. */
const NOT_QUOTABLE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;
