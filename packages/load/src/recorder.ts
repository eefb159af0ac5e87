// What is counted and timed, as it happens: by operation, and over time. HdrHistograms, so memory does not grow with the run.
import type { Histogram } from 'hdr-histogram-js';
import { build } from 'hdr-histogram-js';
import type { Outcome, OutcomeName, Tolerated, Trouble } from './outcomes.ts';
import { isError } from './outcomes.ts';

const US_PER_MS = 1_000;
const MS_PER_S = 1_000;
/** Longer than anything is waited for. */
const LONGEST_US = 120_000_000;
const DIGITS = 3;
/** Kinds of trouble that are kept to be shown, and examples of each: what comes by the thousand must not hide what came once. */
const MOST_KINDS = 20;
const EXAMPLES_EACH = 2;
/** The most points of time that are told apart. */
const MOST_POINTS = 240;

export const newHistogram = (): Histogram =>
  build({ bitBucketSize: 32, lowestDiscernibleValue: 1, highestTrackableValue: LONGEST_US, numberOfSignificantValueDigits: DIGITS });

/** Milliseconds into a histogram. */
export const record = (histogram: Histogram, ms: number): void =>
  histogram.recordValue(Math.min(LONGEST_US, Math.max(0, Math.round(ms * US_PER_MS))));
/** A percentile in milliseconds. */
export const percentileMs = (histogram: Histogram, percentile: number): number =>
  // A percentile is the upper end of a bucket, which may lie above the largest value in it.
  Math.min(histogram.getValueAtPercentile(percentile), histogram.maxValue) / US_PER_MS;
export const maxMs = (histogram: Histogram): number => histogram.maxValue / US_PER_MS;

/** One line of the table. */
export interface Row {
  readonly operation: string;
  readonly histogram: Histogram;
  readonly outcomes: ReadonlyMap<OutcomeName, number>;
  readonly dooms: ReadonlyMap<string, number>;
}
/** A moment of the run, for the chart. */
export interface Point {
  readonly atS: number;
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly errors: number;
}

/** Told of everything that is recorded. */
export type Listener = (operation: string, outcome: OutcomeName, latencyMs: number | undefined) => void;

export interface Recorder {
  /** Times something that is no step of the plan, and does not count towards its rate. */
  timed<Result>(operation: string, promise: Promise<Result>): Promise<Result>;
  /** The end of something beside the plan. */
  beside(operation: string, outcome: Outcome, latencyMs: number): void;
  /** The same for steps that come after what is measured: they are in the course of time, and in no figure. */
  afterwards(operation: string, outcome: Outcome, latencyMs: number): void;
  /** From now on this is no error any more. */
  tolerate(trouble: Trouble): void;
  /** A step's end; only what is `ok` is timed. @param isWrite of what was durable when it was answered. */
  ended(operation: string, outcome: Outcome, latencyMs: number, isWrite: boolean): void;
  /** Something that is wrong and no step's outcome. @param kind what it is one of. */
  trouble(kind: string, detail: string): void;
  rows(): readonly Row[];
  /** Beside the plan. */
  asideRows(): readonly Row[];
  readonly all: Histogram;
  readonly durable: Histogram;
  points(): readonly Point[];
  /** Since the last call, for a line that is written now and then. */
  lately(): { readonly count: number; readonly p50Ms: number; readonly p99Ms: number };
  errors(): number;
  /** A line for each kind of trouble, with how often it was there. */
  examples(): readonly string[];
}

export interface RecorderOptions {
  readonly tolerated: Tolerated;
  readonly durationMs: number;
  readonly now: () => number;
  readonly onRecorded: Listener;
}

interface OpenRow extends Row {
  readonly outcomes: Map<OutcomeName, number>;
  readonly dooms: Map<string, number>;
}
const more = <Key>(counts: Map<Key, number>, key: Key): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

