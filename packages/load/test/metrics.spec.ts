import { expect, test } from 'vitest';
import { makeLoadMetrics, serveMetrics } from '../src/metrics.ts';

test('the client serves what it has seen', async () => {
  const metrics = makeLoadMetrics();
  metrics.watch({ inFlight: () => 7, targetRps: () => 250 });
  metrics.onRecorded('deposit', 'ok', 3);
  metrics.onRecorded('deposit', 'ok', 30);
  metrics.onRecorded('deposit', 'unexpected', undefined);
  await using server = await serveMetrics(metrics, 0);
  const answer = await fetch(server.url);
  expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const text = await answer.text();
  for (const line of [
    'ledger_load_requests_total{operation="deposit",outcome="ok"} 2',
    'ledger_load_requests_total{operation="deposit",outcome="unexpected"} 1',
    'ledger_load_request_duration_seconds_bucket{le="0.005",operation="deposit"} 1',
    'ledger_load_request_duration_seconds_count{operation="deposit"} 2',
    'ledger_load_in_flight 7',
    'ledger_load_target_rps 250',
    'ledger_load_differences Nan',
  ])
    expect(text).toContain(`\n${line}\n`);
  metrics.compared(2);
  expect(await metrics.text()).toContain('\nledger_load_differences 2\n');
  expect((await fetch(new URL('/other', server.url))).status).toBe(404);
});
