// Access tokens: given, or had for credentials and renewed before they expire, once for all calls that need one.
import { LedgerProblem, LedgerUnreachable } from './problem.ts';
import type { Deadline } from './retries.ts';
import { AttemptFailed, within } from './retries.ts';

/** Where requests have their access token from. */
export interface Access {
  /**
   * The token to send; undefined: none.
   * @throws AttemptFailed where none could be had just now; LedgerProblem where none will be.
   */
  token(deadline: Deadline): Promise<string | undefined>;
  /** The ledger did not take this one: it is not given out again where another can be had. */
  refused(token: string): void;
}

/** Access whose tokens come and go. */
export interface RenewedAccess extends Access {
  /** Gives out no token that it has had until now. */
  forget(): void;
}

/** An access token as an issuer answers with it. */
export interface Grant {
  readonly accessToken: string;
  /** How long it is good for from now on, in seconds. */
  readonly expiresInS: number;
}

/** So long before it expires a token is renewed, at most: time enough for a request that is under way, and for clocks that differ. */
const LONGEST_MARGIN_MS = 60_000;
/** Of a token that lives for a shorter time, that part of its life. */
const MARGIN_SHARE = 0.2;
const MS_PER_S = 1_000;
/**
 * Credentials that were refused are not tried again for so long: less than ten times in a quarter of an hour, after which the ledger
 * lets nobody log in under that name from that address for a while. An application that goes on calling would lock its user out.
 */
const REFUSED_FOR_MS = 120_000;

/** The caller's own tokens: a fixed one, or a function that is asked before every attempt. */
export function givenAccess(token: string | (() => string | Promise<string>) | undefined): Access {
  return {
    async token() {
      if (typeof token !== 'function') return token;
      try {
        return await token();
      } catch (cause) {
        throw new AttemptFailed(new LedgerUnreachable('no access token was given', { cause }));
      }
    },
    refused: () => undefined,
  };
}

/**
 * Tokens that `renew` is asked for: when the first is needed, shortly before one expires, and when the ledger refuses one. Calls
 * that need a token at the same time wait for one and the same renewal, each no longer than its own deadline.
 * @param first a token that is there already.
 */
export function renewedAccess(renew: () => Promise<Grant>, first?: Grant): RenewedAccess {
  const held = ({ accessToken, expiresInS }: Grant): { readonly accessToken: string; readonly renewAtMs: number } => {
    const lifetimeMs = expiresInS * MS_PER_S;
    return { accessToken, renewAtMs: performance.now() + lifetimeMs - Math.min(LONGEST_MARGIN_MS, lifetimeMs * MARGIN_SHARE) };
  };
  let current = first === undefined ? undefined : held(first);
  let renewal: Promise<string> | undefined;
  let refusal: { readonly problem: LedgerProblem; readonly untilMs: number } | undefined;

  async function renewed(): Promise<string> {
    try {
      current = held(await renew());
      return current.accessToken;
    } catch (error) {
      if (error instanceof LedgerProblem) refusal = { problem: error, untilMs: performance.now() + REFUSED_FOR_MS };
      throw error;
    } finally {
      renewal = undefined;
    }
  }

  return {
    async token(deadline) {
      if (current !== undefined && performance.now() < current.renewAtMs) return current.accessToken;
      if (refusal !== undefined && performance.now() < refusal.untilMs) throw refusal.problem;
      renewal ??= renewed();
      return within(renewal, deadline, () => new LedgerUnreachable('no access token was had in time'));
    },
    refused(token) {
      if (current?.accessToken === token) current = undefined;
    },
    forget() {
      current = undefined;
    },
  };
}
