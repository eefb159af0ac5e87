// A request's part of a trace: its span, and the trace's id in every line that is logged of it.
import type { FastifyInstance } from 'fastify';
import type { Span, Spans } from '../commands/spans.ts';
import { traceIdOf } from '../commands/spans.ts';
import { traceparentOf } from './request-headers.ts';
import { isAlwaysAnswered } from './server-limits.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the whole request; null without tracing. */
    span: Span | null;
  }
}

const SERVER_FAULT = 500;

/** A span for every request but those for health and metrics, where there are spans; to be added before whatever logs. */
export function traceRequests(app: FastifyInstance, spans: Spans | undefined): void {
  app.decorateRequest('span', null);
  app.addHook('onRequest', async (request, reply) => {
    const parent = traceparentOf(request);
    if (parent === undefined && spans === undefined) return;
    const { method, routeOptions } = request;
    const route = routeOptions.url;
    if (isAlwaysAnswered(route)) return;
    const span = spans?.start({
      name: route === undefined ? method : `${method} ${route}`,
      kind: 'server',
      parent,
      attributes: { 'http.request.method': method, ...(route !== undefined && { 'http.route': route }), 'ledger.request.id': request.id },
    });
    const traceparent = span?.traceparent ?? parent;
    if (traceparent !== undefined) {
      request.log = request.log.child({ traceId: traceIdOf(traceparent) });
      reply.log = request.log;
    }
    if (span === undefined) return;
    request.span = span;
    // Comes once, also where the client has gone or the answer could not be sent.
    reply.raw.once('close', () => {
      const { statusCode } = reply.raw;
      const failure = statusCode >= SERVER_FAULT ? String(statusCode) : undefined;
      span.end({ attributes: { 'http.response.status_code': statusCode }, failure });
    });
  });
}
