// How far the projection is behind, as the ledger's own /metrics say it, sampled while the load runs.
import type { Histogram } from 'hdr-histogram-js';
import { newHistogram, record } from './recorder.ts';

export interface LagSampler {
  /** Samples, in milliseconds; none where the ledger does not show its metrics. */
  readonly histogram: Histogram;
  /** The last one; undefined where there is none. */
  lastMs(): number | undefined;
  stop(): void;
}

const EVERY_MS = 500;
const TIMEOUT_MS = 5_000;
const MS_PER_S = 1_000;
const SAMPLE = /^ledger_projection_lag_seconds(?:\{[^}]*\})? (\S+)$/gm;

/** The largest lag in a page of metrics, in milliseconds. */
export function lagIn(metrics: string): number | undefined {
  const samples = [...metrics.matchAll(SAMPLE)].map(([, seconds]) => Number(seconds)).filter(Number.isFinite);
  return samples.length === 0 ? undefined : Math.max(...samples) * MS_PER_S;
}

export function sampleProjectionLag(url: string): LagSampler {
  const histogram = newHistogram();
  let lastMs: number | undefined;
  let isAsking = false;

  async function sample(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      lastMs = answer.ok ? lagIn(await answer.text()) : undefined;
      if (lastMs !== undefined) record(histogram, lastMs);
    } catch {
      // Whether the ledger can be reached is what the load itself finds out.
      lastMs = undefined;
    } finally {
      isAsking = false;
    }
  }
  const timer = setInterval(() => void sample(), EVERY_MS);
  return { histogram, lastMs: () => lastMs, stop: () => clearInterval(timer) };
}
