// What came back for a command, sorted by what is known of it then.
import type { Applied, LedgerProblem as Problem } from '@ledgerfold/client';
import { CommandUnroutable, LedgerProblem, LedgerUnreachable, OutcomePending } from '@ledgerfold/client';

export type Answer =
  | { readonly status: 'applied'; readonly applied: Applied }
  | { readonly status: 'refused'; readonly problem: Problem }
  /** Not applied, and never will be by this attempt. */
  | { readonly status: 'overloaded'; readonly problem: Problem }
  /** It may have been applied, or will be. */
  | { readonly status: 'unknown'; readonly reason: string }
  /** Nothing was sent. */
  | { readonly status: 'unsent'; readonly reason: string };

const OVERLOADED: ReadonlySet<number> = new Set([429, 503]);

/** A problem as an answer. */
export function answerOf(problem: Problem): Answer {
  if (problem.code === 'outcome_unknown') return { status: 'unknown', reason: problem.message };
  return OVERLOADED.has(problem.status) ? { status: 'overloaded', problem } : { status: 'refused', problem };
}

/** What a promise of the SDK came to. @throws what is none of its errors: a defect of this client. */
export async function answerFrom(sent: Promise<Applied>): Promise<Answer> {
  try {
    return { status: 'applied', applied: await sent };
  } catch (error) {
    return answerIn(error);
  }
}

/** An error of the SDK as an answer. @throws the error where it is none. */
export function answerIn(error: unknown): Answer {
  if (error instanceof LedgerProblem) return answerOf(error);
  if (error instanceof OutcomePending) return { status: 'unknown', reason: error.message };
  if (error instanceof CommandUnroutable) return { status: 'unsent', reason: error.message };
  if (error instanceof LedgerUnreachable) return { status: error.isUnsent ? 'unsent' : 'unknown', reason: reasonOf(error) };
  throw error;
}

const reasonOf = ({ message, cause }: Error): string => (cause instanceof Error ? `${message}: ${cause.message}` : message);
