// From outcomes to answers. A repeat is answered from the stored outcome alone, so it says what the first answer said.
import type { StoredOutcome } from '../domain/outcome.ts';
import { shownRevision } from '../domain/outcome.ts';
import type { Rejection } from '../domain/rejections.ts';
import type { CommandAnswer } from './bus.ts';
import type { PendingCommand } from './mailbox.ts';

/** The answer that a stored outcome gives; `hit` where an earlier command of the same key made it. */
export function answerOf(outcome: StoredOutcome, hit: boolean): CommandAnswer {
  const { commandId, position } = outcome;
  const revision = shownRevision(outcome);
  if (outcome.status === 'rejected') {
    const { code, detail, fields, correlationId } = outcome;
    return { status: 'rejected', hit, commandId, rejection: { code, detail, fields }, revision, position, correlationId };
  }
  const { balances, result, subject } = outcome;
  return {
    status: 'applied',
    hit,
    commandId,
    ...(subject.kind === 'account' ? { accountId: subject.accountId } : {}),
    revision,
    position,
    balances,
    result,
  };
}

/** The answer to a command that left nothing in the log. */
export const refusalOf = (pending: PendingCommand, rejection: Rejection): CommandAnswer => ({
  status: 'rejected',
  hit: false,
  commandId: pending.commandId,
  rejection,
});
