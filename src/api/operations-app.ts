// Metrics and health, for a process that serves no API.
import type { Registry } from '@prometheus-io/client';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import Fastify, { LogController } from 'fastify';
import { answerErrors } from './errors.ts';
import type { Readiness } from './routes/health.ts';
import { addHealth } from './routes/health.ts';
import { serveMetrics } from './routes/metrics.ts';
import { addSecurityHeaders } from './security-headers.ts';
import { limitServer, SERVER_OPTIONS } from './server-limits.ts';
import { stopGracefully } from './stopping.ts';

export interface OperationsAppOptions {
  readonly registry: Registry;
  readonly readiness: () => Promise<Readiness>;
  readonly logger: FastifyBaseLogger;
}

/** As many other requests as anybody could have a use for here, where all others are answered 404. */
const MAX_OTHERS = 10;

/** `/metrics`, `/health/live` and `/health/ready`, as the API has them. It does not listen. */
export async function createOperationsApp({ registry, readiness, logger }: OperationsAppOptions): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    ...SERVER_OPTIONS,
  });
  answerErrors(app);
  addSecurityHeaders(app);
  limitServer(app, MAX_OTHERS);
  serveMetrics(app, registry);
  addHealth(app, { readiness, isStopping: stopGracefully(app, 0) });
  await app.ready();
  return app;
}
