import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { delaysIn, lagBetween, lagIn, watchLedgerMetrics } from '../src/ledger-metrics.ts';
import type { Part } from '../src/pace.ts';

/** A page with a histogram of so many events up to each bound, in seconds. */
const page = (buckets: Readonly<Record<string, number>>, memoryMiB = 100): string =>
  [
    '# TYPE ledger_projection_delay_seconds histogram',
    ...Object.entries(buckets).map(([le, events]) => `ledger_projection_delay_seconds_bucket{le="${le}"} ${events}`),
    'ledger_projection_lag_seconds 0.25',
    `process_resident_memory_bytes ${memoryMiB * 1024 * 1024}`,
    '',
  ].join('\n');

test("the projection's lag is read off the ledger's metrics, the largest where there are several", () => {
  expect(lagIn(page({}))).toBe(250);
  expect(lagIn(`${page({})}ledger_projection_lag_seconds{instance="b"} 1.5\n`)).toBe(1_500);
  expect(lagIn('process_cpu_seconds_total 1\n')).toBeUndefined();
});

test('how long events took: of those that came between two looks, evenly in their bucket', () => {
  const before = delaysIn(page({ '0.01': 1_000, '0.02': 1_000, '0.1': 1_000, '+Inf': 1_000 }));
  const after = delaysIn(page({ '0.01': 1_040, '0.02': 1_080, '0.1': 1_100, '+Inf': 1_100 }));
  expect(lagBetween(before, after)).toEqual({ count: 100, p50Ms: 12.5, p95Ms: 80, p99Ms: 96 });
  expect(lagBetween([], after)?.count).toBe(1_100);
});

test('what lies beyond the last bound is said to be there, and nothing is said of nothing', () => {
  const [before, after] = [delaysIn(page({ '0.01': 5, '+Inf': 5 })), delaysIn(page({ '0.01': 5, '+Inf': 9 }))];
  expect(lagBetween(before, after)).toEqual({ count: 4, p50Ms: 10, p95Ms: 10, p99Ms: 10 });
  expect(lagBetween(after, after)).toBeNull();
  expect(lagBetween([], delaysIn('process_cpu_seconds_total 1\n'))).toBeNull();
});

test('what is said of a part is what was seen in it, and of a ledger that shows nothing nothing', async () => {
  let text = page({ '0.01': 10, '+Inf': 10 }, 80);
  const server = createServer((_, response) => void response.end(text)).listen(0);
  await once(server, 'listening');
  let part: Part = 'warm-up';
  const ledger = watchLedgerMetrics(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => part);
  await expect.poll(() => ledger.memory('warm-up')).toEqual({ beginMiB: 80, mostMiB: 80, endMiB: 80 });
  part = 'measured';
  await expect.poll(() => ledger.memory('measured')?.beginMiB).toBe(80);
  text = page({ '0.01': 12, '+Inf': 12 }, 120);
  await expect.poll(() => ledger.memory('measured')?.mostMiB).toBe(120);
  text = page({ '0.01': 13, '+Inf': 13 }, 90);
  await ledger.stop();
  expect(ledger.memory('measured')).toEqual({ beginMiB: 80, mostMiB: 120, endMiB: 90 });
  expect(ledger.lag('measured')?.count).toBe(3);
  expect(ledger.lagNowMs()).toBe(250);
  server.close();
  const nothing = watchLedgerMetrics('http://127.0.0.1:1', () => 'measured');
  await nothing.stop();
  expect([nothing.lag('measured'), nothing.memory('measured'), nothing.lagNowMs()]).toEqual([null, null, undefined]);
});
