import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Measurement } from './measure.ts';

/** The machine a figure was measured on: without it a figure says nothing. */
export function machine() {
  const [first] = cpus();
  return {
    cores: cpus().length,
    cpu: first?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

const number = (value: number | undefined, digits: number) =>
  value === undefined ? '' : value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** One line of the table; ends in the rate as a multiple of the disk baseline. */
export function row(measured: Measurement, baseline: Measurement): string {
  const ratio = measured.ratePerSecond / baseline.ratePerSecond;
  return [
    measured.name.padEnd(42),
    String(measured.inFlight).padStart(9),
    `${number(measured.ratePerSecond, 0)} ${measured.unit}/s`.padStart(18),
    number(measured.p50Ms, 2).padStart(10),
    number(measured.p99Ms, 2).padStart(10),
    `${number(ratio, 2)}×`.padStart(10),
  ].join('');
}

export const header = [
  'what'.padEnd(42),
  'in flight',
  'rate'.padStart(18),
  'p50 ms'.padStart(10),
  'p99 ms'.padStart(10),
  '× fsync'.padStart(10),
].join('');

/** Writes the figures beside those of earlier runs and returns the file's name. */
export function save(benchmark: string, report: { at: string; [key: string]: unknown }): string {
  const folder = join(import.meta.dirname, '..', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${benchmark}-${report.at.replaceAll(':', '-')}.json`);
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}
