// Stopping: say so, take no more, finish what was accepted, let every connection go.
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/**
 * Makes `app.close()` graceful. Readiness is to say 503 as soon as the returned function says true; `delayMs` later no
 * more connections are taken. Every answer from then on closes its connection: otherwise one that is kept alive would
 * hold the server open until it timed out.
 */
export function stopGracefully(app: FastifyInstance, delayMs: number): () => boolean {
  let isStopping = false;
  app.addHook('preClose', async () => {
    isStopping = true;
    if (delayMs > 0) await sleep(delayMs);
  });
  app.addHook('onSend', async (_request, reply) => {
    if (isStopping) reply.header('Connection', 'close');
  });
  return () => isStopping;
}
