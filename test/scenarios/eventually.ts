// Waiting for what will come about, and saying what it was where it does not.
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from '../stack/patience.ts';

const BETWEEN_MS = 20;

/**
 * Looks until there is something to be seen, and gives it back. What throws counts as not there yet.
 * @throws at the end of all patience, with what was thrown last.
 */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`it never came to pass: ${what}`, { cause: last });
    await sleep(BETWEEN_MS);
  }
}
