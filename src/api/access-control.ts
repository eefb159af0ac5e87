// Access control: what the table says of a route is put in front of it, so that no route is served that nobody has spoken about.
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { Access } from '../identity/access.ts';
import { accessRefusal, accessTo } from '../identity/access.ts';
import type { PrincipalResolver } from './principal.ts';
import { authenticate, principalOf } from './principal.ts';
import { throwRefusal } from './problems.ts';

/**
 * Has every route that is added from now on ask for credentials before anything else, and for a role that may use it before
 * the request's shape is looked at; except for those that are anyone's.
 * @throws Error, from adding it, where a route has no row in the table.
 */
export function controlAccess(app: FastifyInstance, resolve: PrincipalResolver): void {
  app.addHook('onRoute', (route) => {
    const access = accessOf(route);
    if (access === 'anyone') return;
    route.onRequest = [authenticate(resolve), ...listed(route.onRequest)];
    route.preValidation = [
      async (request) => throwRefusal(accessRefusal(access, principalOf(request).role)),
      ...listed(route.preValidation),
    ];
  });
}

/** The path of a route as the table and the document write it. */
const documentedPath = (url: string): string => url.replaceAll(/:([A-Za-z]+)/g, '{$1}');

function accessOf({ method, url }: Pick<RouteOptions, 'method' | 'url'>): 'anyone' | Access {
  const [first, ...others] = [method].flat().map((name) => accessTo(name, documentedPath(url)));
  if (first === undefined || others.some((other) => other !== first)) throw new Error(`${url}: one route for methods of several rows`);
  return first;
}

const listed = <Hook>(hooks: Hook | Hook[] | undefined): Hook[] => {
  if (hooks === undefined) return [];
  return Array.isArray(hooks) ? hooks : [hooks];
};
