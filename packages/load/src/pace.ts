// When the steps of a run are due. A run has parts: a rate that rises, the one that is measured, and where that is asked for one that is
// too much, and the usual one again.
import { assertNever } from './steps.ts';

/** `recovery`: after an overload. It ends where answers are as usual again. */
export const PARTS = ['warm-up', 'measured', 'overload', 'recovery'] as const;
export type Part = (typeof PARTS)[number];

/** More than the service is thought to take. */
export interface Overload {
  readonly rps: number;
  readonly durationS: number;
  /** Afterwards answers within this are as usual; where it is not said, within twice the p99 of what was measured. */
  readonly usualWithinMs?: number | undefined;
}
export interface PaceOptions {
  readonly rps: number;
  readonly warmUpS: number;
  readonly durationS: number;
  readonly overload?: Overload | undefined;
}

export interface Pace {
  readonly steps: number;
  readonly durationMs: number;
  /** @param place between 0 and `steps`. @returns milliseconds from the beginning. */
  dueMs(place: number): number;
  partAt(dueMs: number): Part;
  /** When a part begins, in milliseconds from the beginning. */
  beginsMs(part: Part): number;
}

/** A stretch over which the rate goes evenly from one to the other. */
interface Stretch {
  readonly part: Part;
  readonly fromRps: number;
  readonly toRps: number;
  readonly fromMs: number;
  readonly durationMs: number;
  readonly firstStep: number;
  readonly steps: number;
}

const MS_PER_S = 1_000;
/** What a service that has just been started takes. */
const COLD_RPS = 50;
/** An overload must have passed by then; mostly it has within seconds. */
export const LONGEST_RECOVERY_S = 120;
const [LEAST_WARM_UP_S, MOST_WARM_UP_S] = [5, 30];
/** A service warms up by what it has done: the higher the rate, the longer the way up to it. */
const RPS_PER_WARM_UP_S = 100;

/** How long the rate rises where nobody says it, in seconds. */
export const warmUpOf = (rps: number): number => Math.min(MOST_WARM_UP_S, Math.max(LEAST_WARM_UP_S, rps / RPS_PER_WARM_UP_S));

export function makePace(options: PaceOptions): Pace {
  const stretches: Stretch[] = [];
  for (const part of PARTS) {
    const given = stretchOf(part, options);
    if (given === undefined || given.durationS === 0) continue;
    const { fromRps, toRps, durationS } = given;
    const last = stretches.at(-1);
    stretches.push({
      part,
      fromRps,
      toRps,
      fromMs: last === undefined ? 0 : last.fromMs + last.durationMs,
      durationMs: durationS * MS_PER_S,
      firstStep: last === undefined ? 0 : last.firstStep + last.steps,
      steps: Math.max(1, Math.round(((fromRps + toRps) / 2) * durationS)),
    });
  }
  const last = stretches.at(-1);
  const found = (isIn: (stretch: Stretch) => boolean): Stretch => {
    const stretch = stretches.findLast(isIn) ?? stretches[0];
    if (stretch === undefined) throw new RangeError('a run takes some time');
    return stretch;
  };

  return {
    steps: last === undefined ? 0 : last.firstStep + last.steps,
    durationMs: last === undefined ? 0 : last.fromMs + last.durationMs,
    dueMs(place) {
      const { fromMs, durationMs, firstStep, steps, fromRps, toRps } = found((stretch) => stretch.firstStep <= place);
      return fromMs + durationMs * timeShareOf((place - firstStep) / steps, fromRps, toRps);
    },
    partAt: (dueMs) => found(({ fromMs }) => fromMs <= dueMs).part,
    beginsMs: (part) => found((stretch) => stretch.part === part).fromMs,
  };
}

function stretchOf(part: Part, { rps, warmUpS, durationS, overload }: PaceOptions) {
  switch (part) {
    case 'warm-up':
      return { fromRps: Math.min(rps, COLD_RPS), toRps: rps, durationS: warmUpS };
    case 'measured':
      return { fromRps: rps, toRps: rps, durationS };
    case 'overload':
      return overload && { fromRps: overload.rps, toRps: overload.rps, durationS: overload.durationS };
    case 'recovery':
      return overload && { fromRps: rps, toRps: rps, durationS: LONGEST_RECOVERY_S };
    default:
      return assertNever(part);
  }
}

/** After which share of the time that share of the steps has come: the inverse of what a rate that rises evenly adds up to. */
function timeShareOf(stepShare: number, fromRps: number, toRps: number): number {
  const rise = toRps - fromRps;
  if (rise === 0) return stepShare;
  return (Math.sqrt(fromRps ** 2 + rise * (fromRps + toRps) * stepShare) - fromRps) / rise;
}
