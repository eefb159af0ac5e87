// Sending one command from a request: the envelope around it, the one line in the log, and what is said when we fail.
import type { FastifyRequest } from 'fastify';
import type { CommandAnswer, CommandEnvelope, PendingAnswer } from '../commands/bus.ts';
import type { CommandType } from '../domain/commands.ts';
import { scopeOf } from '../domain/commands.ts';
import { commandIdOf } from '../domain/ids.ts';
import { rejection } from '../domain/rejections.ts';
import { COMMAND_ACCESS, ownerLimitOf } from '../identity/access.ts';
import type { Principal } from '../identity/principal.ts';
import type { Gateway } from './gateway.ts';
import type { SendPreference } from './request-headers.ts';
import { traceparentOf } from './request-headers.ts';

/** What an envelope says of the request that it came with. @throws Error where the principal may not send such a command: a bug. */
export function envelopeOf(
  request: FastifyRequest,
  principal: Principal,
  type: CommandType,
): Pick<CommandEnvelope, 'actor' | 'transport' | 'correlationId' | 'traceparent' | 'span' | 'onlyOwner'> {
  const traceparent = traceparentOf(request);
  const onlyOwner = ownerLimitOf(COMMAND_ACCESS[type], principal);
  return {
    actor: principal.uuid,
    transport: 'rest',
    correlationId: request.id,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(request.span === null ? {} : { span: request.span.traceparent }),
    ...(onlyOwner === undefined ? {} : { onlyOwner }),
  };
}

/** Sends a command and logs its one line. Never rejects: what goes wrong on our side leaves the outcome unknown. */
export async function sendCommand(
  gateway: Gateway,
  envelope: CommandEnvelope,
  request: FastifyRequest,
  preference?: SendPreference,
): Promise<CommandAnswer | PendingAnswer> {
  const accountId = scopeOf(envelope.command);
  const { type } = envelope.command;
  try {
    const answer = await gateway.send(envelope, preference);
    if (answer.status === 'pending') {
      request.log.info({ commandId: answer.commandId, accountId, type, outcome: answer.status }, 'command taken');
      return answer;
    }
    request.log.info(
      {
        commandId: answer.commandId,
        accountId,
        type,
        outcome: answer.status === 'rejected' ? answer.rejection.code : answer.status,
        hit: answer.hit,
        position: answer.position?.toString(),
      },
      'command answered',
    );
    return answer;
  } catch (error) {
    const commandId = commandIdOf(accountId, envelope.key);
    request.log.error({ err: error, commandId, accountId, type }, 'command failed');
    const doubt = rejection(
      'outcome_unknown',
      'The command may or may not have been applied. Send it again with the same key to learn which.',
    );
    return { status: 'rejected', hit: false, commandId, rejection: doubt };
  }
}
