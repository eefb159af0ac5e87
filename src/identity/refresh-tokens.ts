// Refresh tokens: what a session lives on. Each works once; whoever uses one a second time has it from somebody else, or somebody else
// has it from them, and it cannot be told which: so both are out.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { LedgerDb } from '../postgres/pool.ts';
import type { IdentityDb } from './tables.ts';
import { identityTables } from './tables.ts';

/** 256 bits of chance: nobody guesses one, so a fast hash of it is as good at rest as a slow one. */
const TOKEN_BYTES = 32;
/** From one use to the next. Whoever comes once a month stays logged in; what lies in a forgotten browser does not work for ever. */
export const REFRESH_TOKEN_S = 30 * 24 * 60 * 60;
/** Of as many sessions the expired tokens go whenever one is issued: more than come, so that they grow fewer, and few enough not to be noticed. */
const PRUNED_AT_A_TIME = 20;
/** What has just expired may be in use by somebody who saw it fresh. */
const PRUNED_AFTER_S = 60 * 60;

export type Rotation =
  | { readonly kind: 'rotated'; readonly userId: string; readonly token: string }
  /** There is no such token, it has expired, or its session has ended. */
  | { readonly kind: 'refused' }
  /** It was used before: its session has ended with this. */
  | { readonly kind: 'reused'; readonly userId: string };

/** Times are Postgres'. Every function throws the database's error where Postgres is away. */
export interface RefreshTokens {
  /** Begins a session. @returns its first token. @throws the database's error where there is no such user */
  begin(userId: string): Promise<string>;
  /** Takes a token and gives the next of its session; of several uses of one token, at once or not, the first alone, and for a moment only. */
  rotate(token: string): Promise<Rotation>;
  /** Ends the session that the token is of, if it is of one. */
  end(token: string): Promise<void>;
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
const now = sql<string>`clock_timestamp()`;

async function issue(tx: IdentityDb, familyId: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const expiresAt = sql<string>`clock_timestamp() + make_interval(secs => ${REFRESH_TOKEN_S})`;
  await tx
    .insertInto('refresh_tokens')
    .values({ token_hash: hashOf(token), family_id: familyId, expires_at: expiresAt })
    .execute();
  return token;
}

/** The session of a token, within another statement. */
const familyOf = (db: IdentityDb, token: string) =>
  db.selectFrom('refresh_tokens').select('family_id').where('token_hash', '=', hashOf(token));

/** What has ended once stays as it ended. */
async function end(db: IdentityDb, familyId: string | ReturnType<typeof familyOf>): Promise<void> {
  await db.updateTable('refresh_families').set({ ended_at: now }).where('family_id', '=', familyId).where('ended_at', 'is', null).execute();
}

/** The refresh tokens in the database, of which only hashes are kept. */
export function makeRefreshTokens(ledgerDb: LedgerDb): RefreshTokens {
  const db = identityTables(ledgerDb);

  /**
   * One statement by itself. As everybody else it locks sessions before their tokens, so that nobody waits in a ring; those in use are
   * left for the next time.
   */
  async function prune(): Promise<void> {
    const longAgo = sql`clock_timestamp() - make_interval(secs => ${PRUNED_AFTER_S})`;
    await sql`
      WITH sessions AS (
        SELECT family_id FROM refresh_families
        WHERE family_id IN (SELECT family_id FROM refresh_tokens WHERE expires_at < ${longAgo} ORDER BY expires_at LIMIT ${PRUNED_AT_A_TIME})
        FOR UPDATE SKIP LOCKED
      ), expired AS (
        DELETE FROM refresh_tokens WHERE family_id IN (SELECT family_id FROM sessions) AND expires_at < ${longAgo}
      )
      DELETE FROM refresh_families f WHERE family_id IN (SELECT family_id FROM sessions)
        AND NOT EXISTS (SELECT FROM refresh_tokens t WHERE t.family_id = f.family_id AND t.expires_at >= ${longAgo})
    `.execute(db);
  }

  return {
    async begin(userId) {
      await prune();
      const familyId = randomUUID();
      return db.transaction().execute(async (tx) => {
        await tx.insertInto('refresh_families').values({ family_id: familyId, user_id: userId }).execute();
        return issue(tx, familyId);
      });
    },
    async rotate(token) {
      await prune();
      return db.transaction().execute(async (tx): Promise<Rotation> => {
        // Uses of a session's tokens wait for each other here, and the end of a session for them; what follows sees what they left.
        const family = await tx
          .selectFrom('refresh_families')
          .select(['family_id', 'user_id', 'ended_at'])
          .where('family_id', '=', familyOf(tx, token))
          .forUpdate()
          .executeTakeFirst();
        const known = await tx
          .selectFrom('refresh_tokens')
          .select(['used_at', sql<boolean>`expires_at > clock_timestamp()`.as('is_fresh')])
          .where('token_hash', '=', hashOf(token))
          .executeTakeFirst();
        if (family === undefined || known === undefined || family.ended_at !== null) return { kind: 'refused' };
        const { family_id: familyId, user_id: userId } = family;
        if (known.used_at !== null) {
          await end(tx, familyId);
          return { kind: 'reused', userId };
        }
        if (!known.is_fresh) return { kind: 'refused' };
        await tx.updateTable('refresh_tokens').set({ used_at: now }).where('token_hash', '=', hashOf(token)).execute();
        return { kind: 'rotated', userId, token: await issue(tx, familyId) };
      });
    },
    end: (token) => end(db, familyOf(db, token)),
  };
}
