// writeRoute: a route that sends one command. Keys, preconditions, dry runs, answers and problems live here and nowhere else.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { CommandAnswer, CommandEnvelope, PendingAnswer } from '../commands/bus.ts';
import { COMMAND_TABLE } from '../domain/command-table.ts';
import type { CommandType } from '../domain/commands.ts';
import { commandTo } from '../identity/access.ts';
import type { Principal } from '../identity/principal.ts';
import type { AppliedBody, SentCommand } from './command-answer.ts';
import { appliedBody, creates, httpStatusOf, outcomeLocation, pendingBody, problemContextOf, refusalIn } from './command-answer.ts';
import { Applied, Pending } from './contract.ts';
import { ACCOUNT_ID, COMMAND_ID } from './examples.ts';
import { jsonBodyOf } from './json-body.ts';
import { pathParamsOf } from './path-params.ts';
import { sendingRefusal } from './permissions.ts';
import { principalOf } from './principal.ts';
import type { ProblemCode } from './problems.ts';
import { sendProblem, throwRefusal } from './problems.ts';
import type { SendPreference } from './request-headers.ts';
import { idempotencyKeyOf, ifMatchOf, preferenceApplied, preferenceOf } from './request-headers.ts';
import type { ApiRoute, DocumentedAnswer, OperationDoc, RouteDependencies, Tag } from './route.ts';
import { envelopeOf, sendCommand } from './send-command.ts';

export interface CommandInput<Params, Body> {
  readonly params: Params;
  readonly body: Body;
  readonly key: string;
  readonly principal: Principal;
}

export interface WriteRoute<Params extends z.ZodObject, Body extends z.ZodObject> {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** As OpenAPI writes it: `/v1/accounts/{accountId}/deposits`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  readonly body: Body;
  readonly toCommand: (input: CommandInput<z.output<Params>, z.output<Body>>) => SentCommand;
  /** Where what was created is found; the answer is then 201 with this Location. */
  readonly location?: (answer: AppliedBody) => string;
  readonly example: { readonly body?: z.input<Body>; readonly answer: unknown };
}

const WriteQuery = z.strictObject({
  dryRun: z.enum(['true', 'false']).optional().meta({ description: 'Decide, answer, and store nothing. No key is needed.' }),
});

/** What any write may be refused with. */
const ANY_WRITE: readonly ProblemCode[] = [
  'malformed_request',
  // Where no key is required, too: one that is sent and empty is a mistake.
  'idempotency_key_missing',
  'unauthenticated',
  'token_expired',
  'forbidden',
  'revision_mismatch',
  'body_too_large',
  'unsupported_media_type',
  'idempotency_key_reused',
  'overloaded',
  'projection_behind',
  'store_unavailable',
  'broker_unavailable',
  'outcome_unknown',
];

/**
 * A route that sends one command: which one and who may, src/identity/access.ts says; what it may be refused with, `COMMAND_TABLE`.
 *
 * Guarantees: checks come in the order of the contract (credentials, size and media type, role, shape, and what the bus
 * then decides); a repeat is answered as the first was, with `Idempotency-Hit: true`; an error of our own after the
 * command may have been sent is `outcome_unknown`, never a refusal that would claim nothing happened.
 */
export function writeRoute<Params extends z.ZodObject, Body extends z.ZodObject>(spec: WriteRoute<Params, Body>): ApiRoute {
  const { method, path, params, body } = spec;
  const type = commandTo(method, path);
  const withoutBody = needsNothing(body) ? {} : undefined;
  return {
    method,
    path,
    ...(params === undefined ? {} : { params }),
    query: WriteQuery,
    body,
    doc: documentationOf(spec, type),
    mount: (dependencies) => ({
      preValidation: async (request) => {
        const sent = jsonBodyOf(request);
        request.body = sent === undefined ? withoutBody : sent;
        throwRefusal(sendingRefusal(principalOf(request), type, request.body, dependencies.permissions));
      },
      handler: (request, reply) => handle(spec, dependencies, request, reply),
    }),
  };
}

