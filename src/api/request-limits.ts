// How many requests a principal may make, and how many an address may make of which nobody knows whose they are.
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { LRUCache } from 'lru-cache';
import type { Rejection } from '../domain/rejections.ts';
import { addressGroupOf } from '../identity/address-group.ts';
import type { Principal } from '../identity/principal.ts';
import type { PrincipalResolver } from './principal.ts';
import { rateLimited, throwRefusal } from './problems.ts';
import { makeTokenBuckets } from './token-buckets.ts';

export interface RequestLimitSettings {
  /** Of each principal, for each process; absent: as many as there are. A command of a bulk request counts as one. */
  readonly requestsPerSecond?: number | undefined;
  /** From each address, of requests under /v1/auth and of those whose credentials were refused; 0: as many as there are. */
  readonly anonymousRequestsPerSecond: number;
}

export interface RequestLimits {
  /** Authentication that refuses those who ask too often. */
  readonly principal: PrincipalResolver;
  /** Counts what a request holds beyond itself. It is let in, whatever it holds; what comes after it waits. */
  readonly countMore: (principal: Principal, requests: number) => void;
  /** The refusal of a request without credentials, which counts. */
  readonly anonymous: (address: string) => Rejection | undefined;
}

/** What may come at once, in seconds' worth: a page that opens, a job that starts, a client that catches up after a break. */
const BURST_S = 10;
/** Principals, and addresses, that are counted at a time: some MB at most. */
const MAX_KEYS = 10_000;
/** Credentials that were good lately: as many as the verifier knows by sight. */
const MAX_KNOWN = 10_000;

/**
 * Puts limits around authentication. They are kept in memory, for each process by itself: a limit that would have to be asked
 * of a database with each request would cost more than it saves.
 *
 * Wrong credentials cost the check of a signature, so an address that has sent too many is refused before they are looked at.
 * Credentials that were good lately are let through all the same: what one does is not held against others behind the same
 * address or proxy. Nothing is counted by address of those who are let in.
 */
export function makeRequestLimits(resolve: PrincipalResolver, settings: RequestLimitSettings): RequestLimits {
  const { requestsPerSecond = 0, anonymousRequestsPerSecond } = settings;
  const byPrincipal = bucketsOf(requestsPerSecond);
  const byAddress = bucketsOf(anonymousRequestsPerSecond);
  /** Hashes: nothing here is worth reading. */
  const known = new LRUCache<string, true>({ max: MAX_KNOWN });

  const addressRefusal = (group: string): Rejection | undefined => {
    const waitS = byAddress?.waitS(group);
    return waitS === undefined
      ? undefined
      : rateLimited(`No more than ${anonymousRequestsPerSecond} requests per second from one address without good credentials.`, waitS);
  };

  async function fromAddress(request: Parameters<PrincipalResolver>[0]): Promise<Principal | Rejection> {
    if (!byAddress) return resolve(request);
    const group = addressGroupOf(request.ip);
    const refused = addressRefusal(group);
    if (refused && !known.has(credentialsOf(request.headers.authorization))) return refused;
    const resolved = await resolve(request);
    if (!('code' in resolved)) known.set(credentialsOf(request.headers.authorization), true);
    else if (resolved.code === 'unauthenticated' || resolved.code === 'token_expired') byAddress.charge(group, 1);
    return resolved;
  }

  return {
    async principal(request) {
      const resolved = await fromAddress(request);
      if (!byPrincipal || 'code' in resolved) return resolved;
      const waitS = byPrincipal.waitS(resolved.uuid);
      if (waitS !== undefined) return rateLimited(`No more than ${requestsPerSecond} requests per second.`, waitS);
      byPrincipal.charge(resolved.uuid, 1);
      return resolved;
    },
    countMore: (principal, requests) => byPrincipal?.charge(principal.uuid, requests),
    anonymous(address) {
      const group = addressGroupOf(address);
      const refused = addressRefusal(group);
      if (!refused) byAddress?.charge(group, 1);
      return refused;
    },
  };
}

const bucketsOf = (perSecond: number) =>
  perSecond === 0 ? undefined : makeTokenBuckets({ perSecond, burst: Math.max(1, perSecond * BURST_S), maxKeys: MAX_KEYS });

const credentialsOf = (authorization = ''): string => createHash('sha256').update(authorization).digest('base64');

/** Has requests under /v1/auth count by address: they come without a principal, and each may cost the hash of a password. */
export function limitAnonymous(app: FastifyInstance, { anonymous }: RequestLimits): void {
  app.addHook('onRequest', async ({ routeOptions, ip }) => {
    if (routeOptions.url?.startsWith('/v1/auth/')) throwRefusal(anonymous(ip));
  });
}
