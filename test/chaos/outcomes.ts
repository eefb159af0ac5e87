// What an answer of the SDK, or an error, means for the command: the promises of the contract, nothing more.
import type { Applied } from '@ledgerfold/client';
import { LedgerProblem, LedgerUnreachable, OutcomePending } from '@ledgerfold/client';
import type { Outcome } from './history.ts';

/** Said where a command was not applied and, unless it is sent again, never will be. */
const NEVER_APPLIED = new Set([
  'overloaded',
  'projection_behind',
  'store_unavailable',
  'broker_unavailable',
  'rate_limited',
  'unauthenticated', // by a ledger whose clock is wrong
  'token_expired',
]);

export const appliedOutcome = ({ revision, position, ...answer }: Applied): Outcome => ({
  kind: 'applied',
  revision: BigInt(revision),
  position: BigInt(position),
  balances: 'balances' in answer ? answer.balances : [],
});

/**
 * @param isOnlyAttempt false: others were made before, of which this error says nothing.
 * @throws what is no answer to a command: a bug of the harness.
 */
export function failedOutcome(error: unknown, isOnlyAttempt: boolean): Outcome {
  if (error instanceof OutcomePending) return { kind: 'taken' };
  if (error instanceof LedgerUnreachable)
    return error.isUnsent ? { kind: 'never-applied', code: 'unsent' } : { kind: 'unknown', why: error.message };
  if (!(error instanceof LedgerProblem)) throw error;
  const { code, revision, position } = error;
  if (revision !== undefined && position !== undefined)
    return { kind: 'refused', code, revision: BigInt(revision), position: BigInt(position) };
  if (code === 'outcome_unknown') return { kind: 'unknown', why: code };
  if (NEVER_APPLIED.has(code)) return isOnlyAttempt ? { kind: 'never-applied', code } : { kind: 'unknown', why: code };
  return { kind: 'strange', code };
}
