// Metrics: the process's registry, and in it how long requests take.
import type { Registry } from '@prometheus-io/client';
import { Gauge, Histogram } from '@prometheus-io/client';
import type { FastifyInstance } from 'fastify';

/** From half a millisecond to ten seconds: what lies beyond is as bad as ten. */
export const DURATION_BUCKETS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const MS_PER_S = 1_000;
/** What requests that no route takes are counted under: their paths are anybody's invention, and never become labels. */
const NO_ROUTE = 'none';

/** Times every request by method, route (the pattern, never the path) and status, and serves the registry at /metrics. */
export function addMetrics(app: FastifyInstance, registry: Registry, requestsUnderWay: () => number): void {
  const durations = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Time of a request, from its head to the end of its answer.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    buckets: DURATION_BUCKETS_S,
    registers: [registry],
  });
  new Gauge({
    name: 'http_server_active_requests',
    help: 'Requests under way, those for health and metrics apart.',
    registers: [registry],
    collect() {
      this.set(requestsUnderWay());
    },
  });
  app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
    const labels = {
      http_request_method: method,
      http_route: routeOptions.url ?? NO_ROUTE,
      http_response_status_code: String(reply.statusCode),
    };
    durations.observe(labels, reply.elapsedTime / MS_PER_S);
  });
  serveMetrics(app, registry);
}

/** Serves the registry at /metrics. */
export function serveMetrics(app: FastifyInstance, registry: Registry): void {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .type(registry.contentType)
      .serializer(String)
      .send(await registry.metrics()),
  );
}
