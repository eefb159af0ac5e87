// What an operator does about an event that cannot be applied: sees where the projector stands, and annuls that one.
import type { Halt } from '../../src/projections/checkpoint.ts';
import { readCheckpoint } from '../../src/projections/checkpoint.ts';
import { annulHaltedEvent } from '../../src/projections/halt.ts';
import { until } from '../eventstore/new-events.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';

/** Waits until the projector halts, annuls the event it halts at, and waits until everything else is applied. @returns where it halted, and why. */
export async function annulWhereItHalts({ db, store, caughtUp }: LedgerUnderTest): Promise<Halt> {
  let halt: Halt | undefined;
  await until(async () => {
    ({ halt } = await readCheckpoint(db));
    return halt !== undefined;
  });
  if (halt === undefined) throw new Error('it does not halt');
  const { stream, revision } = halt;
  await annulHaltedEvent(db, store.annulments, { stream, revision, reason: 'it does not fit' });
  await caughtUp();
  return halt;
}
