// The principal: who makes a request. The one place where authentication plugs in.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Role } from '../commands/senders.ts';
import { principalUuidOf } from '../domain/ids.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import { RefusedRequest } from './problems.ts';

/** Whoever makes a request, as far as the ledger cares. */
export interface Principal {
  readonly issuer: string;
  /** What the issuer calls them. */
  readonly subject: string;
  /** The UUID that stands for them: the owner of a user's accounts, and the actor in events. */
  readonly uuid: string;
  readonly role: Role;
  /** For people to read; never in events, never in logs. */
  readonly name: string;
}

/** Says who makes the request, or why that is not known (`unauthenticated`, `token_expired`). */
export type PrincipalResolver = (request: FastifyRequest) => Principal | Rejection | Promise<Principal | Rejection>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Absent on routes that are open to everybody. */
    principal: Principal | null;
  }
}

export const principalFrom = (issuer: string, subject: string, role: Role, name: string): Principal => ({
  issuer,
  subject,
  uuid: principalUuidOf(issuer, subject),
  role,
  name,
});

/** Until tokens are asked for, everybody who reaches the API is this operator. */
const DEVELOPER = principalFrom('dev', '0d0e7e10-9e5e-4c0b-8f00-1edce7f01d00', 'operator', 'developer');
export const developmentPrincipal: PrincipalResolver = () => DEVELOPER;

/** Authenticates the request, before anything of it is looked at. */
export const authenticate =
  (resolve: PrincipalResolver) =>
  async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    const resolved = await resolve(request);
    if ('code' in resolved) throw new RefusedRequest(resolved);
    request.principal = resolved;
  };

/**
 * The principal of a request to a route that asks for one.
 * @throws Error on a route that is open to everybody: a bug.
 */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Error(`${request.method} ${request.url} has no principal`);
  return request.principal;
}

/** The refusal of a role that is not among the allowed. */
export function roleRefusal(principal: Principal, allowed: readonly Role[]): Rejection | undefined {
  return allowed.includes(principal.role)
    ? undefined
    : rejection('forbidden', `The role ${principal.role} may not do this; ${allowed.join(', ')} may.`);
}

/** Whose accounts alone the principal may reach; undefined where all are open to their role. */
export const ownerLimitOf = (principal: Principal): string | undefined => (principal.role === 'user' ? principal.uuid : undefined);

/** Whether the principal may see what belongs to that owner; absent: to nobody in particular. */
export function isOpenTo(principal: Principal, ownerId: string | undefined): boolean {
  const limit = ownerLimitOf(principal);
  return limit === undefined || limit === ownerId;
}
