// From the bus's answer to HTTP: the status and the body that REST and bulk answers share.
import type { z } from 'zod';
import type { CommandAnswer, PendingAnswer } from '../commands/bus.ts';
import type { ClientCommand, CommandType, RegisterAsset } from '../domain/commands.ts';
import { COMMANDS } from '../domain/commands.ts';
import type { Applied, Pending } from './contract.ts';
import type { ProblemContext, Refusal } from './problems.ts';
import { PROBLEM_KINDS } from './problems.ts';
import { amountPathsOf, pointerTo, valueAt } from './request-shape.ts';

type Carried = Exclude<CommandAnswer, { status: 'rejected' }>;
type Refused = Extract<CommandAnswer, { status: 'rejected' }>;
/** What a client may send: the ledger's internal commands come over no edge. */
export type SentCommand = ClientCommand | RegisterAsset;
export type AppliedBody = z.output<typeof Applied>;

/** Commands that create something: answered with 201. */
const CREATING: ReadonlySet<CommandType> = new Set([
  'open-account',
  'deposit',
  'withdraw',
  'transfer',
  'place-hold',
  'place-order',
  'fill-order',
  'reverse',
  'register-asset',
]);
export const creates = (type: CommandType): boolean => CREATING.has(type);

export function appliedBody(answer: Carried): AppliedBody {
  const { commandId, status, accountId, revision, position, balances, result } = answer;
  const addressed = accountId === undefined ? {} : { accountId };
  return {
    commandId,
    status,
    ...addressed,
    // The dry run of what would make a stream: its first event would be revision 0.
    revision: String(revision < 0n ? 0n : revision),
    position: String(position < 0n ? 0n : position),
    // An asset has no balances, so its answer has no such member.
    ...(accountId === undefined ? {} : { balances: [...balances] }),
    result: { ...result },
  };
}

export const pendingBody = ({ commandId, accountId, status }: PendingAnswer): z.output<typeof Pending> => ({
  commandId,
  ...(accountId === undefined ? {} : { accountId }),
  status,
});

/** Where an entry is found: through the command that made it, for good. In the journal it is one row among others. */
export const outcomeLocation = ({ commandId }: Pick<AppliedBody, 'commandId'>): string => `/v1/commands/${commandId}`;

/** What stands around the refusal in its problem. A stored one keeps the id of the request that was refused first, so that a repeat has the same body. */
export const problemContextOf = (answer: Refused, requestId: string): ProblemContext => ({
  instance: answer.correlationId ?? requestId,
  commandId: answer.commandId,
  ...(answer.revision === undefined ? {} : { revision: answer.revision }),
  ...(answer.position === undefined ? {} : { position: answer.position }),
});

/**
 * The refusal in an answer, with a pointer to the amount that does not fit its asset where only one can be meant.
 * @param at where the command stands in the request's body.
 */
export function refusalIn(answer: Refused, command: SentCommand, at: readonly (string | number)[] = []): Refusal {
  const { rejection } = answer;
  if (rejection.code !== 'invalid_amount' || command.type === 'register-asset') return rejection;
  const { amount } = rejection.fields;
  const [meant, another] = amountPathsOf(COMMANDS[command.type]).filter((path) => valueAt(command, path) === amount);
  if (meant === undefined || another !== undefined) return rejection;
  return { ...rejection, errors: [{ pointer: pointerTo([...at, ...meant]), detail: rejection.detail }] };
}

/** The status of an answer: a repeat has the first one's, a dry run creates nothing, and what is pending is only accepted. */
export function httpStatusOf(answer: CommandAnswer | PendingAnswer, type: CommandType): number {
  if (answer.status === 'pending') return 202;
  if (answer.status === 'rejected') return PROBLEM_KINDS[answer.rejection.code].status;
  return answer.status === 'applied' && creates(type) ? 201 : 200;
}
