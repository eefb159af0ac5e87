// A real ledger with a bug planted in it: the checker finds it, and calls it by its name.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PlantedBug } from './planted-bugs.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { runSeed } from './seed-run.ts';
import { startChaosStack } from './stack.ts';

const PLANT = join(import.meta.dirname, 'plant.ts');
/** What a bug keeps from coming to rest is not waited for: the rest of what it does is found all the same. */
const RECOVERY_MS = 4_000;
const SECONDS = 2;
/** Of the bug: chance decides when it shows. */
const MOST_SEEDS = 10;

const bugs: readonly (readonly [name: string, bug: PlantedBug])[] = Object.entries(PLANTED_BUGS);

test.for(bugs)('%s is found', async ([name, { violation, withBroker = false }]) => {
  await using stack = await startChaosStack({ withBroker, preloads: [PLANT], settings: { CHAOS_BUG: name } });
  const found = new Set<string>();
  for (let seed = 0; seed < MOST_SEEDS && !found.has(violation); seed += 1) {
    const { violations } = await runSeed(stack, seed, { seconds: SECONDS, recoveryMs: RECOVERY_MS, withFaults: false });
    for (const one of violations) found.add(one.name);
  }
  expect([...found]).toContain(violation);
});
