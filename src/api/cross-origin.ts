// Pages of other origins: which of them may call the API from a browser (CORS, as the Fetch standard has it).
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** How long a browser may remember the answer to its question; an origin that is taken from the list stops by then. */
const PREFLIGHT_MAX_AGE_S = 600;

/**
 * Lets pages of these origins call the API and read its answers, with the refresh cookie; without any, none but its own.
 * A browser's question beforehand is answered before authentication: it comes without credentials.
 * To be added before access control: what it adds is no route of the ledger.
 */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'If-Match',
      'If-None-Match',
      'Prefer',
      'X-Request-Id',
      'traceparent',
    ],
    exposedHeaders: [
      'ETag',
      'Idempotency-Hit',
      'Link',
      'Location',
      'Preference-Applied',
      'Retry-After',
      'WWW-Authenticate',
      'X-Request-Id',
    ],
    maxAge: PREFLIGHT_MAX_AGE_S,
    // What is no question of a browser is answered like any OPTIONS, not with a text of the plugin's own.
    strictPreflight: false,
  });
}
