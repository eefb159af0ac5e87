// Commands in bulk: many in one request, each judged and answered by itself. Nothing holds them together but their order.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { BulkSender } from '../bulk-entry.ts';
import { BulkEntry, readEntry } from '../bulk-entry.ts';
import { appliedBody, httpStatusOf, pendingBody, problemContextOf, refusalIn } from '../command-answer.ts';
import { Applied, Pending, Problem } from '../contract.ts';
import { ACCOUNT_ID, appliedExample, ENTRY_ID } from '../examples.ts';
import type { Gateway } from '../gateway.ts';
import { jsonBodyOf } from '../json-body.ts';
import { principalOf } from '../principal.ts';
import type { ProblemBody } from '../problems.ts';
import { problemOf } from '../problems.ts';
import { preferenceOf } from '../request-headers.ts';
import type { ApiRoute } from '../route.ts';
import { envelopeOf, sendCommand } from '../send-command.ts';

const MAX_COMMANDS = 1_000;

const DocumentedBody = z.strictObject({ commands: z.array(BulkEntry).max(MAX_COMMANDS) });
/** What is checked of the whole: each entry is then read by itself, so that a malformed one does not stop the others. */
const CheckedBody = z.strictObject({ commands: z.array(z.unknown()).max(MAX_COMMANDS) });
const BulkQuery = z.strictObject({
  dryRun: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'Decide and answer each by itself, and store nothing. No keys are needed.' }),
});
const httpStatus = z.int().meta({ description: 'The status that its own route would have answered with.' });
const BulkAnswer = z
  .object({ results: z.array(z.union([Applied.extend({ httpStatus }), Pending.extend({ httpStatus }), Problem.extend({ httpStatus })])) })
  .meta({ id: 'BulkAnswer', description: 'One result a command, in order: its answer or its problem.' });

type Result = { readonly httpStatus: number } & (ProblemBody | z.output<typeof Applied> | z.output<typeof Pending>);

async function resultOf(entry: unknown, index: number, sender: BulkSender, gateway: Gateway, request: FastifyRequest): Promise<Result> {
  const read = readEntry(entry, index, sender);
  if ('refused' in read) {
    const problem = problemOf(read.refused, { instance: request.id });
    return { httpStatus: problem.status, ...problem };
  }
  const envelope = { ...read, ...envelopeOf(request, sender.principal, read.command.type), dryRun: sender.isDryRun };
  const answer = await sendCommand(gateway, envelope, request, preferenceOf(request));
  const body =
    answer.status === 'rejected'
      ? problemOf(refusalIn(answer, read.command, ['commands', index]), problemContextOf(answer, request.id))
      : answer.status === 'pending'
        ? pendingBody(answer)
        : appliedBody(answer);
  return { httpStatus: httpStatusOf(answer, read.command.type), ...body };
}

export const bulkCommands: ApiRoute = {
  method: 'POST',
  path: '/v1/commands',
  query: BulkQuery,
  body: CheckedBody,
  documentedBody: DocumentedBody,
  doc: {
    operationId: 'sendCommands',
    tag: 'commands',
    summary: 'Send up to 1,000 commands',
    description:
      'Each has a key of its own and is answered by itself: some may be applied and others refused. Commands of one account are decided in their order.',
    headers: [{ name: 'Prefer', required: false }],
    bodyRequired: true,
    bodyExample: {
      commands: [{ key: 'payroll-2026-01-0001', type: 'deposit', accountId: ACCOUNT_ID, asset: 'USD', amount: '90.00' }],
    },
    answers: {
      200: {
        description: 'Every command was looked at; the results say what became of each.',
        schema: BulkAnswer,
        example: {
          results: [
            {
              httpStatus: 201,
              ...appliedExample({ balances: [{ asset: 'USD', available: '90.00', held: '0.00' }], result: { entryId: ENTRY_ID } }),
            },
          ],
        },
        headers: [],
      },
    },
    problems: [
      'malformed_request',
      'unauthenticated',
      'token_expired',
      'forbidden',
      'body_too_large',
      'unsupported_media_type',
      'store_unavailable',
      'outcome_unknown',
    ],
  },
  mount: ({ permissions, gateway, countMore }) => ({
    preValidation: async (request) => {
      request.body = jsonBodyOf(request);
    },
    handler: async (request) => {
      // The shape was checked by fastify with these very schemas.
      const { commands } = request.body as z.output<typeof CheckedBody>;
      const { dryRun } = request.query as z.output<typeof BulkQuery>;
      const sender = { principal: principalOf(request), permissions, isDryRun: dryRun === 'true' };
      countMore(sender.principal, Math.max(0, commands.length - 1));
      // All are sent before the first is awaited, in order: that is what keeps those of one account in theirs.
      return { results: await Promise.all(commands.map((entry, index) => resultOf(entry, index, sender, gateway, request))) };
    },
  }),
};
