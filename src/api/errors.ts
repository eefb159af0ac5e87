// Errors to problems: whatever is thrown on the way of a request ends here, as a problem of the catalogue.
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import { InvalidCursor } from '../projections/errors.ts';
import { bodyTypeOf } from './media-type.ts';
import type { Refusal } from './problems.ts';
import { RefusedRequest, refusal, sendProblem } from './problems.ts';

/** Answers every error, and every path that no route has, with a problem. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | RefusedRequest, request, reply) =>
    sendProblem(reply, refusalFor(error, request), { instance: request.id }),
  );
  app.setNotFoundHandler((request, reply) => sendProblem(reply, unknownRoute(request), { instance: request.id }));
}

const unknownRoute = ({ method, url }: FastifyRequest): Refusal =>
  refusal('not_found', `There is no ${method} ${url.split('?', 1)[0]?.slice(0, 200)}.`);

function refusalFor(error: FastifyError | RefusedRequest, request: FastifyRequest): Refusal {
  if (error instanceof RefusedRequest) return error.refusal;
  if (error instanceof InvalidCursor) return refusal('malformed_request', 'The cursor is none that this list has given out.');
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return refusal('body_too_large', `The body has more than ${request.routeOptions.bodyLimit} bytes.`);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return refusal('unsupported_media_type', `Send the body as ${bodyTypeOf(request)}.`);
  }
  // What fastify itself finds wrong with a request: a content length that is none, a header too many.
  if (error.statusCode !== undefined && error.statusCode < 500) return refusal('malformed_request', `${error.message}.`);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && isOutOfReach(error)) {
    request.log.warn({ err: error }, 'a read met a database out of reach');
    return refusal('store_unavailable', 'The database cannot be reached.');
  }
  request.log.error({ err: error }, 'a request failed');
  // What a write had done by then is not known here, and a refusal would claim that it did nothing.
  return isRead
    ? refusal('internal_error', 'The question could not be answered.')
    : refusal('outcome_unknown', 'The command may or may not have been applied. Send it again with the same key to learn which.');
}

/** Network errors, and Postgres' own: connection exceptions (class 08), shutting down or starting (57P), too many connections. */
const OUT_OF_REACH_CODE = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|08...|57P..|53300)$/;
/** What the driver says without a code. */
const OUT_OF_REACH_MESSAGE = /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/;

function isOutOfReach(error: Error & { readonly code?: unknown }): boolean {
  return (typeof error.code === 'string' && OUT_OF_REACH_CODE.test(error.code)) || OUT_OF_REACH_MESSAGE.test(error.message);
}
