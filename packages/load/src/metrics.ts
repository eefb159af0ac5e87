// The load client's own metrics, for Prometheus while it runs: what the outside saw, beside what the ledger says of itself.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Listener } from './recorder.ts';

export interface LoadMetrics {
  readonly onRecorded: Listener;
  /** For what is read at the moment of a scrape. */
  watch(sources: { readonly inFlight: () => number; readonly targetRps: () => number }): void;
  /** What the comparison of the books found. */
  compared(differences: number): void;
  text(): Promise<string>;
}

const MS_PER_S = 1_000;
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function makeLoadMetrics(): LoadMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'ledger_load_requests_total',
    help: 'Requests of the load client, by what became of them.',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'ledger_load_request_duration_seconds',
    help: 'From when a request should have been sent to its answer, of those that were answered as they should be.',
    labelNames: ['operation'],
    buckets: BUCKETS_S,
    registers,
  });
  const differences = new Gauge({
    name: 'ledger_load_differences',
    help: 'Differences between the books of the load client and those of the ledger; NaN until they are compared.',
    registers,
  });
  differences.set(Number.NaN);

  return {
    onRecorded(operation, outcome, latencyMs) {
      requests.inc({ operation, outcome });
      if (latencyMs !== undefined) durations.observe({ operation }, latencyMs / MS_PER_S);
    },
    watch({ inFlight, targetRps }) {
      new Gauge({
        name: 'ledger_load_target_rps',
        help: 'Requests a second that are sent, whatever is answered; while the rate rises, what it rises to.',
        registers,
        collect() {
          this.set(targetRps());
        },
      });
      new Gauge({
        name: 'ledger_load_in_flight',
        help: 'Requests that were sent and are not answered yet.',
        registers,
        collect() {
          this.set(inFlight());
        },
      });
    },
    compared: (found) => differences.set(found),
    text: () => registry.metrics(),
  };
}

/** Serves them at /metrics. @throws where the port is taken. */
export async function serveMetrics(metrics: Pick<LoadMetrics, 'text'>, port: number): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    metrics.text().then(
      (text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(port);
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
