// The API's own document, and a page to browse it that needs no network.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openApiOptions } from '../openapi.ts';
import type { ApiRoute } from '../route.ts';

/** To be registered before the routes that the document is about. */
export async function addDocuments(app: FastifyInstance, routes: readonly ApiRoute[], version: string): Promise<void> {
  await app.register(swagger, openApiOptions(routes, version));
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