export function makeRecorder({ tolerated: toleratedFirst, durationMs, now, onRecorded }: RecorderOptions): Recorder {
  let tolerated = toleratedFirst;
  const [planned, aside] = [new Map<string, OpenRow>(), new Map<string, OpenRow>()];
  const [all, durable, recent, current] = [newHistogram(), newHistogram(), newHistogram(), newHistogram()];
  const pointMs = Math.max(1, Math.ceil(durationMs / MOST_POINTS / MS_PER_S)) * MS_PER_S;
  const points: Point[] = [];
  const examples = new Map<string, { count: number; readonly details: string[] }>();
  let errors = 0;
  let startedAt: number | undefined;
  let [pointEndsAt, pointErrors, pointCount] = [0, 0, 0];

  function rowIn(rows: Map<string, OpenRow>, operation: string): OpenRow {
    const row = rows.get(operation) ?? { operation, histogram: newHistogram(), outcomes: new Map(), dooms: new Map() };
    rows.set(operation, row);
    return row;
  }
  function trouble(kind: string, detail: string): void {
    errors += 1;
    pointErrors += 1;
    const known = examples.get(kind) ?? { count: 0, details: [] };
    if (known.count > 0 || examples.size < MOST_KINDS) examples.set(kind, known);
    known.count += 1;
    if (known.details.length < EXAMPLES_EACH && detail !== '') known.details.push(detail);
  }
  function closePoint(): void {
    const [p50Ms, p99Ms] = [percentileMs(current, 50), percentileMs(current, 99)];
    const atS = (pointEndsAt - (startedAt ?? 0) - pointMs) / MS_PER_S;
    points.push({ atS, rate: (pointCount * MS_PER_S) / pointMs, p50Ms, p99Ms, maxMs: maxMs(current), errors: pointErrors });
    current.reset();
    [pointErrors, pointCount] = [0, 0];
    pointEndsAt += pointMs;
  }
  function moveOn(): void {
    const at = now();
    if (startedAt === undefined) {
      startedAt = at;
      pointEndsAt = at + pointMs;
    }
    while (at >= pointEndsAt) closePoint();
  }
  /** What ended so, in that row, and in a histogram of everything where it is timed. */
  function count(row: OpenRow, { name, doom, detail }: Outcome, latencyMs: number): void {
    more(row.outcomes, name);
    if (doom !== undefined) more(row.dooms, doom);
    if (name === 'ok') record(row.histogram, latencyMs);
    if (isError(name, tolerated)) trouble(`${row.operation} ${name}`, detail ?? '');
    onRecorded(row.operation, name, name === 'ok' ? latencyMs : undefined);
  }
  /** What ended now, in the course of time. */
  function inTime({ name }: Outcome, latencyMs: number): void {
    moveOn();
    pointCount += 1;
    if (name === 'ok') for (const histogram of [recent, current]) record(histogram, latencyMs);
  }
  const beside = (operation: string, outcome: Outcome, latencyMs: number): void => count(rowIn(aside, operation), outcome, latencyMs);

  return {
    async timed(operation, promise) {
      const from = now();
      const result = await promise;
      beside(operation, { name: 'ok' }, now() - from);
      return result;
    },
    beside,
    ended(operation, outcome, latencyMs, isWrite) {
      inTime(outcome, latencyMs);
      count(rowIn(planned, operation), outcome, latencyMs);
      if (outcome.name === 'ok') for (const histogram of [all, ...(isWrite ? [durable] : [])]) record(histogram, latencyMs);
    },
    afterwards(operation, outcome, latencyMs) {
      inTime(outcome, latencyMs);
      beside(operation, outcome, latencyMs);
    },
    tolerate(trouble) {
      tolerated = new Set([...tolerated, trouble]);
    },
    trouble,
    rows: () => [...planned.values()],
    asideRows: () => [...aside.values()],
    all,
    durable,
    points() {
      // The last one is not over, so it has no rate; its errors are not to be lost for that.
      const last = points.at(-1);
      return last === undefined ? [] : [...points.slice(0, -1), { ...last, errors: last.errors + pointErrors }];
    },
    lately() {
      const figures = { count: recent.totalCount, p50Ms: percentileMs(recent, 50), p99Ms: percentileMs(recent, 99) };
      recent.reset();
      return figures;
    },
    errors: () => errors,
    examples: () => [...examples].map(([kind, { count, details }]) => [`${kind} (${count})`, ...details].join(': ')),
  };
}
