// The keys that sign access tokens: in Postgres, so that every process signs with the same and takes each other's tokens.
import type { CryptoKey, JWK } from 'jose';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import { sql } from 'kysely';
import { z } from 'zod';
import type { LedgerDb } from '../postgres/pool.ts';
import { seal, unseal, WrongKeySecret } from './key-secret.ts';
import { identityTables } from './tables.ts';

/** RFC 8037: Ed25519. One algorithm, so that there is none to choose for whoever forges a token. */
export const SIGNING_ALGORITHM = 'EdDSA';
/** How long an access token is good. Short, because it is not asked back. */
export const ACCESS_TOKEN_S = 900;
/** How often a process looks for keys that others have made or revoked. */
const REFRESH_MS = 30_000;
/** An unknown key id asks for a look at once, but not more often than this: anybody can name one. */
const SOONEST_REFRESH_MS = 2_000;
/** From when a key is published until it signs. */
export const PUBLISHED_BEFORE_S = 300;
/**
 * For how long the key set may be kept. A minute less than a key is published before it signs: that is for processes that serve the
 * set and have not looked yet. So whoever keeps it has seen every key that signs.
 */
export const JWKS_MAX_AGE_S = PUBLISHED_BEFORE_S - 60;
/** Over the life of the last token it signed: for the processes that learn late that it signs no more, and clocks that disagree. */
const OVERLAP_SLACK_S = 120;
/** Rotations wait for each other. */
const LOCK = 'ledgerfold.signing-keys';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

export interface SigningKeys {
  /** The key that signs at this moment. */
  signing(): SigningKey;
  /**
   * The public key of that id; undefined where it is none, or no longer one. Looks again where the id is unknown.
   * @throws the database's error where that look failed: then nobody knows.
   */
  verifying(kid: string): Promise<CryptoKey | undefined>;
  /** What /.well-known/jwks.json serves (RFC 7517). */
  jwks(): { readonly keys: readonly JWK[] };
  /** Changes whenever keys come or go: what was verified before must be verified anew. */
  generation(): number;
  close(): void;
}

export interface RotateOptions {
  /** Sign with the new key at once: verifiers elsewhere may not know it yet for five minutes. */
  readonly now?: boolean;
  /**
   * Take nothing any more that other keys have signed: for when one of them was stolen. Implies `now`.
   * A process learns of it within half a minute.
   */
  readonly revokeOthers?: boolean;
  /** The secret is another one from here on: the keys under the one before cannot be used any more. Implies `revokeOthers`. */
  readonly newSecret?: boolean;
}

const PublicJwk = z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), kid: z.string() });
const PrivateJwk = PublicJwk.extend({ d: z.string() });

async function keyFrom(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, SIGNING_ALGORITHM);
  if (key instanceof Uint8Array) throw new Error('a signing key is symmetric');
  return key;
}

interface KeyChange {
  /** From when on the new key signs. */
  readonly waitS: number;
  /** What becomes of the keys that are there; `nothing`: where there is one, there is nothing to do. `replace`: whatever sealed them. */
  readonly others: 'nothing' | 'expire' | 'revoke' | 'replace';
}

async function addSigningKey(ledgerDb: LedgerDb, secret: string, { waitS, others }: KeyChange): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const bare = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(bare);
  const sealed = await seal(JSON.stringify({ ...(await exportJWK(privateKey)), kid }), secret);
  const inSeconds = (seconds: number) => sql<string>`clock_timestamp() + make_interval(secs => ${seconds})`;
  await identityTables(ledgerDb)
    .transaction()
    .execute(async (db) => {
      await sql`SELECT pg_advisory_xact_lock(hashtextextended(${LOCK}, 0))`.execute(db);
      const newest = await db
        .selectFrom('signing_keys')
        .select('sealed_private_jwk')
        .orderBy('created_at', 'desc')
        .limit(1)
        .executeTakeFirst();
      if (others === 'nothing' && newest !== undefined) return;
      // A key under another secret would stop every process that has the right one.
      if (others !== 'replace' && newest !== undefined) await unseal(newest.sealed_private_jwk, secret);
      // The first one signs at once: nobody else does.
      const signsAfterS = newest === undefined ? 0 : waitS;
      if (others === 'revoke' || others === 'replace') await db.deleteFrom('signing_keys').execute();
      await db
        .updateTable('signing_keys')
        .set({ verifies_until: inSeconds(signsAfterS + ACCESS_TOKEN_S + OVERLAP_SLACK_S) })
        .where('verifies_until', 'is', null)
        .execute();
      await db.deleteFrom('signing_keys').where('verifies_until', '<', sql<string>`clock_timestamp()`).execute();
      await db
        .insertInto('signing_keys')
        .values({
          kid,
          public_jwk: JSON.stringify({ ...bare, kid, alg: SIGNING_ALGORITHM, use: 'sig' }),
          sealed_private_jwk: sealed,
          signs_from: inSeconds(signsAfterS),
        })
        .execute();
    });
  return kid;
}

/**
 * Makes a new signing key; the others go on to verify until what they signed has expired.
 * @returns its id
 * @throws WrongKeySecret where the keys were sealed with another secret, unless it is to be a new one; the database's error.
 */
