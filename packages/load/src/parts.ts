// The parts of a run as it goes: what is counted where, how late this client itself was, and the end of an overload.
import type { Histogram } from 'hdr-histogram-js';
import type { Outcome } from './outcomes.ts';
import type { Pace, Part } from './pace.ts';
import type { Recorder } from './recorder.ts';
import { newHistogram, percentileMs, record } from './recorder.ts';
import { makeRecovery } from './recovery.ts';
import type { Step } from './steps.ts';
import { assertNever } from './steps.ts';

export interface Parts {
  /** The part that the last step was of. */
  current(): Part;
  /** @param lateMs after its moment. */
  begun(step: Step, lateMs: number): void;
  /** @param sentMs since it was sent: without what it was late, and its wait for what it builds on. */
  ended(step: Step, outcome: Outcome, latencyMs: number, sentMs: number): void;
  /** How late steps were sent. */
  lateness(part: Part): Histogram;
  /** How long refusals took in the overload. */
  readonly refusals: Histogram;
  /** How long what was accepted in the overload took from when it was sent: what the service itself is to blame for. */
  readonly acceptances: Histogram;
  /** What counts as usual after an overload, in milliseconds. */
  usualMs(): number;
  /** From when on answers were as usual, in milliseconds from the end of the overload. */
  recoveredMs(): number | undefined;
}
export interface PartsOptions {
  readonly pace: Pick<Pace, 'partAt' | 'beginsMs'>;
  readonly usualWithinMs: number | undefined;
  readonly recorder: Recorder;
  readonly onRecovered: () => void;
}

/** As usual is up to so many times the p99 of what was measured: of half a second's requests it is the slowest that is looked at. */
const TIMES_P99 = 2;

export function makeParts({ pace, usualWithinMs, recorder, onRecovered }: PartsOptions): Parts {
  const lateness: Readonly<Record<Part, Histogram>> = {
    'warm-up': newHistogram(),
    measured: newHistogram(),
    overload: newHistogram(),
    recovery: newHistogram(),
  };
  const [refusals, acceptances] = [newHistogram(), newHistogram()];
  const usualMs = (): number => usualWithinMs ?? TIMES_P99 * percentileMs(recorder.all, 99);
  const recovery = makeRecovery({ usualMs, onRecovered });
  let current: Part = 'warm-up';
  const sinceMs = ({ dueMs }: Step): number => dueMs - pace.beginsMs('recovery');

  return {
    current: () => current,
    begun(step, lateMs) {
      const part = pace.partAt(step.dueMs);
      if (part !== current) {
        current = part;
        // From here on refusals are what is expected, of whatever was under way.
        if (part === 'overload') recorder.tolerate('overload');
      }
      record(lateness[part], lateMs);
      if (part === 'recovery') recovery.begun(sinceMs(step));
    },
    ended(step, outcome, latencyMs, sentMs) {
      const part = pace.partAt(step.dueMs);
      switch (part) {
        case 'warm-up':
          return recorder.beside(part, outcome, latencyMs);
        case 'measured':
          return recorder.ended(step.operation, outcome, latencyMs, isWrite(step));
        case 'overload':
          if (outcome.name === 'overloaded') record(refusals, sentMs);
          if (outcome.name === 'ok') record(acceptances, sentMs);
          return recorder.afterwards(part, outcome, latencyMs);
        case 'recovery':
          recorder.afterwards(part, outcome, latencyMs);
          return recovery.ended(sinceMs(step), outcome, latencyMs);
        default:
          return assertNever(part);
      }
    },
    lateness: (part) => lateness[part],
    refusals,
    acceptances,
    usualMs,
    recoveredMs: recovery.recoveredMs,
  };
}

/** Whether the right answer to it says that something new is in the log. */
function isWrite(step: Step): boolean {
  if (step.what !== 'command') return step.what === 'bulk';
  const { expects } = step;
  return expects.outcome === 'applied' || (expects.outcome === 'refused' && expects.isStored);
}
