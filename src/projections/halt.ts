// Annulling the event on which the projector has halted: the only event that may be annulled.
import type { Annulments } from '../eventstore/annulments.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { Halt } from './checkpoint.ts';
import { readCheckpoint } from './checkpoint.ts';

/** What was asked to be annulled is not what the projector is halted on; nothing was done. */
export class NotHaltedThere extends Error {
  override readonly name = 'NotHaltedThere';
  constructor(stream: string, revision: bigint, halt: Halt | undefined) {
    const where = halt === undefined ? 'is not halted' : `is halted on ${halt.stream}@${halt.revision}`;
    super(`${stream}@${revision} cannot be annulled: the projector ${where}`);
  }
}

/**
 * Annuls the event at that place, if and only if the projector is halted on it. The checkpoint is locked meanwhile, so nobody
 * can apply the event at the same time: what was applied once is never annulled, and a rebuild gives the same tables again.
 * @throws NotHaltedThere | StoreUnavailable (repeat it then)
 */
export async function annulHaltedEvent(
  db: LedgerDb,
  annulments: Annulments,
  asked: { readonly stream: string; readonly revision: bigint; readonly reason: string },
): Promise<Halt> {
  const { stream, revision, reason } = asked;
  return db.transaction().execute(async (tx) => {
    await tx.selectFrom('checkpoint').select('position').forUpdate().execute();
    const { halt } = await readCheckpoint(tx);
    if (halt === undefined || halt.stream !== stream || halt.revision !== revision) throw new NotHaltedThere(stream, revision, halt);
    const { position, eventId } = halt;
    await annulments.append({ stream, revision, position, eventId, reason });
    return halt;
  });
}
