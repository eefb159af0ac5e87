// readRoute: a route that answers a question. Waiting for a position, whose account it is, entity tags, pages and problems live here.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AccountId } from '../domain/ids.ts';
import { rejection } from '../domain/rejections.ts';
import type { Access } from '../identity/access.ts';
import { isWithin, ownerLimitOf, roleAccessTo } from '../identity/access.ts';
import type { Principal } from '../identity/principal.ts';
import { pathParamsOf } from './path-params.ts';
import { principalOf } from './principal.ts';
import type { ProblemCode, Refusal } from './problems.ts';
import { RefusedRequest, sendProblem } from './problems.ts';
import type { AccountView, LedgerQueries } from './queries.ts';
import { entityTag, isNoneMatchHit } from './request-headers.ts';
import type { ApiRoute, OperationDoc, RouteDependencies, Tag } from './route.ts';
import type { StreamedText } from './streamed-text.ts';
import { isStreamedText, sendText } from './streamed-text.ts';

export interface Question<Params, Query> {
  readonly params: Params;
  readonly query: Query;
  readonly principal: Principal;
  /** Whose accounts alone they may see here; undefined: everybody's. */
  readonly ownerLimit: string | undefined;
  readonly queries: LedgerQueries;
  /**
   * The account in the path: it exists, and the principal may see it.
   * @throws Error on a route without one: a bug.
   */
  readonly account: () => AccountView;
}

export interface ReadRoute<Params extends z.ZodObject, Query extends z.ZodObject, Answer extends z.ZodType> {
  /** As OpenAPI writes it: `/v1/accounts/{accountId}`. One that has `accountId` in it is about that account. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  readonly query?: Query;
  /** Whether the answer changes only with the account's revision, which is then its entity tag. */
  readonly tagged?: boolean;
  readonly answer: Answer;
  /** What it may be answered as besides JSON, with an example of each. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly problems?: readonly ProblemCode[];
  readonly example: unknown;
  /** A text is sent as it is: where it is the answer's JSON, it is for the route to keep to its schema. */
  readonly answerTo: (question: Question<z.output<Params>, z.output<Query>>) => Promise<z.output<Answer> | StreamedText | Refusal>;
}

/** Waiting longer would only hide a projection that has stopped. */
const MAX_WAIT_MS = 2_000;

const ReadQuery = z.strictObject({
  minPosition: z
    .string()
    .regex(/^(0|[1-9][0-9]{0,19})$/, 'a position, such as 48211')
    .optional()
    .meta({ description: 'Answer from a projection that has seen this position; waits up to two seconds for it.', examples: ['48211'] }),
});

const ANY_READ: readonly ProblemCode[] = [
  'malformed_request',
  'unauthenticated',
  'token_expired',
  'forbidden',
  'projection_behind',
  'store_unavailable',
  'internal_error',
];

/**
 * A route that answers a question.
 *
 * Guarantees: the answer includes everything up to `minPosition`, or is `projection_behind`; an account that is not
 * there and one that is somebody else's are answered alike; an entity tag is read before the data, so it is never newer
 * than what it stands for.
 */
export function readRoute<Params extends z.ZodObject, Query extends z.ZodObject, Answer extends z.ZodType>(
  spec: ReadRoute<Params, Query, Answer>,
): ApiRoute {
  const access = roleAccessTo('GET', spec.path);
  return {
    method: 'GET',
    path: spec.path,
    ...(spec.params === undefined ? {} : { params: spec.params }),
    // Extended safely: what a query checks across its fields stays checked.
    query: (spec.query ?? z.object({})).safeExtend(ReadQuery.shape).strict(),
    doc: documentationOf(spec),
    mount: (dependencies) => ({ handler: (request, reply) => handle(spec, access, dependencies, request, reply) }),
  };
}

