// What seals the private signing keys in Postgres: whoever reads the database, or a backup of it, cannot sign.
import { hkdfSync } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';

/** The signing keys were sealed with another secret. */
export class WrongKeySecret extends Error {
  override readonly name = 'WrongKeySecret';
  constructor(remedy = '`ledger keys rotate --new-secret` starts anew, and ends all access tokens') {
    super(`the signing keys in Postgres were sealed with another key secret than this process has. If that one is lost: ${remedy}`);
  }
}

/** Of a secret with at least 256 bits of chance in it, which is what HKDF (RFC 5869) asks for; a password would need a slow hash. */
const sealingKey = (secret: string): Uint8Array => new Uint8Array(hkdfSync('sha256', secret, '', 'ledgerfold signing keys', 32));

export const seal = (text: string, secret: string): Promise<string> =>
  new CompactEncrypt(new TextEncoder().encode(text)).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(sealingKey(secret));

/** @throws WrongKeySecret */
export async function unseal(sealed: string, secret: string): Promise<string> {
  try {
    const { plaintext } = await compactDecrypt(sealed, sealingKey(secret), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return new TextDecoder().decode(plaintext);
  } catch {
    throw new WrongKeySecret();
  }
}

/** Whether it was sealed with that secret. */
export const isSealedWith = (sealed: string, secret: string): Promise<boolean> =>
  unseal(sealed, secret).then(
    () => true,
    () => false,
  );
