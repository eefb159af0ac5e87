// Against guessing passwords: failed log-ins are counted in Postgres, for all processes together.
import { createHash } from 'node:crypto';
import { CompiledQuery } from 'kysely';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { LedgerDb } from '../postgres/pool.ts';
import { addressGroupOf } from './address-group.ts';
import { identityTables } from './tables.ts';

export interface LoginAttempt {
  /** As it was typed. Whether there is such a user does not matter. */
  readonly name: string;
  /** Where it comes from. */
  readonly address: string;
}

/** Of every attempt that may go on, one of the other three has to be told; where none was, it counts as one that failed. */
export interface LoginGuard {
  /**
   * @returns seconds to wait before another attempt, where there were too many that failed; the password is not to be looked at then.
   * Undefined: go on. Attempts at one name from one address that are made at the same time do not slip past each other.
   */
  waitS(attempt: LoginAttempt): Promise<number | undefined>;
  /** The password was wrong, or there is no such user. */
  failed(attempt: LoginAttempt): Promise<void>;
  /** The password was right. */
  succeeded(attempt: LoginAttempt): Promise<void>;
  /** The password was not looked at after all. */
  untried(attempt: LoginAttempt): Promise<void>;
}

const MS_PER_S = 1000;
/** How long an attempt counts: long enough that guessing is hopeless, short enough that nobody need be called to unlock anything. */
const WINDOW_S = 15 * 60;
/** For one name from one address: more than anybody mistypes, 960 a day for who guesses. */
const PER_NAME_AND_ADDRESS = 10;
/** From one address, whatever the name: an office behind one address mistypes less than this. */
const PER_ADDRESS = 50;
/**
 * For one name from everywhere, against guessers with many addresses. It must not let them lock the user out, so it does not
 * hold for an address from which that user has come in lately.
 */
const PER_NAME = 100;
/** How long an address is known as the user's. */
const KNOWN_S = 30 * 24 * 60 * 60;
/** How often rows whose time is over are deleted. */
const CLEAR_EVERY_MS = 60_000;

const hashOf = (...parts: readonly string[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('base64url');

/** The ledger's connections, as the library wants to be given a client; it prepares its statements by itself, under names of its own. */
const clientOf = (db: LedgerDb) => ({
  query: async ({ text, values }: { readonly text: string; readonly values: readonly unknown[] }) => {
    const { rows, numAffectedRows } = await db.executeQuery(CompiledQuery.raw(text, [...values]));
    return { rows, rowCount: Number(numAffectedRows ?? rows.length) };
  },
});

/**
 * Counts log-ins by name and address, by address, and by name, whichever case the name is in; IPv6 addresses count by their /64.
 * Whether a name exists makes no difference to it. Rows hold hashes only and are deleted after their time, so there are never
 * more than what was tried within 15 minutes, besides one for each address that a user comes from.
 * Its methods throw the database's error: without Postgres nobody can log in anyway.
 */
export function makeLoginGuard(db: LedgerDb): LoginGuard {
  const client = clientOf(db);
  const counter = (keyPrefix: string, points: number, duration: number): RateLimiterPostgres =>
    new RateLimiterPostgres({
      storeClient: client,
      storeType: 'client',
      tableName: 'login_attempts',
      // By our own migrations, and cleared by us: the library's timer could not be stopped.
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix,
      points,
      duration,
    });
  const byBoth = counter('both', PER_NAME_AND_ADDRESS, WINDOW_S);
  const byAddress = counter('address', PER_ADDRESS, WINDOW_S);
  const byName = counter('name', PER_NAME, WINDOW_S);
  const known = counter('known', 1, KNOWN_S);
  const isKnown = async (both: string): Promise<boolean> => (await known.get(both)) !== null;
  let clearedAtMs = 0;

  async function clearExpired(): Promise<void> {
    const nowMs = Date.now();
    if (nowMs - clearedAtMs < CLEAR_EVERY_MS) return;
    clearedAtMs = nowMs;
    await identityTables(db).deleteFrom('login_attempts').where('expire', '<', nowMs).execute();
  }

  return {
    async waitS(attempt) {
      await clearExpired();
      const { both, address, name } = keysOf(attempt);
      // Counted beforehand; the other two only where it failed, so that many who log in at once from one address keep nobody out.
      const waits = await Promise.all([
        taken(byBoth, both),
        waitOf(byAddress, address),
        isKnown(both).then((is) => (is ? 0 : waitOf(byName, name))),
      ]);
      return Math.max(...waits) || undefined;
    },

    async failed(attempt) {
      const { both, address, name } = keysOf(attempt);
      await Promise.all([byAddress.penalty(address), isKnown(both).then((is) => (is ? undefined : byName.penalty(name)))]);
    },

    async succeeded(attempt) {
      const { both } = keysOf(attempt);
      await Promise.all([byBoth.delete(both), known.set(both, 1, KNOWN_S)]);
    },

    async untried(attempt) {
      await byBoth.reward(keysOf(attempt).both);
    },
  };
}

function keysOf({ name, address }: LoginAttempt): { readonly both: string; readonly address: string; readonly name: string } {
  const oneCase = name.toLowerCase();
  const group = addressGroupOf(address);
  return { both: hashOf(oneCase, group), address: hashOf(group), name: hashOf(oneCase) };
}

/** Takes one attempt. @returns 0, or seconds to wait where there were too many. */
async function taken(limiter: RateLimiterPostgres, key: string): Promise<number> {
  try {
    await limiter.consume(key);
    return 0;
  } catch (error) {
    if (error instanceof RateLimiterRes) return secondsOf(error);
    throw error;
  }
}

/** 0, or seconds to wait where as many as may have been counted. */
async function waitOf(limiter: RateLimiterPostgres, key: string): Promise<number> {
  const counted = await limiter.get(key);
  return counted !== null && counted.remainingPoints <= 0 ? secondsOf(counted) : 0;
}

const secondsOf = ({ msBeforeNext }: RateLimiterRes): number => Math.max(1, Math.ceil(msBeforeNext / MS_PER_S));