async function handle<Params extends z.ZodObject, Query extends z.ZodObject, Answer extends z.ZodType>(
  spec: ReadRoute<Params, Query, Answer>,
  access: Access,
  { queries }: RouteDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  // The shape was checked by fastify with these very schemas.
  const { minPosition, ...query } = request.query as z.output<typeof ReadQuery>;
  const principal = principalOf(request);
  const ownerLimit = ownerLimitOf(access, principal);
  const params = pathParamsOf(spec.params, request.params);
  if (minPosition !== undefined) await waitFor(queries, BigInt(minPosition));
  const account = await accountIn(params, queries, ownerLimit);
  const tag = spec.tagged && account ? entityTag(account.revision) : undefined;
  if (tag !== undefined && isNoneMatchHit(request.headers['if-none-match'], tag)) return reply.code(304).header('ETag', tag).send();
  const answer = await spec.answerTo({
    params,
    query: query as z.output<Query>,
    principal,
    ownerLimit,
    queries,
    account: () => {
      if (account) return account;
      throw new Error(`${spec.path} names no account`);
    },
  });
  if (isRefusal(answer)) return sendProblem(reply, answer, { instance: request.id });
  if (tag !== undefined) reply.header('ETag', tag);
  if (isStreamedText(answer)) return sendText(reply, answer);
  const link = linkHeader(request, answer);
  if (link !== undefined) reply.header('Link', link);
  return reply.send(answer);
}

const isRefusal = (answer: unknown): answer is Refusal =>
  typeof answer === 'object' && answer !== null && 'code' in answer && 'detail' in answer && 'fields' in answer;

async function waitFor(queries: LedgerQueries, position: bigint): Promise<void> {
  if (await queries.waitFor(position, MAX_WAIT_MS)) return;
  const detail = `The projection has not reached position ${position} within ${MAX_WAIT_MS / 1000} s.`;
  throw new RefusedRequest(rejection('projection_behind', detail, { minPosition: String(position) }));
}

async function accountIn(params: object, queries: LedgerQueries, ownerLimit: string | undefined): Promise<AccountView | undefined> {
  if (!('accountId' in params)) return undefined;
  // pathParamsOf has parsed it with the route's schema, where every accountId is one.
  const accountId = params.accountId as AccountId;
  const account = await queries.account(accountId);
  if (account && isWithin(ownerLimit, account.ownerId)) return account;
  throw new RefusedRequest(rejection('account_not_found', `No account ${accountId}.`));
}

/** The Link header (RFC 8288) of a page: this very request, with another cursor. */
function linkHeader(request: FastifyRequest, answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('next' in answer) || !('previous' in answer)) return undefined;
  const [path = '', search = ''] = request.url.split('?', 2);
  const links = Object.entries({ next: answer.next, prev: answer.previous }).flatMap(([rel, cursor]) => {
    if (typeof cursor !== 'string') return [];
    const query = new URLSearchParams(search);
    query.set('cursor', cursor);
    return [`<${path}?${query}>; rel="${rel}"`];
  });
  return links.length === 0 ? undefined : links.join(', ');
}

function documentationOf<Params extends z.ZodObject, Query extends z.ZodObject, Answer extends z.ZodType>(
  spec: ReadRoute<Params, Query, Answer>,
): OperationDoc {
  const isAboutAnAccount = spec.params !== undefined && 'accountId' in spec.params.shape;
  const isPaged = spec.query !== undefined && 'cursor' in spec.query.shape;
  return {
    operationId: spec.operationId,
    tag: spec.tag,
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    headers: spec.tagged ? [{ name: 'If-None-Match', required: false }] : [],
    bodyRequired: false,
    answers: {
      200: {
        description: 'The answer.',
        schema: spec.answer,
        example: spec.example,
        ...(spec.texts === undefined ? {} : { texts: spec.texts }),
        headers: [...(spec.tagged ? (['ETag'] as const) : []), ...(isPaged ? (['Link'] as const) : [])],
      },
      ...(spec.tagged ? { 304: { description: 'Nothing has changed since that entity tag.', headers: ['ETag'] } } : {}),
    },
    problems: [...ANY_READ, ...(isAboutAnAccount ? (['account_not_found'] as const) : []), ...(spec.problems ?? [])],
  };
}
