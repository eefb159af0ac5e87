// Some seeds of `npm run chaos`: among them they bring every kind of fault once.
import { afterAll, expect, test } from 'vitest';
import { PATIENCE_MS } from '../stack/patience.ts';
import { FAULT_KINDS, nameOfFault, planOf, SEEDS_A_ROUND } from './fault-kinds.ts';
import { runSeed } from './seed-run.ts';
import { startChaosStack } from './stack.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());

const SECONDS = 3;
const PLANNED = new Set(FAULT_KINDS.map(nameOfFault));
const ROUND = Array.from({ length: SEEDS_A_ROUND }, (_, seed) => seed);

test('whatever strikes, every promise is kept', async () => {
  const stack = opened.use(await startChaosStack());
  const struck: string[] = [];
  for (const seed of ROUND) {
    const { faults, history, violations } = await runSeed(stack, seed, { seconds: SECONDS, recoveryMs: PATIENCE_MS });
    expect(violations, `seed ${seed}`).toEqual([]);
    // Something was at stake.
    expect(history.attempts.some(({ outcome }) => outcome.kind === 'applied')).toBe(true);
    struck.push(...faults.filter(({ name, struck: has }) => has && PLANNED.has(name)).map(({ name }) => name));
  }
  // One may find nothing going over its link, or no message to deliver again; most do not, and a kill never does.
  expect(struck.length).toBeGreaterThan((FAULT_KINDS.length * 3) / 4);
  expect(struck).toEqual(expect.arrayContaining([...PLANNED].filter((name) => name.endsWith('kill -9'))));
});

test('a seed says by itself which faults come, and when; in every round each kind comes once', () => {
  const told = (seed: number) => planOf(seed, SECONDS).map(({ chance, ...planned }) => ({ ...planned, drawn: chance.share() }));
  for (const seed of ROUND) expect(told(seed)).toEqual(told(seed));
  expect(told(0)).not.toEqual(told(1));
  for (const round of [0, 1, 2]) {
    const kinds = ROUND.flatMap((seed) => planOf(round * SEEDS_A_ROUND + seed, SECONDS)).map(({ fault }) => nameOfFault(fault));
    expect(kinds.sort()).toEqual(FAULT_KINDS.map(nameOfFault).sort());
  }
});
