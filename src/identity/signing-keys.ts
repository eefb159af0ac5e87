// The keys that sign access tokens: in Postgres, so that every process signs with the same and takes each other's tokens.
import type { CryptoKey, JWK } from 'jose';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import { sql } from 'kysely';
import { z } from 'zod';
import type { LedgerDb } from '../postgres/pool.ts';
import { seal, unseal } from './key-secret.ts';
import { identityTables } from './tables.ts';

/** RFC 8037: Ed25519. One algorithm, so that there is none to choose for whoever forges a token. */
export const SIGNING_ALGORITHM = 'EdDSA';
/** How long an access token is good. Short, because it is not asked back. */
export const ACCESS_TOKEN_S = 900;
/** How often a process looks for keys that others have made or revoked. */
const REFRESH_MS = 30_000;
/** An unknown key id asks for a look at once, but not more often than this: anybody can name one. */
const SOONEST_REFRESH_MS = 2_000;
/**
 * From when a key is published until it signs: whoever keeps the JWKS for the time it may be kept (JWKS_MAX_AGE_S) has seen it by then,
 * and so has every process.
 */
export const JWKS_MAX_AGE_S = 300;
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
  /** The public key of that id; undefined where it is none, or no longer one. Looks again where the id is unknown. */
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
  /** Take nothing any more that other keys have signed: for when one of them was stolen. Implies `now`. */
  readonly revokeOthers?: boolean;
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
  /** What becomes of the keys that are there; `nothing`: where there is one, there is nothing to do. */
  readonly others: 'nothing' | 'expire' | 'revoke';
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
      const isFirst = (await db.selectFrom('signing_keys').select('kid').limit(1).executeTakeFirst()) === undefined;
      if (others === 'nothing' && !isFirst) return;
      if (others === 'revoke') await db.deleteFrom('signing_keys').execute();
      await db
        .updateTable('signing_keys')
        .set({ verifies_until: inSeconds(waitS + ACCESS_TOKEN_S + OVERLAP_SLACK_S) })
        .where('verifies_until', 'is', null)
        .execute();
      await db.deleteFrom('signing_keys').where('verifies_until', '<', sql<string>`clock_timestamp()`).execute();
      await db
        .insertInto('signing_keys')
        .values({
          kid,
          public_jwk: JSON.stringify({ ...bare, kid, alg: SIGNING_ALGORITHM, use: 'sig' }),
          sealed_private_jwk: sealed,
          signs_from: inSeconds(waitS),
        })
        .execute();
    });
  return kid;
}

/** Makes a new signing key; the others go on to verify until what they signed has expired. @returns its id */
export function rotateSigningKeys(
  db: LedgerDb,
  secret: string,
  { now = false, revokeOthers = false }: RotateOptions = {},
): Promise<string> {
  return addSigningKey(db, secret, { waitS: now || revokeOthers ? 0 : JWKS_MAX_AGE_S, others: revokeOthers ? 'revoke' : 'expire' });
}

interface Loaded {
  readonly signing: SigningKey;
  readonly verifying: ReadonlyMap<string, CryptoKey>;
  readonly jwks: readonly JWK[];
}

/** Which key signs, and which verify, by Postgres' clock. */
async function load(ledgerDb: LedgerDb, secret: string): Promise<Loaded | undefined> {
  const db = identityTables(ledgerDb);
  const rows = await db
    .selectFrom('signing_keys')
    .select(['kid', 'public_jwk', 'sealed_private_jwk'])
    .select(sql<boolean>`signs_from <= clock_timestamp()`.as('signs'))
    .where((where) => where.or([where('verifies_until', 'is', null), where('verifies_until', '>', sql<string>`clock_timestamp()`)]))
    .orderBy('signs_from', 'desc')
    .orderBy('kid')
    .execute();
  const signer = rows.find(({ signs }) => signs);
  if (signer === undefined) return undefined;
  const privateJwk = PrivateJwk.parse(JSON.parse(await unseal(signer.sealed_private_jwk, secret)));
  const jwks = rows.map(({ public_jwk }) => PublicJwk.parse(public_jwk));
  const verifying = new Map(await Promise.all(jwks.map(async (jwk) => [jwk.kid, await keyFrom(jwk)] as const)));
  return { signing: { kid: signer.kid, privateKey: await keyFrom(privateJwk) }, verifying, jwks };
}

export interface SigningKeysOptions {
  readonly db: LedgerDb;
  readonly secret: string;
  /** Told where keys could not be read again; those that are known go on to be used. */
  readonly onError: (error: unknown) => void;
}

/**
 * Opens the signing keys, making the first where there is none, and goes on to watch them.
 * @throws WrongKeySecret where they were sealed with another secret; the database's error.
 */
export async function openSigningKeys({ db, secret, onError }: SigningKeysOptions): Promise<SigningKeys> {
  // Made once, however many processes start at a time.
  await addSigningKey(db, secret, { waitS: 0, others: 'nothing' });
  const first = await load(db, secret);
  if (first === undefined) throw new Error('there is no signing key');
  let loaded = first;
  let generation = 0;
  let lookedAt = Date.now();
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    lookedAt = Date.now();
    try {
      const next = await load(db, secret);
      if (next === undefined) throw new Error('there is no signing key');
      const isSame = [...loaded.verifying.keys()].join() === [...next.verifying.keys()].join();
      loaded = next;
      if (!isSame) generation += 1;
    } catch (error) {
      onError(error);
    } finally {
      looking = undefined;
    }
  }
  const lookOnce = (): Promise<void> => {
    looking ??= look();
    return looking;
  };
  const timer = setInterval(() => void lookOnce(), REFRESH_MS).unref();

  return {
    signing: () => loaded.signing,
    async verifying(kid) {
      const known = loaded.verifying.get(kid);
      if (known !== undefined || Date.now() - lookedAt < SOONEST_REFRESH_MS) return known;
      await lookOnce();
      return loaded.verifying.get(kid);
    },
    jwks: () => ({ keys: loaded.jwks }),
    generation: () => generation,
    close: () => clearInterval(timer),
  };
}
