// What the ledger asks of itself, on its own account and under keys of its own.
import type { InternalCommand } from '../domain/commands.ts';
import { INTERNAL_KEY_PREFIX } from '../domain/ids.ts';
import type { CommandEnvelope } from './bus.ts';

/** The event that a command follows from, and the request behind both. */
export interface Cause {
  readonly eventId: string;
  readonly correlationId: string;
  readonly traceparent?: string | undefined;
}

/**
 * The command on its way. `purpose` names what may happen once to `id`: commands of the same purpose and id have one outcome
 * between them, whoever sends them and how often.
 */
export function internalCommand(command: InternalCommand, purpose: string, id: string, cause: Cause): CommandEnvelope {
  const { eventId, correlationId, traceparent } = cause;
  return {
    command,
    key: `${INTERNAL_KEY_PREFIX}${purpose}:${id}`,
    actor: 'ledger',
    transport: 'internal',
    correlationId,
    causationId: eventId,
    ...(traceparent === undefined ? {} : { traceparent }),
    dryRun: false,
  };
}
