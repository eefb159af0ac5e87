import type { ReadProgress } from '../audit/read-log.ts';

/** How often something is said. What takes less is not spoken of. */
const EVERY_MS = 2_000;

/**
 * Says how far the reading of the log is, how fast it goes and how long it takes yet, every two seconds.
 * @param say is given one line.
 */
export function tellReading(say: (message: string) => void, now: () => number = () => performance.now()): (progress: ReadProgress) => void {
  const startedAt = now();
  let first: bigint | undefined;
  let saidAt = startedAt;
  return ({ events, position, end }) => {
    first ??= position;
    const at = now();
    if (at - saidAt < EVERY_MS) return;
    saidAt = at;
    const elapsedS = (at - startedAt) / 1000;
    // By positions, not by events: how many of those there are nobody knows before.
    const share = end > first ? Number(position - first) / Number(end - first) : 1;
    const leftS = share > 0 ? (elapsedS / share) * (1 - share) : Number.POSITIVE_INFINITY;
    const left = Number.isFinite(leftS) ? `, ${Math.ceil(leftS)} s left` : '';
    say(
      `${events.toLocaleString('en')} events, ${Math.floor(share * 100)} %, ${Math.round(events / elapsedS).toLocaleString('en')}/s${left}`,
    );
  };
}
