// The outcome of one command, by its id.
import type { z } from 'zod';
import type { StoredOutcome } from '../../domain/outcome.ts';
import { shownRevision } from '../../domain/outcome.ts';
import { isWithin } from '../../identity/access.ts';
import type { Receipt } from '../../identity/receipts.ts';
import { CommandParams, CommandStatus } from '../contract.ts';
import { ACCOUNT_ID, COMMAND_ID, ENTRY_ID } from '../examples.ts';
import type { Refusal } from '../problems.ts';
import { problemOf, refusal } from '../problems.ts';
import type { LedgerQueries } from '../queries.ts';
import { readRoute } from '../read-route.ts';

function statusBody(outcome: StoredOutcome): z.output<typeof CommandStatus> {
  const { commandId, status, subject, revision, position } = outcome;
  const accountId = subject.kind === 'account' ? subject.accountId : undefined;
  const base = {
    commandId,
    ...(accountId === undefined ? {} : { accountId }),
    status,
    revision: String(shownRevision(outcome)),
    position: String(position),
  };
  if (outcome.status === 'rejected') {
    const problem = problemOf(outcome, { instance: outcome.correlationId, commandId, revision, position });
    return { ...base, problem };
  }
  return { ...base, ...(accountId === undefined ? {} : { balances: [...outcome.balances] }), result: { ...outcome.result } };
}

/** What a receipt says of a command whose outcome is not in the log. */
function receiptBody({ commandId, accountId, problem }: Receipt): z.output<typeof CommandStatus> {
  if (problem === undefined) return { commandId, accountId, status: 'pending' };
  const { correlationId: instance, ...refused } = problem;
  return { commandId, accountId, status: 'rejected', problem: problemOf(refused, { instance, commandId }) };
}

/** Whether a command without an outcome is somebody else's: a user's own are those that they sent, and those at their account. */
async function isSentBySomebodyElse(
  { accountId, ownerId }: Receipt,
  ownerLimit: string | undefined,
  queries: LedgerQueries,
): Promise<boolean> {
  if (ownerLimit === undefined) return false;
  return !isWithin(ownerLimit, ownerId ?? (await queries.account(accountId))?.ownerId);
}

/** Whether the outcome is of an account of somebody else; users see only what they could have sent. */
async function isSomebodyElses({ subject }: StoredOutcome, ownerLimit: string | undefined, queries: LedgerQueries): Promise<boolean> {
  if (ownerLimit === undefined) return false;
  return subject.kind !== 'account' || !isWithin(ownerLimit, (await queries.account(subject.accountId))?.ownerId);
}

export const getCommand = readRoute({
  path: '/v1/commands/{commandId}',
  operationId: 'getCommand',
  tag: 'commands',
  summary: 'Get the outcome of a command',
  description:
    'A command that was answered 202 is found at once. So are refusals that are not stored, where commands travel through a broker: such a command may be sent again.',
  params: CommandParams,
  answer: CommandStatus,
  problems: ['not_found'],
  example: {
    commandId: COMMAND_ID,
    accountId: ACCOUNT_ID,
    status: 'applied',
    revision: '12',
    position: '48211',
    balances: [{ asset: 'USD', available: '90.00', held: '10.00' }],
    result: { entryId: ENTRY_ID },
  },
  async answerTo({ params, ownerLimit, queries }): Promise<z.output<typeof CommandStatus> | Refusal> {
    const { commandId } = params;
    const outcome = await queries.outcome(commandId);
    if (outcome && !(await isSomebodyElses(outcome, ownerLimit, queries))) return statusBody(outcome);
    const receipt = outcome ? undefined : await queries.receipt(commandId);
    if (receipt && !(await isSentBySomebodyElse(receipt, ownerLimit, queries))) return receiptBody(receipt);
    return refusal('not_found', `No command ${commandId} is known.`);
  },
});
