// One batch, one transaction: rows and checkpoint together or not at all.
import type { RecordedEvent } from '../domain/events.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { workOut } from './batch.ts';
import type { Checkpoint } from './checkpoint.ts';
import { lockCheckpoint, moveCheckpoint } from './checkpoint.ts';
import { LeaseLost } from './errors.ts';
import { insertingWriter } from './table-writer.ts';
import { applyToTables } from './tables.ts';

export interface Lease {
  readonly owner: string;
  /** How long it lasts from its last renewal, in ms. */
  readonly leaseMs: number;
}

/**
 * Applies the events, in log order, to the tables behind the checkpoint `from`.
 * Guarantees: all of them once, or none. Called again after its outcome was lost with the connection, it finds out.
 * @returns where the checkpoint stands now.
 * @throws LeaseLost; what isCausedByData tells; anything else is trouble with the infrastructure.
 */
export async function applyBatch(
  db: LedgerDb,
  { owner, leaseMs }: Lease,
  from: bigint,
  events: readonly RecordedEvent[],
): Promise<Pick<Checkpoint, 'position' | 'events'>> {
  const last = events.at(-1);
  if (last === undefined) throw new RangeError('a batch has at least one event');
  return db.transaction().execute(async (tx) => {
    const checkpoint = await lockCheckpoint(tx, owner, leaseMs);
    // The transaction of an earlier attempt was committed, only the answer was lost.
    if (checkpoint.position === last.position && checkpoint.eventId === last.eventId) return checkpoint;
    if (checkpoint.position !== from) throw new LeaseLost();
    const batch = workOut(events, checkpoint.recordedAt);
    await applyToTables(insertingWriter(tx), batch);
    const { position, eventId } = last;
    const recordedAt = batch.at(-1)?.recordedAt ?? '';
    await moveCheckpoint(tx, { position, eventId, recordedAt, events: events.length }, leaseMs);
    return { position, events: checkpoint.events + BigInt(events.length) };
  });
}
