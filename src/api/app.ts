// The API as a fastify instance: the only place where its parts are put together. It does not listen; main and tests do.
import type { Registry } from '@prometheus-io/client';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import Fastify, { LogController } from 'fastify';
import type { Spans } from '../commands/spans.ts';
import { controlAccess } from './access-control.ts';
import type { Auth } from './auth-route.ts';
import { makeBrokenRequests } from './broken-requests.ts';
import { allowOrigins } from './cross-origin.ts';
import { answerErrors } from './errors.ts';
import type { Gateway } from './gateway.ts';
import { FORM_TYPE, takeBodies } from './media-type.ts';
import type { PermissionSettings } from './permissions.ts';
import type { PrincipalResolver } from './principal.ts';
import type { LedgerQueries } from './queries.ts';
import { requestIdFrom } from './request-headers.ts';
import { judgeHeads } from './request-heads.ts';
import type { RequestLimitSettings } from './request-limits.ts';
import { limitAnonymous, makeRequestLimits } from './request-limits.ts';
import { shapeCompiler } from './request-shape.ts';
import type { ApiRoute, RouteDependencies } from './route.ts';
import { ROUTES } from './routes/all.ts';
import { addDocuments } from './routes/documents.ts';
import type { Readiness } from './routes/health.ts';
import { addHealth } from './routes/health.ts';
import { addMetrics } from './routes/metrics.ts';
import { addProblemPages } from './routes/problem-pages.ts';
import { addSecurityHeaders, setSecurityHeaders } from './security-headers.ts';
import { limitServer, SERVER_OPTIONS } from './server-limits.ts';
import { stopGracefully } from './stopping.ts';
import { traceRequests } from './trace-requests.ts';

/** Who may come how often, from where. */
export interface EdgeSettings extends RequestLimitSettings {
  /** Under way at a time. */
  readonly maxRequests: number;
  /** Whose pages may call the API from a browser. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** The proxies that are believed about where a request comes from: addresses, networks, or names of some. */
  readonly trustProxy?: readonly string[] | undefined;
}

export interface AppOptions {
  readonly gateway: Gateway;
  readonly queries: LedgerQueries;
  readonly readiness: () => Promise<Readiness>;
  /** Gets the histogram of requests, and is served at /metrics. */
  readonly registry: Registry;
  readonly logger: FastifyBaseLogger;
  /** Absent where nobody traces. */
  readonly spans?: Spans | undefined;
  /** Who makes a request: authentication. */
  readonly principal: PrincipalResolver;
  readonly permissions: PermissionSettings;
  readonly auth: Auth;
  readonly bodyLimitBytes: number;
  readonly edge: EdgeSettings;
  /** Of the document: the program's. */
  readonly version: string;
  /** The AsyncAPI document, of what goes over the broker. */
  readonly asyncApi: object;
  /** How long to go on taking connections after a stop was asked for, while /health/ready says 503; 0 where nobody watches it. */
  readonly stopDelayMs?: number;
}

/** Long enough for any id; a longer one is answered as one that names nothing. */
const MAX_PARAM_LENGTH = 1_024;

/**
 * Builds the API. `close()` on what it returns says 503 at /health/ready first, then takes no more connections, answers
 * what it has accepted, and resolves; the gateway and the stores are the caller's to close afterwards.
 */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { gateway, queries, permissions, auth, edge } = options;
  const limits = makeRequestLimits(options.principal, edge);
  const broken = makeBrokenRequests();
  const app: FastifyInstance = Fastify({
    loggerInstance: options.logger,
    // A command has its own line; metrics count the rest.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: ({ headers }) => requestIdFrom(headers['x-request-id']),
    bodyLimit: options.bodyLimitBytes,
    ...SERVER_OPTIONS,
    ...(edge.trustProxy && { trustProxy: [...edge.trustProxy] }),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // What has been accepted is answered, also while closing; see closeConnections.
    return503OnClosing: false,
    clientErrorHandler: broken.answer,
    // Before a route is found no hook runs: a path that cannot be decoded is answered here.
    frameworkErrors: (error, request, reply) => {
      setSecurityHeaders(request, reply);
      app.errorHandler(error, request, reply);
    },
  });
  broken.watch(app.server);
  app.decorateRequest('principal', null);
  takeBodies(app);
  app.setValidatorCompiler(shapeCompiler);
  // Answers are typed by their schemas, and tests check them against the document; checking them again here would only cost time.
  app.setSerializerCompiler(() => JSON.stringify);

  answerErrors(app);
  addSecurityHeaders(app);
  judgeHeads(app);
  await allowOrigins(app, edge.corsOrigins ?? []);
  traceRequests(app, options.spans);
  const requestsUnderWay = limitServer(app, edge.maxRequests);
  limitAnonymous(app, limits);
  controlAccess(app, limits.principal);
  const isStopping = stopGracefully(app, options.stopDelayMs ?? 0);
  addMetrics(app, options.registry, requestsUnderWay);
  addHealth(app, { readiness: options.readiness, isStopping });
  addProblemPages(app);
  await addDocuments(app, ROUTES, options);
  for (const route of ROUTES) addRoute(app, route, { gateway, queries, permissions, auth, countMore: limits.countMore });
  await app.ready();
  return app;
}

function addRoute(app: FastifyInstance, route: ApiRoute, dependencies: RouteDependencies): void {
  const { method, path, params, query, body, takesForm = false, doc } = route;
  app.route({
    method,
    url: path.replace(/\{([^}]+)\}/g, ':$1'),
    schema: {
      operationId: doc.operationId,
      tags: [doc.tag],
      summary: doc.summary,
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { querystring: query }),
      ...(body === undefined ? {} : { body }),
      ...(takesForm && { consumes: [FORM_TYPE] }),
      response: Object.fromEntries(Object.entries(doc.answers).flatMap(([status, { schema }]) => (schema ? [[status, schema]] : []))),
    },
    config: { takesForm },
    ...route.mount(dependencies),
  });
}
