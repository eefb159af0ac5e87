// What a run came to: one value, of which the table, the JSON and the chart are made.
import type { Histogram } from 'hdr-histogram-js';
import type { LagFigures, LedgerMetrics, MemoryFigures } from './ledger-metrics.ts';
import type { Overload } from './pace.ts';
import type { Parts } from './parts.ts';
import type { Reconciliation } from './reconcile.ts';
import type { Point, Recorder, Row } from './recorder.ts';
import { maxMs, newHistogram, percentileMs } from './recorder.ts';

/** Milliseconds, from when a request should have been sent. */
export interface Figures {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}
export interface OperationReport extends Figures {
  readonly operation: string;
  readonly ratePerS: number;
  /** Of all requests of the plan, in percent; none of what is beside it. */
  readonly sharePercent?: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of doomed commands, by case. */
  readonly dooms?: Readonly<Record<string, number>>;
}
export interface Report {
  readonly url: string;
  readonly seed: string;
  readonly run: string;
  readonly rps: number;
  readonly durationS: number;
  readonly warmUpS: number;
  readonly users: number;
  readonly isOverAmqp: boolean;
  readonly operations: readonly OperationReport[];
  /** Log-ins and whatever else is not of the plan. */
  readonly aside: readonly OperationReport[];
  readonly all: Figures;
  /** Writes: their answer is given when they are durable. */
  readonly durable: Figures;
  /** From when a write should have been sent to the end of a read that sees it. */
  readonly visible: Figures | null;
  /** From an event's time until reads show it, as the ledger says it. */
  readonly projectionLag: LagFigures | null;
  /** Of the process that answers at the address, while it was measured. */
  readonly ledgerMemory: MemoryFigures | null;
  readonly overload: OverloadReport | null;
  readonly points: readonly Point[];
  readonly errors: number;
  readonly examples: readonly string[];
  readonly reconciliation: Reconciliation;
  /** What this client itself needed: whoever measures on one machine has to know. */
  readonly client: { readonly cpuMsPerRequest: number; readonly peakRssMiB: number /** How late it sent. */; readonly lateness: Figures };
}

/** More than the service takes, and what came after it. */
export interface OverloadReport {
  readonly rps: number;
  readonly durationS: number;
  /** What was answered as it should be, a second. */
  readonly acceptedPerS: number;
  readonly accepted: Figures;
  /** The same from when they were sent, without their wait for what they build on. */
  readonly acceptedSinceSent: Figures;
  /** 503 and 429, with Retry-After; from when they were sent. */
  readonly refused: Figures;
  readonly lateness: Figures;
  /** Answers are as usual where they take no longer. */
  readonly usualMs: number;
  /** From when on they were so, from the end of the overload; null where they were not. */
  readonly recoveredMs: number | null;
  readonly ledgerMemory: MemoryFigures | null;
}

const MS_DIGITS = 100;
const rounded = (ms: number): number => Math.round(ms * MS_DIGITS) / MS_DIGITS;

export const figuresOf = (histogram: Histogram): Figures => ({
  count: histogram.totalCount,
  p50Ms: rounded(percentileMs(histogram, 50)),
  p95Ms: rounded(percentileMs(histogram, 95)),
  p99Ms: rounded(percentileMs(histogram, 99)),
  maxMs: rounded(maxMs(histogram)),
});
export const figuresOrNone = (histogram: Histogram | undefined): Figures | null =>
  histogram === undefined || histogram.totalCount === 0 ? null : figuresOf(histogram);

const totalOf = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, count) => sum + count, 0);

function reportOf(row: Row, durationS: number, total?: number): OperationReport {
  const { operation, histogram, outcomes, dooms } = row;
  const count = totalOf(outcomes);
  return {
    operation,
    ...figuresOf(histogram),
    count,
    ratePerS: rounded(count / durationS),
    ...(total === undefined ? {} : { sharePercent: rounded((count / total) * 100) }),
    outcomes: Object.fromEntries(outcomes),
    ...(dooms.size === 0 ? {} : { dooms: Object.fromEntries([...dooms].sort()) }),
  };
}

/** The operations, most frequent first, and what was beside them. */
export function operationReports(recorder: Recorder, durationS: number): Pick<Report, 'operations' | 'aside'> {
  const rows = recorder.rows();
  const total = rows.reduce((sum, { outcomes }) => sum + totalOf(outcomes), 0);
  return {
    operations: rows.map((row) => reportOf(row, durationS, total)).sort((one, other) => other.count - one.count),
    aside: recorder.asideRows().map((row) => reportOf(row, durationS)),
  };
}

export function overloadReport(
  { rps, durationS }: Overload,
  recorder: Recorder,
  parts: Parts,
  ledger: Pick<LedgerMetrics, 'memory'>,
): OverloadReport {
  const accepted = recorder.asideRows().find(({ operation }) => operation === 'overload')?.histogram ?? newHistogram();
  return {
    rps,
    durationS,
    acceptedPerS: rounded(accepted.totalCount / durationS),
    accepted: figuresOf(accepted),
    acceptedSinceSent: figuresOf(parts.acceptances),
    refused: figuresOf(parts.refusals),
    lateness: figuresOf(parts.lateness('overload')),
    usualMs: rounded(parts.usualMs()),
    recoveredMs: parts.recoveredMs() ?? null,
    ledgerMemory: ledger.memory('overload'),
  };
}

/** Whether all is well: no error, no difference. */
export const isClean = ({ errors, reconciliation }: Report): boolean => errors === 0 && reconciliation.differences.length === 0;
