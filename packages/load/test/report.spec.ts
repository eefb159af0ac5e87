import { expect, test } from 'vitest';
import { chartOf, niceTop } from '../src/chart.ts';
import { makeRecorder, newHistogram, record } from '../src/recorder.ts';
import type { Report } from '../src/report.ts';
import { figuresOf, isClean, operationReports } from '../src/report.ts';
import { tableOf } from '../src/table.ts';

function reportOf(more: Partial<Report> = {}): Report {
  let now = 0;
  const recorder = makeRecorder({ tolerated: new Set(), durationMs: 2_000, now: () => now, onRecorded: () => undefined });
  for (; now < 2_000; now += 10) {
    recorder.ended('deposit', { name: 'ok' }, 4, true);
    recorder.ended('doomed', { name: 'ok', doom: 'to-oneself' }, 8, false);
  }
  recorder.ended('deposit', { name: 'unexpected', detail: 'forbidden & <strange>' }, 1, true);
  recorder.beside('register', { name: 'ok' }, 60);
  return {
    url: 'http://127.0.0.1:3000',
    seed: 'a <seed>',
    run: 'load-0f',
    rps: 200,
    durationS: 2,
    warmUpS: 0,
    users: 10,
    isOverAmqp: false,
    ...operationReports(recorder, 2),
    all: figuresOf(recorder.all),
    durable: figuresOf(recorder.durable),
    visible: null,
    projectionLag: null,
    ledgerMemory: null,
    overload: null,
    points: recorder.points(),
    errors: recorder.errors(),
    examples: recorder.examples(),
    reconciliation: { accounts: 10, events: 300, applied: 200, refused: 200, differences: [] },
    client: { cpuMsPerRequest: 0.5, peakRssMiB: 120, lateness: figuresOf(newHistogram()) },
    ...more,
  };
}

test('the table has a line an operation, and says what was wrong', () => {
  const text = tableOf(reportOf());
  expect(text).toMatch(/^deposit +201 +100\.5 +50\.1 % +4\.0 +4\.0 +4\.0 +4\.0 +ok 200, unexpected 1$/m);
  expect(text).toMatch(/^doomed +200 +100\.0 +49\.9 % +8\.0 +8\.0 +8\.0 +8\.0 +ok 200$/m);
  expect(text).toMatch(/^all +401 +200\.5 +4\.0 +8\.0 +8\.0 +8\.0$/m);
  expect(text).toMatch(/^beside the plan.*\nregister +1 +0\.5 +60\.\d/m);
  expect(text).toContain('doomed, refused as they should be: to-oneself 200');
  expect(text).toContain('visible (a write, to the end of a read that sees it): not known');
  expect(text).toContain('  deposit unexpected (1): forbidden & <strange>');
  expect(text).toMatch(/NOT CLEAN$/);
});

test('an overload is told apart: what was accepted, what was refused, and when it was over', () => {
  const histogram = newHistogram();
  for (let ms = 1; ms <= 100; ms += 1) record(histogram, ms);
  const overload = {
    rps: 3_000,
    durationS: 30,
    acceptedPerS: 1_500,
    accepted: figuresOf(histogram),
    acceptedSinceSent: { ...figuresOf(histogram), p50Ms: 40.04 },
    refused: figuresOf(histogram),
    lateness: figuresOf(newHistogram()),
    usualMs: 12,
    recoveredMs: 1_500,
    ledgerMemory: { beginMiB: 200, mostMiB: 300, endMiB: 250 },
  };
  const text = tableOf(reportOf({ overload, projectionLag: { count: 7, p50Ms: 9, p95Ms: 20, p99Ms: 31 } }));
  expect(text).toContain('overload: 3000 requests a second for 30 s, of which 1500 a second were accepted');
  expect(text).toMatch(/^ {2}accepted, from its moment in the plan: p50 50\.\d ms, .* \(100\)$/m);
  expect(text).toMatch(/^ {2}accepted, from when it was sent.*: p50 40\.0 ms, .* \(100\)$/m);
  expect(text).toMatch(/^ {2}refused with Retry-After: p50 50\.\d ms, .* \(100\)$/m);
  expect(text).toContain('memory of the ledger: 200 MiB in the beginning, 300 MiB at most, 250 MiB in the end');
  expect(text).toContain('after it: as usual (95 of 100 answers within 12.0 ms) from 1.5 s on');
  expect(text).toMatch(/^projection lag .*: p50 9\.0 ms, p95 20\.0 ms, p99 31\.0 ms \(7\)$/m);
  expect(tableOf(reportOf({ overload: { ...overload, recoveredMs: 0 } }))).toContain('within 12.0 ms) at once');
  expect(tableOf(reportOf({ overload: { ...overload, recoveredMs: null } }))).toContain('after it: not as usual again');
});

test('many differences are cut off, with how many there are', () => {
  const differences = Array.from({ length: 70 }, (_, at) => `difference ${at}`);
  const report = reportOf({ errors: 0, reconciliation: { accounts: 10, events: 300, applied: 1, refused: 0, differences } });
  expect(isClean(report)).toBe(false);
  const text = tableOf(report);
  expect(text).toContain("70 differences from this client's:");
  expect(text).toContain('… and 20 more');
});

test('a run is clean where there was no error and there is no difference', () => {
  expect(isClean(reportOf())).toBe(false);
  expect(isClean(reportOf({ errors: 0 }))).toBe(true);
});

test('the chart is SVG that needs nothing else, whatever is in it', () => {
  for (const report of [reportOf(), reportOf({ points: [] })]) {
    const svg = chartOf(report);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
    expect(svg).toContain('(seed a &lt;seed&gt;)');
    expect(svg).not.toMatch(/NaN|Infinity|undefined|<script|href/);
    const opened = [...svg.matchAll(/<([a-z]+)[\s>]/g)].map(([, name]) => name).filter((name) => name === 'svg' || name === 'text');
    const closed = [...svg.matchAll(/<\/([a-z]+)>/g)].map(([, name]) => name);
    expect(closed.sort()).toEqual(opened.sort());
  }
  expect(chartOf(reportOf())).toContain('<circle');
});

test.each([
  [0, 1],
  [0.7, 1],
  [1, 1],
  [1.1, 2],
  [33, 50],
  [99, 100],
  [101, 200],
])('the axis up to %d ends at %d', (value, top) => {
  expect(niceTop(value)).toBeCloseTo(top, 9);
});
