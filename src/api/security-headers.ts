// Headers on every answer: the request's id, and what tells browsers to do nothing with an answer but show it.
import type { FastifyInstance } from 'fastify';

const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
};

export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS).header('X-Request-Id', request.id);
    // Balances are nobody's but the reader's, and an old one is a wrong one.
    reply.header('Cache-Control', 'private, no-cache');
  });
}
