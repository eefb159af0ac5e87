// Errors of the projections. What an event's own content causes is told apart from trouble with the infrastructure: the first
// stops the projector at that event, the second is tried again.
import pg from 'pg';
import { InvariantViolated } from '../domain/invariant.ts';
import type { EventPlace } from '../eventstore/errors.ts';

/** An event that can be read but not applied: it contradicts what the log said before it. */
export class UnappliableEvent extends Error {
  override readonly name = 'UnappliableEvent';
  constructor(place: EventPlace, reason: string) {
    super(`${place.stream}@${place.revision} (position ${place.position}): ${reason}`);
  }
}

/** What `fold` gives for the event in that place. @throws UnappliableEvent where the domain's rules say that it cannot follow. */
export function folded<Result>(place: EventPlace, fold: () => Result): Result {
  try {
    return fold();
  } catch (error) {
    throw error instanceof InvariantViolated ? new UnappliableEvent(place, error.message) : error;
  }
}

/** Somebody else moves the checkpoint now, or it has been moved. Nothing of the batch was kept. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
  constructor() {
    super('the checkpoint is no longer ours');
  }
}

/** Who reads the log from a checkpoint, for the message that says what to do. */
export interface Reader {
  /** For example "the projections were built". */
  readonly did: string;
  readonly remedy: string;
}

/** A checkpoint was written against another log than the store now has (for example an older backup). */
export class CheckpointMismatch extends Error {
  override readonly name = 'CheckpointMismatch';
  constructor({ did, remedy }: Reader, { position, eventId }: { position: bigint; eventId: string }, found: string | undefined) {
    super(`${did} up to event ${eventId} at position ${position}, where the log has ${found ?? 'nothing'}: ${remedy}`);
  }
}

/** A cursor that this ledger did not give out for this list. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
  constructor() {
    super('the cursor is not one of this list');
  }
}

/** SQLSTATE classes that only the data of a statement brings about: data exceptions, integrity constraints, sizes beyond a limit. */
const DATA_CLASSES = new Set(['22', '23', '54']);

/** Whether trying the same events again could not end differently. */
export function isCausedByData(error: unknown): boolean {
  if (error instanceof UnappliableEvent) return true;
  return error instanceof pg.DatabaseError && DATA_CLASSES.has(error.code?.slice(0, 2) ?? '');
}
