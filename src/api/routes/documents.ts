// The documents of the API and of the messages, and a page to browse the first that needs no network.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openApiOptions } from '../openapi.ts';
import type { ApiRoute } from '../route.ts';

export interface Documents {
  /** The program's, in the API's document. */
  readonly version: string;
  readonly asyncApi: object;
}

/** To be registered before the routes that the API's document is about. */
export async function addDocuments(app: FastifyInstance, routes: readonly ApiRoute[], { version, asyncApi }: Documents): Promise<void> {
  await app.register(swagger, openApiOptions(routes, version));
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/asyncapi.json', { schema: { hide: true } }, async () => asyncApi);
}
