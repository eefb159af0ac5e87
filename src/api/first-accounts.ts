// First accounts: every user has one, whose id follows from theirs. It is opened at registration; where that was cut short, and for users
// of another issuer, who never register here, at their first use. Opening it again changes nothing, so nobody has to know whether it is open.
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { assertNever } from '../domain/assert-never.ts';
import type { OpenAccount } from '../domain/commands.ts';
import type { AccountId } from '../domain/ids.ts';
import { openedAccountIdOf } from '../domain/ids.ts';
import type { Rejection } from '../domain/rejections.ts';
import { REJECTIONS, rejection } from '../domain/rejections.ts';
import type { Principal } from '../identity/principal.ts';
import type { Gateway } from './gateway.ts';
import type { PrincipalResolver } from './principal.ts';
import type { LedgerQueries } from './queries.ts';
import { envelopeOf, sendCommand } from './send-command.ts';

/** The key of the command that opens it, and what its id is made of. */
const KEY = 'first-account';
/** As many users are known to have theirs; of the others it is looked up once more. */
const KNOWN_USERS = 100_000;
/** How long is waited until reads find the account; and by a log-in for all of it together. Both succeed all the same. */
const VISIBLE_MS = 2_000;

export const firstAccountIdOf = (userId: string): AccountId => openedAccountIdOf(userId, KEY);

export interface FirstAccounts {
  /**
   * Opens the user's first account where it is not open, and waits until reads find it, for two seconds at most.
   * @returns why it could not be opened: a refusal that a retry may get past. Undefined: it is open, or a broker has the command for good.
   */
  open(user: Principal, request: FastifyRequest): Promise<Rejection | undefined>;
  /** The same, as far as it gets within two seconds. Never rejects, and refuses nothing. */
  openSoon(user: Principal, request: FastifyRequest): Promise<void>;
}

export interface FirstAccountsOptions {
  readonly gateway: Gateway;
  readonly queries: Pick<LedgerQueries, 'account' | 'waitFor'>;
}

export function makeFirstAccounts({ gateway, queries }: FirstAccountsOptions): FirstAccounts {
  const known = new LRUCache<string, true>({ max: KNOWN_USERS });
  /** Those who come at the same time wait for the same opening. */
  const underWay = new Map<string, Promise<Rejection | undefined>>();

  async function opened(user: Principal, request: FastifyRequest): Promise<Rejection | undefined> {
    const accountId = firstAccountIdOf(user.uuid);
    try {
      if (await queries.account(accountId)) {
        known.set(user.uuid, true);
        return undefined;
      }
    } catch (error) {
      request.log.warn({ err: error, accountId }, 'a first account was not looked up');
      return notOpened('The database cannot be reached.');
    }
    const command: OpenAccount = { type: 'open-account', accountId, ownerId: user.uuid };
    const answer = await sendCommand(gateway, { command, key: KEY, ...envelopeOf(request, user, command.type), dryRun: false }, request);
    switch (answer.status) {
      case 'pending':
        return undefined;
      case 'applied':
      case 'would_apply':
        await queries.waitFor(answer.position, VISIBLE_MS);
        known.set(user.uuid, true);
        return undefined;
      case 'rejected':
        return afterRefusal(answer.rejection, user);
      default:
        return assertNever(answer);
    }
  }

  function afterRefusal(refused: Rejection, { uuid }: Principal): Rejection | undefined {
    if (REJECTIONS[refused.code].retryable) return refused.code === 'overloaded' ? refused : notOpened(refused.detail);
    // Somebody has opened the account of that id in another way: it is there, and asking again would change nothing.
    known.set(uuid, true);
    return undefined;
  }

  const openOnce = (user: Principal, request: FastifyRequest): Promise<Rejection | undefined> => {
    const { uuid } = user;
    const opening = underWay.get(uuid) ?? opened(user, request).finally(() => underWay.delete(uuid));
    underWay.set(uuid, opening);
    return opening;
  };

  return {
    async open(user, request) {
      return known.has(user.uuid) ? undefined : openOnce(user, request);
    },
    async openSoon(user, request) {
      if (known.has(user.uuid)) return;
      const late = new AbortController();
      await Promise.race([openOnce(user, request), sleep(VISIBLE_MS, undefined, { signal: late.signal }).catch(() => {})]);
      late.abort();
    },
  };
}

/** Said of the request that came: whatever became of the opening, nothing of the request was done. */
const notOpened = (why: string): Rejection =>
  rejection('store_unavailable', `Your first account could not be opened yet, so nothing was done. ${why}`);

/** Authentication that lets no user in without their first account. */
export const withFirstAccount =
  (resolve: PrincipalResolver, firstAccounts: FirstAccounts): PrincipalResolver =>
  async (request) => {
    const principal = await resolve(request);
    if ('code' in principal || principal.role !== 'user') return principal;
    return (await firstAccounts.open(principal, request)) ?? principal;
  };
