// Waiting for what will come about, however long this machine takes. The deadline only ends a hang.
import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE_MS = 60_000;
const BETWEEN_MS = 20;

/**
 * Looks until there is something to be seen, and gives it back. What throws counts as not there yet.
 * @throws after a minute, with what was thrown last.
 */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
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
