// Headers on every answer: the request's id, and what tells browsers to do nothing with an answer but show it (OWASP's REST
// security cheat sheet).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export const SECURITY_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // Holds for what a page embeds; what it fetches with leave (cross-origin.ts) is not embedded.
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  // For browsers that do not know frame-ancestors.
  'X-Frame-Options': 'DENY',
  // Balances are nobody's but the reader's, and an old one is a wrong one.
  'Cache-Control': 'private, no-cache',
};
/** Two years, as browsers ask of those who mean it. Not for subdomains: they are others' to speak for. */
const HSTS = 'max-age=63072000';

/** Sets them; to be called by itself only for what is answered before any hook has run. */
export function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(SECURITY_HEADERS).header('X-Request-Id', request.id);
  // Tokens and cookies are not to be kept by anything between (RFC 6749, 5.1).
  if (request.routeOptions.url?.startsWith('/v1/auth/')) reply.header('Cache-Control', 'no-store');
  // Known from a proxy that is believed (LEDGER_TRUST_PROXY); over plain text browsers pass it over.
  if (request.protocol === 'https') reply.header('Strict-Transport-Security', HSTS);
}

export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => setSecurityHeaders(request, reply));
}
