// What the ledger's own /metrics say while the load runs: how long events took to be seen, how far behind it is, and its memory.
import type { Part } from './pace.ts';

/** How long events took from the time that they bear until reads showed them, in milliseconds. */
export interface LagFigures {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}
/** Of the process that answers at the address. */
export interface MemoryFigures {
  readonly beginMiB: number;
  readonly mostMiB: number;
  readonly endMiB: number;
}

export interface LedgerMetrics {
  /** The projection's lag at this moment; undefined where it is not known. */
  lagNowMs(): number | undefined;
  /** Of the events of that part; null where the ledger does not show its metrics, or another process has these. */
  lag(part: Part): LagFigures | null;
  memory(part: Part): MemoryFigures | null;
  /** Looks once more, and no more after that. */
  stop(): Promise<void>;
}

/** Events up to each bound, cumulated, in order of the bounds; the last one is infinite. */
export type Buckets = readonly { readonly upToMs: number; readonly events: number }[];
interface Seen {
  readonly delays: Buckets;
  readonly memoryMiB: number | undefined;
}

const EVERY_MS = 500;
const TIMEOUT_MS = 5_000;
const MS_PER_S = 1_000;
const MIB = 1024 * 1024;
const LAG = /^ledger_projection_lag_seconds(?:\{[^}]*\})? (\S+)$/gm;
const DELAY = /^ledger_projection_delay_seconds_bucket\{(?:[^}]*,)?le="([^"]+)"[^}]*\} (\S+)$/gm;
const MEMORY = /^process_resident_memory_bytes(?:\{[^}]*\})? (\S+)$/m;

/** The largest lag in a page of metrics, in milliseconds. */
export function lagIn(metrics: string): number | undefined {
  const samples = [...metrics.matchAll(LAG)].map(([, seconds]) => Number(seconds)).filter(Number.isFinite);
  return samples.length === 0 ? undefined : Math.max(...samples) * MS_PER_S;
}
/** The histogram of the projection's delays in a page of metrics; empty where there is none. */
export const delaysIn = (metrics: string): Buckets =>
  [...metrics.matchAll(DELAY)]
    .map(([, le, events]) => ({ upToMs: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le) * MS_PER_S, events: Number(events) }))
    .sort((one, other) => one.upToMs - other.upToMs);

/**
 * What came between two looks at a histogram: percentiles, by events that lie evenly in their bucket. What lies beyond the last bound is
 * said to be there: nobody knows how far it is.
 */
export function lagBetween(earlier: Buckets, later: Buckets): LagFigures | null {
  const before = new Map(earlier.map(({ upToMs, events }) => [upToMs, events]));
  const buckets = later.map(({ upToMs, events }) => ({ upToMs, events: events - (before.get(upToMs) ?? 0) }));
  const count = buckets.at(-1)?.events ?? 0;
  if (count <= 0) return null;
  const percentile = (percent: number): number => {
    const wanted = (percent / 100) * count;
    const at = buckets.findIndex(({ events }) => events >= wanted);
    const [bucket, below] = [buckets[at], buckets[at - 1] ?? { upToMs: 0, events: 0 }];
    if (bucket === undefined || bucket.upToMs === Number.POSITIVE_INFINITY) return below.upToMs;
    return below.upToMs + ((bucket.upToMs - below.upToMs) * (wanted - below.events)) / (bucket.events - below.events);
  };
  return { count, p50Ms: percentile(50), p95Ms: percentile(95), p99Ms: percentile(99) };
}

/** @param part the one that the run is in. */
export function watchLedgerMetrics(url: string, part: () => Part): LedgerMetrics {
  const [first, last] = [new Map<Part, Seen>(), new Map<Part, Seen>()];
  const mostMiB = new Map<Part, number>();
  let lagNowMs: number | undefined;
  let looking: Promise<void> | undefined;

  function seen(during: Part, metrics: string): void {
    lagNowMs = lagIn(metrics);
    const memoryBytes = MEMORY.exec(metrics)?.[1];
    const memoryMiB = memoryBytes === undefined ? undefined : Number(memoryBytes) / MIB;
    const now = { delays: delaysIn(metrics), memoryMiB };
    if (!first.has(during)) first.set(during, now);
    last.set(during, now);
    if (memoryMiB !== undefined) mostMiB.set(during, Math.max(memoryMiB, mostMiB.get(during) ?? 0));
  }
  async function look(): Promise<void> {
    const during = part();
    try {
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      const text = await answer.text();
      if (answer.ok) seen(during, text);
      else lagNowMs = undefined;
    } catch {
      // Whether the ledger can be reached is what the load itself finds out.
      lagNowMs = undefined;
    }
  }
  const lookOnce = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const timer = setInterval(() => void lookOnce(), EVERY_MS);

  return {
    lagNowMs: () => lagNowMs,
    lag(of) {
      const [from, to] = [first.get(of), last.get(of)];
      return from === undefined || to === undefined ? null : lagBetween(from.delays, to.delays);
    },
    memory(of) {
      const [beginMiB, most, endMiB] = [first.get(of)?.memoryMiB, mostMiB.get(of), last.get(of)?.memoryMiB];
      return beginMiB === undefined || most === undefined || endMiB === undefined ? null : { beginMiB, mostMiB: most, endMiB };
    },
    async stop() {
      clearInterval(timer);
      await looking;
      await look();
    },
  };
}
