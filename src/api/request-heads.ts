// Heads of requests that Node would answer by itself, with nothing in the answer: here they are answered as any request is.
import type { FastifyInstance } from 'fastify';
import { RefusedRequest, refusal } from './problems.ts';

/**
 * Refuses a request that does not say once which host it is for (RFC 9112, 3.2: two that differ are how requests are led past
 * a proxy), and passes over an expectation that nobody knows (RFC 9110, 10.1.1, leaves that open).
 */
export function judgeHeads(app: FastifyInstance): void {
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.addHook('onRequest', async ({ raw }) => {
    const hosts = raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host').length;
    // HTTP/1.0 had no such header yet.
    const isEnough = hosts === 1 || (hosts === 0 && raw.httpVersion === '1.0');
    if (!isEnough) throw new RefusedRequest(refusal('malformed_request', `The header Host stands ${hosts} times; it has to stand once.`));
  });
}
