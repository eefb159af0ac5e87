// What one process takes at a time, and how long it lets anybody take: past it a request is turned away before anything of it is read.
import type { Server } from 'node:http';
import type { FastifyHttpOptions, FastifyInstance } from 'fastify';
import { RefusedRequest, refusal } from './problems.ts';

/** All headers and the address together; Node's own bound, said here because problems name it. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** Longer than any address that this API has a use for, and within what proxies pass on. */
const MAX_URL_LENGTH = 8 * 1024;
/** How long a request may take to arrive whole: a client that trickles it in must not hold a connection for ever. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** The head alone: it is sent in one piece. */
const HEADERS_TIMEOUT_MS = 10_000;
/** How often those two are looked at; Node's 30 s would more than double them. */
const CHECK_EVERY_MS = 5_000;
/** Longer than the minute for which load balancers keep connections: if we let go first, they would send into nothing. */
const KEEP_ALIVE_MS = 75_000;
/** Without a byte in either direction: longer than any answer is waited for (60 s), so it ends only who takes none. */
const SILENCE_MS = 120_000;
/** Some 10 KB each where nothing happens on them. Further ones are closed as they come. */
const MAX_CONNECTIONS = 10_000;
/** Asked by those who decide what becomes of this process: an overloaded one must be able to say so. */
const ALWAYS_ANSWERED: ReadonlySet<string | undefined> = new Set(['/health/live', '/health/ready', '/metrics']);
/** Whether a route is one of those: they are asked every few seconds, and stand for no work. */
export const isAlwaysAnswered = (route: string | undefined): boolean => ALWAYS_ANSWERED.has(route);

/** The options of fastify, and of Node's server, that bound what a connection may do. */
export const SERVER_OPTIONS = {
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  connectionTimeout: SILENCE_MS,
  http: {
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
    // Judged in request-heads.ts: Node's own answer has no problem in it.
    requireHostHeader: false,
  },
} satisfies FastifyHttpOptions<Server>;

/**
 * Turns away what would be too much: `overloaded` where `maxRequests` are under way already, `malformed_request` for an
 * address that is too long. To be added before whatever looks at a request; health and metrics are always answered.
 * @returns how many requests are under way, these apart.
 */
export function limitServer(app: FastifyInstance, maxRequests: number): () => number {
  app.server.maxConnections = MAX_CONNECTIONS;
  let underWay = 0;
  app.addHook('onRequest', async ({ routeOptions, url }, reply) => {
    if (isAlwaysAnswered(routeOptions.url)) return;
    if (underWay >= maxRequests)
      throw new RefusedRequest(refusal('overloaded', `${maxRequests} requests are under way, and no more are taken.`));
    underWay += 1;
    // Comes once, also where the client has gone or the answer could not be sent.
    reply.raw.once('close', () => {
      underWay -= 1;
    });
    if (url.length > MAX_URL_LENGTH)
      throw new RefusedRequest(refusal('malformed_request', `The address has more than ${MAX_URL_LENGTH} characters.`));
  });
  return () => underWay;
}
