import type { Histogram } from 'hdr-histogram-js';
import { build } from 'hdr-histogram-js';

export interface Measurement {
  name: string;
  /** What the rate counts. */
  unit: 'appends' | 'events' | 'writes' | 'commands';
  inFlight: number;
  ratePerSecond: number;
  /** Latency of one call in milliseconds; absent where a row is one long call. */
  p50Ms?: number;
  p99Ms?: number;
}

export interface Load {
  name: string;
  unit: Measurement['unit'];
  inFlight: number;
  warmUpMs: number;
  durationMs: number;
  /** One call; answers how many units it moved. */
  call: (worker: number) => Promise<number>;
}

const US_PER_MS = 1_000;

/** For latencies from 1 µs to a minute, in µs. */
export const latencyHistogram = (): Histogram =>
  build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });

export const recordMs = (histogram: Histogram, ms: number): void => histogram.recordValue(Math.max(1, Math.round(ms * US_PER_MS)));

/** Keeps `inFlight` calls running for the duration and measures those that both began and ended after the warm-up. */
export async function measure(load: Load): Promise<Measurement> {
  const histogram = latencyHistogram();
  const start = performance.now() + load.warmUpMs;
  const end = start + load.durationMs;
  let units = 0;
  const worker = async (index: number) => {
    for (let before = performance.now(); before < end; before = performance.now()) {
      const moved = await load.call(index);
      const after = performance.now();
      if (before < start || after > end) continue;
      units += moved;
      recordMs(histogram, after - before);
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, (_, index) => worker(index)));
  return {
    name: load.name,
    unit: load.unit,
    inFlight: load.inFlight,
    ratePerSecond: units / (load.durationMs / 1_000),
    p50Ms: histogram.getValueAtPercentile(50) / US_PER_MS,
    p99Ms: histogram.getValueAtPercentile(99) / US_PER_MS,
  };
}

/** Measures one long call that moves many events. */
export async function measureOnce(name: string, call: () => Promise<number>): Promise<Measurement> {
  const before = performance.now();
  const events = await call();
  return { name, unit: 'events', inFlight: 1, ratePerSecond: events / ((performance.now() - before) / 1_000) };
}
