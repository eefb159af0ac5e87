// Replies: the answer of REST, as a message; and, for the gateway that waits for it, the way back.
import type { Message } from 'amqplib';
import { z } from 'zod';
import { appliedBody, problemContextOf, refusalIn } from '../api/command-answer.ts';
import { Applied, Problem } from '../api/contract.ts';
import { problemOf } from '../api/problems.ts';
import type { CommandAnswer, CommandEnvelope } from '../commands/bus.ts';
import { scopeOf } from '../domain/commands.ts';
import { AccountIdSchema, CommandIdSchema, commandIdOf } from '../domain/ids.ts';
import type { Rejection } from '../domain/rejections.ts';
import { isRejectionCode } from '../domain/rejections.ts';
import type { CommandMessage } from './messages.ts';
import { textOf } from './messages.ts';
import type { OutgoingMessage } from './publisher.ts';

export const REPLY_TYPE = 'command-result';
/** As over HTTP: the answer is that of an earlier command with the same key. */
export const HIT_HEADER = 'idempotency-hit';

/** The body of a refusal. What is addressed is named as in an applied answer. */
export const RejectedBody = z
  .object({
    commandId: CommandIdSchema,
    accountId: AccountIdSchema.optional().meta({ description: 'Absent where an asset was addressed.' }),
    status: z.literal('rejected'),
    problem: Problem,
  })
  .meta({ id: 'Rejected', description: 'The command was refused.' });

/** The reply to a command; undefined where nobody asked for one. */
export function formatReply(
  { properties }: Message,
  { command, envelope }: Pick<CommandMessage, 'command' | 'envelope'>,
  answer: CommandAnswer,
  user: string,
): OutgoingMessage | undefined {
  const replyTo = textOf(properties.replyTo);
  if (replyTo === undefined || replyTo === '') return undefined;
  const correlationId = textOf(properties.correlationId);
  const body =
    answer.status === 'rejected'
      ? {
          ...addressed(envelope),
          status: 'rejected',
          problem: problemOf(refusalIn(answer, command), problemContextOf(answer, envelope.correlationId)),
        }
      : appliedBody(answer);
  return {
    // The default exchange: the routing key is the queue's name, direct reply-to included.
    exchange: '',
    routingKey: replyTo,
    content: Buffer.from(JSON.stringify(body)),
    options: {
      persistent: true,
      contentType: 'application/json',
      type: REPLY_TYPE,
      messageId: answer.commandId,
      userId: user,
      ...(correlationId !== undefined && { correlationId }),
      headers: {
        ...(answer.hit && { [HIT_HEADER]: 'true' }),
        ...(envelope.traceparent !== undefined && { traceparent: envelope.traceparent }),
      },
    },
  };
}

function addressed({ command, key }: CommandEnvelope) {
  const scope = scopeOf(command);
  return { commandId: commandIdOf(scope, key), ...(command.type !== 'register-asset' && { accountId: scope }) };
}

/** The members of a problem that every one has; the others are its code's own. */
const STANDARD_MEMBERS: ReadonlySet<string> = new Set([
  'type',
  'title',
  'status',
  'detail',
  'instance',
  'code',
  'commandId',
  'revision',
  'position',
  'retryable',
  'errors',
]);

const Body = z.union([Applied, RejectedBody]);

/**
 * The answer that a reply carries.
 * @throws Error where the message is no reply: nobody but a ledger of another version would send one.
 */
export function parseReply({ content, properties }: Message): CommandAnswer {
  if (properties.type !== REPLY_TYPE) throw new Error(`a message of type ${textOf(properties.type)} is no reply`);
  const hit = properties.headers?.[HIT_HEADER] === 'true';
  const body = Body.parse(JSON.parse(content.toString()));
  if (body.status !== 'rejected') {
    const { commandId, status, accountId, revision, position, balances = [], result } = body;
    return {
      status,
      hit,
      commandId,
      ...(accountId !== undefined && { accountId }),
      revision: BigInt(revision),
      position: BigInt(position),
      balances,
      result,
    };
  }
  const { commandId, problem } = body;
  const { revision, position, instance } = problem;
  return {
    status: 'rejected',
    hit,
    commandId,
    rejection: rejectionIn(problem),
    ...(revision !== undefined && { revision: BigInt(revision), correlationId: instance }),
    ...(position !== undefined && { position: BigInt(position) }),
  };
}

function rejectionIn(problem: z.output<typeof Problem>): Rejection {
  const { code, detail } = problem;
  if (!isRejectionCode(code)) throw new Error(`${code} is no code of a refused command`);
  const own = Object.entries(problem).filter(([name]) => !STANDARD_MEMBERS.has(name));
  return { code, detail, fields: z.record(z.string(), z.string()).parse(Object.fromEntries(own)) };
}
