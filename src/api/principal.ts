// Who makes a request: authentication, before anything of it is looked at.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { assertNever } from '../domain/assert-never.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import type { Principal } from '../identity/principal.ts';
import type { TokenVerifier } from '../identity/token-verifier.ts';
import type { Refusal } from './problems.ts';
import { RefusedRequest } from './problems.ts';

/** Says who makes the request, or why that is not known (`unauthenticated`, `token_expired`). */
export type PrincipalResolver = (request: FastifyRequest) => Principal | Rejection | Promise<Principal | Rejection>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Absent on routes that are open to everybody. */
    principal: Principal | null;
  }
}

/** RFC 6750, 2.1. The scheme's name may be written in any case (RFC 9110, 11.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** Takes the access token of the Authorization header. Nowhere else is one looked for: what stands in a URL ends up in logs. */
export const bearerPrincipal =
  (verifier: TokenVerifier): PrincipalResolver =>
  async ({ headers: { authorization }, log }) => {
    if (authorization === undefined) return rejection('unauthenticated', 'Send an access token: Authorization: Bearer ….');
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) return rejection('unauthenticated', 'The Authorization header holds no bearer token.');
    const verdict = await verifier.verify(token);
    switch (verdict.kind) {
      case 'principal':
        return verdict.principal;
      case 'expired':
        return ofToken('token_expired', 'The access token has expired. Refresh it, or log in again.');
      case 'refused':
        return ofToken('unauthenticated', `The access token is not taken. ${verdict.why}`);
      case 'unavailable':
        log.warn({ err: verdict.error }, 'an access token could not be checked');
        return rejection('store_unavailable', 'The keys of the tokens’ issuer cannot be reached; nothing was done.');
      default:
        return assertNever(verdict);
    }
  };

/** The refusal of a token that was sent: the challenge says so (see `Refusal.isOfToken`). */
const ofToken = (code: 'unauthenticated' | 'token_expired', detail: string): Rejection & Pick<Refusal, 'isOfToken'> => ({
  ...rejection(code, detail),
  isOfToken: true,
});

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
