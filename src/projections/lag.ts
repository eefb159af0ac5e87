// How far the projections are behind the log, in events.
import type { Checkpoint } from './checkpoint.ts';

/**
 * An estimate, since positions do not count events: the distance in positions, over the positions that an event has taken so
 * far. Exactly 0 when everything is applied. Before the first event it is the distance itself, which is never too low.
 * `head` is the position of the ledger's last event in the log, undefined for an empty log.
 */
export function lagEvents({ position, events }: Pick<Checkpoint, 'position' | 'events'>, head: bigint | undefined): bigint {
  if (head === undefined || head <= position) return 0n;
  const distance = head - position;
  if (events === 0n || position <= 0n) return distance;
  // Rounded up: whoever is behind is behind by one at least.
  return (distance * events + position - 1n) / position;
}
