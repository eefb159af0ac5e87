// Tokens as forgers make them: header, claims and signature apart, each of them anything.
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { CryptoKey } from 'jose';

export type Header = Readonly<Record<string, unknown>>;
export type Claims = Readonly<Record<string, unknown>>;
/** Makes the signature over what stands before it. */
export type Signer = (signingInput: string) => Buffer | Promise<Buffer>;

export const base64url = (text: string): string => Buffer.from(text).toString('base64url');
/** What is given as a text is taken as it is: not everything that is wrong can be written as an object. */
export const encoded = (part: Header | string): string => base64url(typeof part === 'string' ? part : JSON.stringify(part));

export async function tokenOf(header: Header | string, claims: Claims | string, signer: Signer): Promise<string> {
  const signingInput = `${encoded(header)}.${encoded(claims)}`;
  return `${signingInput}.${(await signer(signingInput)).toString('base64url')}`;
}

export const unsigned: Signer = () => Buffer.alloc(0);
export const byHmac =
  (secret: string | Buffer, hash = 'sha256'): Signer =>
  (input) =>
    createHmac(hash, secret).update(input).digest();
/** With WebCrypto, which signs also with a key that cannot be taken out. */
export const byEd25519 =
  (key: CryptoKey): Signer =>
  async (input) =>
    Buffer.from(await crypto.subtle.sign('Ed25519', key, Buffer.from(input)));
export const byKeyObject =
  (key: KeyObject): Signer =>
  (input) => {
    switch (key.asymmetricKeyType) {
      case 'ed25519':
        return sign(null, Buffer.from(input), key);
      // JWS has the two numbers of an ECDSA signature side by side (RFC 7518, 3.4).
      case 'ec':
        return sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
      default:
        return sign('sha256', Buffer.from(input), key);
    }
  };

export const ed25519Pair = () => generateKeyPairSync('ed25519');
export const p256Pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const rsaPair = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength });

/** The token with one part put in the place of another. */
export function withPart(token: string, part: 'header' | 'claims' | 'signature', change: (now: string) => string): string {
  const [header = '', claims = '', signature = ''] = token.split('.');
  switch (part) {
    case 'header':
      return [change(header), claims, signature].join('.');
    case 'claims':
      return [header, change(claims), signature].join('.');
    case 'signature':
      return [header, claims, change(signature)].join('.');
    default:
      return part satisfies never;
  }
}

export const decoded = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString());
