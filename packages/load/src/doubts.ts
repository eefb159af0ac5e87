// Commands whose outcome is not known: sent again, with the same keys and by the same sender, until it is.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './answers.ts';

export interface Doubts {
  /** Sends again until every answer is definite; the answers that were so at last. Beyond the deadline they may not be. */
  resolve(again: () => Promise<readonly Answer[]>): Promise<readonly Answer[]>;
  /** How many there are at this moment. */
  size(): number;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 2_000;
/** As many are asked for at a time: a ledger that comes back has other things to do. */
const AT_ONCE = 32;

const isDefinite = ({ status }: Answer): boolean => status === 'applied' || status === 'refused';

export function makeDoubts(deadlineMs: number): Doubts {
  const queue: (() => void)[] = [];
  let size = 0;
  let asking = 0;

  async function ask(again: () => Promise<readonly Answer[]>): Promise<readonly Answer[]> {
    if (asking >= AT_ONCE) await new Promise<void>((resolve) => void queue.push(resolve));
    asking += 1;
    try {
      return await again();
    } finally {
      asking -= 1;
      queue.shift()?.();
    }
  }

  return {
    size: () => size,
    async resolve(again) {
      size += 1;
      const until = performance.now() + deadlineMs;
      try {
        for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2)) {
          await sleep(delayMs);
          const answers = await ask(again);
          if (answers.every(isDefinite) || performance.now() > until) return answers;
        }
      } finally {
        size -= 1;
      }
    },
  };
}