export function rotateSigningKeys(
  db: LedgerDb,
  secret: string,
  { now = false, revokeOthers = false, newSecret = false }: RotateOptions = {},
): Promise<string> {
  const others = newSecret ? 'replace' : revokeOthers ? 'revoke' : 'expire';
  return addSigningKey(db, secret, { waitS: now || others !== 'expire' ? 0 : PUBLISHED_BEFORE_S, others });
}

/** `coming`: published, and signs from its time on. `verifying`: what it has signed is still taken. */
export interface ListedSigningKey {
  readonly kid: string;
  readonly state: 'coming' | 'signing' | 'verifying';
  /** Times are RFC 3339, by Postgres' clock. */
  readonly createdAt: string;
  readonly signsFrom: string;
  readonly verifiesUntil?: string;
}

/** The keys that are published now, newest first. */
export async function listSigningKeys(db: LedgerDb): Promise<readonly ListedSigningKey[]> {
  const rows = await publishedKeys(db);
  const signer = rows.find(({ may_sign }) => may_sign);
  return rows.map((row) => ({
    kid: row.kid,
    state: row === signer ? 'signing' : row.may_sign ? 'verifying' : 'coming',
    createdAt: row.created_at,
    signsFrom: row.signs_from,
    ...(row.verifies_until !== null && { verifiesUntil: row.verifies_until }),
  }));
}

/** Newest first, by Postgres' clock: the first that may sign does. A key that is to sign later may be older than one that signs at once. */
const publishedKeys = (db: LedgerDb) =>
  identityTables(db)
    .selectFrom('signing_keys')
    .selectAll()
    .select(sql<boolean>`signs_from <= clock_timestamp()`.as('may_sign'))
    .where((where) => where.or([where('verifies_until', 'is', null), where('verifies_until', '>', sql<string>`clock_timestamp()`)]))
    .orderBy('created_at', 'desc')
    .orderBy('kid')
    .execute();

interface Published {
  readonly verifying: ReadonlyMap<string, CryptoKey>;
  readonly jwks: readonly JWK[];
  /** The key that signs, sealed. */
  readonly signer: { readonly kid: string; readonly sealed: string };
}

async function readPublished(db: LedgerDb): Promise<Published> {
  const rows = await publishedKeys(db);
  const signer = rows.find(({ may_sign }) => may_sign);
  if (signer === undefined) throw new Error('there is no signing key');
  const jwks = rows.map(({ public_jwk }) => PublicJwk.parse(public_jwk));
  const verifying = new Map(await Promise.all(jwks.map(async (jwk) => [jwk.kid, await keyFrom(jwk)] as const)));
  return { verifying, jwks, signer: { kid: signer.kid, sealed: signer.sealed_private_jwk } };
}

async function unsealed({ kid, sealed }: Published['signer'], secret: string): Promise<SigningKey> {
  return { kid, privateKey: await keyFrom(PrivateJwk.parse(JSON.parse(await unseal(sealed, secret)))) };
}

export interface SigningKeysOptions {
  readonly db: LedgerDb;
  readonly secret: string;
  /** Told where keys could not be read again; those that are known go on to be used. */
  readonly onError: (error: unknown) => void;
  /** How often the keys are looked at; half a minute unless told otherwise. */
  readonly refreshMs?: number;
}

/**
 * Opens the signing keys, making the first where there is none, and goes on to watch them.
 * @throws WrongKeySecret where they were sealed with another secret; the database's error.
 */
export async function openSigningKeys({ db, secret, onError, refreshMs = REFRESH_MS }: SigningKeysOptions): Promise<SigningKeys> {
  // Made once, however many processes start at a time.
  await addSigningKey(db, secret, { waitS: 0, others: 'nothing' });
  let published = await readPublished(db);
  let signing = await unsealed(published.signer, secret);
  let generation = 0;
  let lookedAt = performance.now();
  let looking: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;

  async function look(): Promise<void> {
    try {
      const before = [...published.verifying.keys()].join();
      published = await readPublished(db);
      if ([...published.verifying.keys()].join() !== before) generation += 1;
      failure = undefined;
      // Last: also a process that cannot unseal the new key takes nothing any more from those that were revoked.
      if (published.signer.kid !== signing.kid) signing = await unsealed(published.signer, secret);
    } catch (error) {
      // A secret that is wrong says nothing about which keys there are.
      if (!(error instanceof WrongKeySecret)) failure = { error };
      onError(error);
    } finally {
      looking = undefined;
    }
  }
  const lookOnce = (): Promise<void> => {
    if (looking === undefined) {
      lookedAt = performance.now();
      looking = look();
    }
    return looking;
  };
  const timer = setInterval(() => void lookOnce(), refreshMs).unref();

  return {
    signing: () => signing,
    async verifying(kid) {
      const known = published.verifying.get(kid);
      if (known !== undefined) return known;
      if (looking !== undefined || performance.now() - lookedAt >= SOONEST_REFRESH_MS) await lookOnce();
      const found = published.verifying.get(kid);
      if (found === undefined && failure !== undefined) throw failure.error;
      return found;
    },
    jwks: () => ({ keys: published.jwks }),
    generation: () => generation,
    close: () => clearInterval(timer),
  };
}
