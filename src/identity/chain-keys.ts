// The keys that sign the chain's checkpoints. They are not those of access tokens: these are kept for as long as there is anything
// to check, and whoever steals a token's key must not be able to sign a log.
import { createPrivateKey, sign } from 'node:crypto';
import type { JWK } from 'jose';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { sql } from 'kysely';
import { z } from 'zod';
import type { LedgerDb } from '../postgres/pool.ts';
import { rowsIn } from '../postgres/table-copy.ts';
import { seal, unseal, WrongKeySecret } from './key-secret.ts';
import { identityTables } from './tables.ts';

/** The first key is made once. */
const LOCK = 'ledgerfold.chain-keys';

const REMEDY = '`ledger chain key --new` makes another key of the chain; what was signed stays as it is';

const PublicJwk = z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), kid: z.string() });
const PrivateJwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string() });

export interface ChainSigningKey {
  readonly kid: string;
  /** Ed25519 over the text's UTF-8, in base64url. */
  sign(text: string): string;
}

/** Makes a new key, which signs from now on; those before it stay known. @returns its id. */
export const addChainKey = (db: LedgerDb, secret: string): Promise<string> => addKey(db, secret, 'always');

async function addKey(db: LedgerDb, secret: string, when: 'always' | 'where there is none'): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const bare = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(bare);
  const sealed = await seal(JSON.stringify(await exportJWK(privateKey)), secret);
  await identityTables(db)
    .transaction()
    .execute(async (tx) => {
      await sql`SELECT pg_advisory_xact_lock(hashtextextended(${LOCK}, 0))`.execute(tx);
      if (when !== 'always' && (await tx.selectFrom('chain_keys').select('kid').limit(1).executeTakeFirst()) !== undefined) return;
      const publicJwk = JSON.stringify({ ...bare, kid, alg: 'EdDSA', use: 'sig' });
      await tx.insertInto('chain_keys').values({ kid, public_jwk: publicJwk, sealed_private_jwk: sealed }).execute();
    });
  return kid;
}

/**
 * The newest key, which signs; the first one is made here.
 * @throws WrongKeySecret where it was sealed with another secret.
 */
export async function chainSigningKey(db: LedgerDb, secret: string): Promise<ChainSigningKey> {
  const row = (await newest(db)) ?? (await addKey(db, secret, 'where there is none').then(() => newest(db)));
  if (row === undefined) throw new Error('the key of the chain that was just made is not there');
  const { kid, sealed_private_jwk: sealed } = row;
  const unsealed = await unseal(sealed, secret).catch((error: unknown) => {
    throw error instanceof WrongKeySecret ? new WrongKeySecret(REMEDY) : error;
  });
  const key = createPrivateKey({ key: PrivateJwk.parse(JSON.parse(unsealed)), format: 'jwk' });
  return { kid, sign: (text) => sign(null, Buffer.from(text), key).toString('base64url') };
}

const inOrder = (db: LedgerDb) => identityTables(db).selectFrom('chain_keys').orderBy('created_at', 'desc').orderBy('kid');
const newest = (db: LedgerDb) => inOrder(db).select(['kid', 'sealed_private_jwk']).limit(1).executeTakeFirst();

/** The public keys of all that ever signed, newest first (RFC 7517). */
export async function chainPublicKeys(db: LedgerDb): Promise<readonly JWK[]> {
  const rows = await inOrder(db).select('public_jwk').execute();
  return rows.map(({ public_jwk }) => PublicJwk.parse(public_jwk));
}

/** A key as a backup keeps it. */
export interface KeptChainKey {
  readonly publicJwk: JWK;
  /** The private half. */
  readonly sealed: string;
}

/**
 * The keys in a copy of the table, newest first.
 * @param columns of the copy, in their order. Times are in UTC, as `copyOut` writes them.
 * @throws Error where there is something else in it.
 */
export function chainKeysIn(copied: string, columns: readonly string[]): readonly KeptChainKey[] {
  const rows = rowsIn(copied, columns).map((row) => CopiedKey.parse(row));
  const newestFirst = rows.toSorted((one, other) => (one.created_at === other.created_at ? 0 : one.created_at > other.created_at ? -1 : 1));
  return newestFirst.map((row) => ({ publicJwk: PublicJwk.parse(JSON.parse(row.public_jwk)), sealed: row.sealed_private_jwk }));
}

const CopiedKey = z.object({ public_jwk: z.string(), sealed_private_jwk: z.string(), created_at: z.string() });
