// Whether the log is still the one that a checkpoint was written against.
import type { Streams } from '../eventstore/streams.ts';
import type { Reader } from './errors.ts';
import { CheckpointMismatch } from './errors.ts';

/** The projector. */
export const PROJECTOR: Reader = { did: 'the projections were built', remedy: 'rebuild the projections (ledger rebuild --swap)' };

/**
 * The log must still have the event that the reader got to, and not another in its place.
 * @throws CheckpointMismatch where it has not; StoreUnavailable
 */
export async function checkAgainstLog(
  streams: Pick<Streams, 'eventAt'>,
  { position, eventId }: { readonly position: bigint; readonly eventId: string | undefined },
  reader: Reader,
): Promise<void> {
  if (eventId === undefined) return;
  const found = await streams.eventAt(position);
  if (found?.eventId !== eventId) throw new CheckpointMismatch(reader, { position, eventId }, found?.eventId);
}
