// A sequence: commands of one account that are to be decided in their order or not at all.
import type { RejectionCode } from '../domain/rejections.ts';
import { REJECTIONS } from '../domain/rejections.ts';
import type { CommandAnswer } from './bus.ts';

/**
 * Commands handed in one after another. Once one of them is answered without an outcome (the store is away, the ledger is
 * overloaded, nobody knows), those after it are not decided any more in this sequence: whoever keeps the order hands them in
 * again, from that one on, in a new sequence.
 */
export interface CommandSequence {
  /** True once a command of it has no outcome, and for good. May be set by whoever hands the commands in, to have what waits turned away. */
  isBroken: boolean;
}

export const newSequence = (): CommandSequence => ({ isBroken: false });

/** Whether the answer is none yet: the command has to be sent again, with the same key, until there is one. */
export const isWithoutOutcome = (answer: CommandAnswer): boolean => answer.status === 'rejected' && isForLater(answer.rejection.code);

const isForLater = (code: RejectionCode): boolean => REJECTIONS[code].message === 'wait';
