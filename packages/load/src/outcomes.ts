// What can become of a step.
import { assertNever } from './steps.ts';

/**
 * `ok`: as it should be, which for a doomed command is its refusal. `overloaded`: refused for now, with 429 or 503. `unknown`: no answer,
 * or none that says what became of it; it is then asked for until it is known. `skipped`: what it builds on is not there. `not-sent`: too
 * many were under way. `unexpected`: an answer, and not the right one.
 */
export const OUTCOMES = ['ok', 'overloaded', 'unknown', 'skipped', 'not-sent', 'unexpected'] as const;
export type OutcomeName = (typeof OUTCOMES)[number];

export interface Outcome {
  readonly name: OutcomeName;
  /** Which case of a doomed command it was. */
  readonly doom?: string | undefined;
  /** What was not as it should be. */
  readonly detail?: string;
}

/** Trouble that a run may be told to put up with, because it is what is tried out. */
export const TOLERABLE = ['overload', 'outage'] as const;
export type Trouble = (typeof TOLERABLE)[number];
export type Tolerated = ReadonlySet<Trouble>;

export function isError(name: OutcomeName, tolerated: Tolerated): boolean {
  switch (name) {
    case 'ok':
      return false;
    case 'overloaded':
      return !tolerated.has('overload');
    case 'unknown':
      return !tolerated.has('outage');
    case 'skipped':
      // It follows from another step's trouble, which counts by itself.
      return tolerated.size === 0;
    case 'not-sent':
    case 'unexpected':
      return true;
    default:
      return assertNever(name);
  }
}
