// How many programs, and which. A counterexample is printed with its seed and its path; to see it again:
//   MODEL_SEED=<seed> MODEL_PATH=<path> npx vitest run test/domain/model/model.spec.ts
import type { Parameters } from 'fast-check';

const { MODEL_PROGRAMS = '1500', MODEL_SEED, MODEL_PATH } = process.env;
export const NUMBER_OF_PROGRAMS = Number(MODEL_PROGRAMS);
export const WHICH: Pick<Parameters, 'numRuns' | 'seed' | 'path'> = {
  numRuns: NUMBER_OF_PROGRAMS,
  ...(MODEL_SEED === undefined ? {} : { seed: Number(MODEL_SEED) }),
  ...(MODEL_PATH === undefined ? {} : { path: MODEL_PATH }),
};