/** Whether a route's body needs no field, so that none at all is as good as `{}`. */
const needsNothing = (body: z.ZodObject): boolean => body.safeParse({}).success;

async function handle<Params extends z.ZodObject, Body extends z.ZodObject>(
  spec: WriteRoute<Params, Body>,
  { gateway }: RouteDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  // The shape was checked by fastify with these very schemas.
  const { dryRun } = request.query as z.output<typeof WriteQuery>;
  const body = request.body as z.output<Body>;
  const principal = principalOf(request);
  const isDryRun = dryRun === 'true';
  const key = idempotencyKeyOf(request, { required: spec.method === 'POST' && !isDryRun });
  const ifMatch = ifMatchOf(request);
  const params = pathParamsOf(spec.params, request.params);
  const command = spec.toCommand({ params, body, key, principal });
  const envelope: CommandEnvelope = {
    command,
    key,
    ...envelopeOf(request, principal, command.type),
    dryRun: isDryRun,
    ...(ifMatch === undefined ? {} : { ifMatch }),
  };
  const preference = preferenceOf(request);
  const answer = await sendCommand(gateway, envelope, request, preference);
  return answer.status === 'pending' ? sendPending(answer, preference, reply) : sendAnswer(spec, answer, command, request, reply);
}

/** RFC 9110, 15.3.3: accepted, and where its outcome will be found. */
function sendPending(answer: PendingAnswer, preference: SendPreference, reply: FastifyReply): FastifyReply {
  const applied = preferenceApplied(preference);
  if (applied !== undefined) reply.header('Preference-Applied', applied);
  return reply.code(202).header('Location', outcomeLocation(answer)).send(pendingBody(answer));
}

function sendAnswer<Params extends z.ZodObject, Body extends z.ZodObject>(
  spec: WriteRoute<Params, Body>,
  answer: CommandAnswer,
  command: SentCommand,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (answer.hit) reply.header('Idempotency-Hit', 'true');
  if (answer.status === 'rejected') return sendProblem(reply, refusalIn(answer, command), problemContextOf(answer, request.id));
  const body = appliedBody(answer);
  const status = httpStatusOf(answer, command.type);
  if (status === 201 && spec.location) reply.header('Location', spec.location(body));
  return reply.code(status).send(body);
}

const ACCEPTED: DocumentedAnswer = {
  description:
    'Taken for good, and not decided yet: because that was preferred, or the wait is over. Only where commands travel through a broker.',
  schema: Pending,
  example: { commandId: COMMAND_ID, accountId: ACCOUNT_ID, status: 'pending' },
  headers: ['Location', 'Preference-Applied'],
};

function documentationOf<Params extends z.ZodObject, Body extends z.ZodObject>(
  spec: WriteRoute<Params, Body>,
  type: CommandType,
): OperationDoc {
  const answered = { schema: Applied, example: spec.example.answer };
  const isCreating = creates(type);
  const example: AppliedBody = Applied.parse(spec.example.answer);
  return {
    operationId: spec.operationId,
    tag: spec.tag,
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    headers: [
      { name: 'Idempotency-Key', required: false },
      { name: 'If-Match', required: false },
      { name: 'Prefer', required: false },
    ],
    ...(spec.example.body === undefined ? {} : { bodyExample: spec.example.body }),
    bodyRequired: !needsNothing(spec.body),
    answers: {
      ...(isCreating
        ? {
            200: { ...answered, description: 'A dry run: what would happen.', example: { ...example, status: 'would_apply' }, headers: [] },
            201: { ...answered, description: 'Created.', headers: ['Location', 'Idempotency-Hit'] },
          }
        : { 200: { ...answered, description: 'Done; or, of a dry run, what would happen.', headers: ['Idempotency-Hit'] } }),
      ...(type !== 'register-asset' && { 202: ACCEPTED }),
    },
    problems: [...ANY_WRITE, ...(type === 'register-asset' ? [] : (['account_not_found'] as const)), ...COMMAND_TABLE[type].refusals],
  };
}
