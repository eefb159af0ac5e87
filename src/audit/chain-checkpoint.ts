// Checkpoints of the chain: signed statements of its hash at an event. Each names the one before it, so none can be taken out.
import type { KeyObject } from 'node:crypto';
import { createPublicKey, verify } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
import type { ChainState } from './chain.ts';
import { CHAIN_FORMAT, sha256 } from './chain.ts';

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
/** As many as 64 bits hold, in decimal. */
export const WholeNumber = z.string().regex(/^(0|[1-9][0-9]{0,18})$/);

/**
 * A checkpoint, as it is kept and exported. Its signature is Ed25519 (RFC 8032), in base64url, over the UTF-8 of the canonical
 * JSON (RFC 8785) of all its other members.
 */
export const CheckpointSchema = z.strictObject({
  format: z.literal(CHAIN_FORMAT),
  /** How many events the chain has up to here, the last of them, and where that stood in the store which it was signed over. */
  events: WholeNumber,
  eventId: z.string(),
  position: WholeNumber,
  /** Of the chain, at that event. */
  hash: Hash,
  /** SHA-256 of the canonical JSON of the checkpoint before this one, signature included; null for the first. */
  previous: Hash.nullable(),
  /**
   * The log was restored from an older copy, and what was written after that copy is lost: the checkpoints after the one named (all
   * of them, where that is null) and before this one do not hold any more.
   */
  abandons: z.strictObject({ after: Hash.nullable(), reason: z.string() }).optional(),
  signedAt: z.iso.datetime(),
  /** RFC 7638 thumbprint of the public key. */
  kid: z.string(),
  signature: z.string(),
});
export type Checkpoint = Readonly<z.infer<typeof CheckpointSchema>>;
/** A checkpoint before it is signed. */
export type Statement = Omit<Checkpoint, 'format' | 'kid' | 'signature'>;

/** What is signed with, and its name. */
export interface CheckpointSigner {
  readonly kid: string;
  /** Ed25519 over the text's UTF-8, in base64url. */
  sign(text: string): string;
}

export const signCheckpoint = (signer: CheckpointSigner, statement: Statement): Checkpoint =>
  signed(signer, { ...statement, format: CHAIN_FORMAT });

/** What is said, with the name of the key and the signature over both. What is signed with a key of the chain says its format. */
export function signed<Said extends { readonly format: string }>({ kid, sign }: CheckpointSigner, content: Said) {
  const said = { ...content, kid };
  return { ...said, signature: sign(canonicalJson(said)) };
}

/** The hash by which the next checkpoint names this one. */
export const hashOfCheckpoint = (checkpoint: Checkpoint): string => sha256(canonicalJson(checkpoint));

/** The chain where the checkpoint was signed. */
export const chainAt = ({ events, hash }: Checkpoint): ChainState => ({ events: BigInt(events), hash });

const PublicJwk = z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), kid: z.string() });
/** A public key alone, or a set of them (RFC 7517). */
const KeyFile = z.union([z.object({ keys: z.array(PublicJwk).min(1) }), PublicJwk.transform((key) => ({ keys: [key] }))]);

/** Public keys by their ids. */
export type CheckpointKeys = ReadonlyMap<string, KeyObject>;

/**
 * The public keys in a JWK or a JWK Set, by the thumbprints that they have, whatever ids they are given.
 * @throws Error where the text is neither.
 */
export function keysFrom(parsed: unknown): CheckpointKeys {
  const { data, error } = KeyFile.safeParse(parsed);
  if (error) throw new Error('no JWK and no JWK Set of Ed25519 public keys');
  return new Map(data.keys.map(({ kty, crv, x }) => [thumbprintOf(x), createPublicKey({ key: { kty, crv, x }, format: 'jwk' })]));
}

/** RFC 7638: of an Ed25519 key. */
const thumbprintOf = (x: string): string =>
  Buffer.from(sha256(canonicalJson({ crv: 'Ed25519', kty: 'OKP', x })), 'hex').toString('base64url');

/** Why the signature of a checkpoint, or of what else is {@link signed}, does not hold; undefined where it does. */
export function signatureFault(checkpoint: { readonly kid: string; readonly signature: string }, keys: CheckpointKeys): string | undefined {
  const { signature, ...said } = checkpoint;
  const key = keys.get(checkpoint.kid);
  if (key === undefined) return `it names the key ${checkpoint.kid}, which is not one of the ledger's`;
  const isSigned = verify(null, Buffer.from(canonicalJson(said)), key, Buffer.from(signature, 'base64url'));
  return isSigned ? undefined : 'its signature is not of what it says';
}
