// Whether an answer is the right one: for every command there is one, known before it is sent.
import type { Applied, Command } from '@ledgerfold/client';
import type { Acknowledged } from './acknowledged.ts';
import type { Answer } from './answers.ts';
import type { Books } from './books.ts';
import { WrongAnswer } from './books.ts';
import type { CommandName } from './keys.ts';
import { commandIdOf, keyOf } from './keys.ts';
import type { Outcome } from './outcomes.ts';
import type { Expectation } from './steps.ts';
import { assertNever } from './steps.ts';
import type { StrandState } from './strands.ts';

/** A command as it was sent. */
export interface Sent {
  readonly command: Command;
  readonly name: CommandName;
  readonly expects: Expectation;
  readonly state: StrandState;
  /** Whether it was sent several times, until its outcome was known: then an earlier attempt may have made it. */
  readonly wasDoubted: boolean;
}
/** Judges, and books what was applied. */
export type Judge = (sent: Sent, answer: Answer) => Outcome;

const OK: Outcome = { name: 'ok' };
const unexpected = (detail: string): Outcome => ({ name: 'unexpected', detail });

export interface JudgeOptions {
  readonly run: string;
  readonly books: Books;
  readonly acknowledged: Acknowledged;
}

export function makeJudge({ run, books, acknowledged }: JudgeOptions): Judge {
  /** What is wrong with the answer to a command that was applied, or would be. */
  function faultOf({ command, name, expects, wasDoubted }: Sent, { commandId, accountId, hit, status }: Applied): string | undefined {
    if (accountId !== command.accountId) return `the answer is about account ${accountId}`;
    if (commandId !== commandIdOf(command.accountId, keyOf(run, name))) return `the command's id is said to be ${commandId}`;
    if (expects.outcome === 'repeated' || wasDoubted) return undefined;
    if (hit === true) return 'it is said to have been sent before';
    return status === (expects.outcome === 'would-apply' ? 'would_apply' : 'applied') ? undefined : `it is said to be ${status}`;
  }

  function book(sent: Sent, applied: Applied): Outcome {
    acknowledged.answered(sent.name, 'applied');
    sent.state.revision = applied.revision;
    const made: Readonly<Record<string, string>> = applied.result;
    const itemId = made['holdId'] ?? made['orderId'];
    if (itemId !== undefined) sent.state.itemId = itemId;
    try {
      books.applied(sent.command, applied);
      return OK;
    } catch (error) {
      if (error instanceof WrongAnswer) return unexpected(error.message);
      throw error;
    }
  }

  function appliedAs(sent: Sent, applied: Applied): Outcome {
    const fault = faultOf(sent, applied);
    const { expects, state } = sent;
    switch (expects.outcome) {
      case 'would-apply':
        return fault === undefined ? OK : unexpected(fault);
      case 'repeated': {
        const isSame = applied.hit === true && applied.revision === state.revision;
        return fault === undefined && isSame ? OK : unexpected(fault ?? `a repeat was answered with revision ${applied.revision}`);
      }
      case 'applied': {
        const booked = book(sent, applied);
        return fault === undefined ? booked : unexpected(fault);
      }
      case 'refused':
        // It is in the books all the same: they are to say what the ledger did.
        book(sent, applied);
        return unexpected(`it was applied, and ${expects.code} would have been right (${expects.doom})`);
      default:
        return assertNever(expects);
    }
  }

  return (sent, answer) => {
    const { expects, name } = sent;
    switch (answer.status) {
      case 'applied':
        return appliedAs(sent, answer.applied);
      case 'refused': {
        const { problem } = answer;
        // A refusal with a revision is an event.
        if (problem.revision !== undefined && problem.position !== undefined) {
          acknowledged.answered(name, 'refused');
          books.of(sent.command.accountId).saw(problem.position);
        }
        if (expects.outcome !== 'refused') return unexpected(problem.message);
        const { code, doom, isStored } = expects;
        if (problem.code !== code) return unexpected(`${problem.code}, and ${code} would have been right (${doom})`);
        if (isStored === (problem.revision !== undefined)) return { ...OK, doom };
        return unexpected(`${code} is ${isStored ? 'not ' : ''}kept (${doom})`);
      }
      case 'overloaded': {
        const { problem } = answer;
        return problem.retryAfterMs === undefined && problem.status !== 0
          ? unexpected(`${problem.code} without Retry-After`)
          : { name: 'overloaded', detail: problem.message };
      }
      case 'unknown':
        return { name: 'unknown', detail: answer.reason };
      case 'unsent':
        return unexpected(answer.reason);
      default:
        return assertNever(answer);
    }
  };
}
