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

export interface LoginGuard {
  /**
   * Counts an attempt, as one that failed: attempts that are made at the same time cannot slip past each other.
   * @returns seconds to wait before another one, where there were too many; the password is not to be looked at then. Undefined: go on.
   */
  waitS(attempt: LoginAttempt): Promise<number | undefined>;
  /** Takes back that the attempt was counted. To be called for whoever had the right password, and for nobody else. */
  succeeded(attempt: LoginAttempt): Promise<void>;
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
      const waits = await Promise.all([taken(byBoth, both), taken(byAddress, address)]);
      const wait = Math.max(...waits);
      if (wait > 0) return wait;
      if ((await known.get(both)) !== null) return undefined;
      return (await taken(byName, name)) || undefined;
    },

    async succeeded(attempt) {
      const { both, address, name } = keysOf(attempt);
      const wasKnown = (await known.get(both)) !== null;
      await Promise.all([
        byBoth.delete(both),
        byAddress.reward(address),
        // Of a known address the name was not counted.
        ...(wasKnown ? [] : [byName.reward(name)]),
        known.set(both, 1, KNOWN_S),
      ]);
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
    if (error instanceof RateLimiterRes) return Math.max(1, Math.ceil(error.msBeforeNext / MS_PER_S));
    throw error;
  }
}
