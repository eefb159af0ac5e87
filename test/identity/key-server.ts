// Another issuer, as far as the ledger meets one: an HTTP server with a key set, and whoever signs with its keys.
import type { KeyObject } from 'node:crypto';
import { constants, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Claims, Header, Signer } from './forged-tokens.ts';
import { byKeyObject, ed25519Pair, p256Pair, rsaPair, tokenOf } from './forged-tokens.ts';

export const ISSUER = 'https://id.example.com/realms/bank';
export const AUDIENCE = 'https://ledger.example.com';

export interface IssuerKey {
  readonly kid: string;
  readonly alg: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export const rsaKey = (kid: string, modulusLength?: number): IssuerKey => ({ kid, alg: 'RS256', ...rsaPair(modulusLength) });
export const p256Key = (kid: string): IssuerKey => ({ kid, alg: 'ES256', ...p256Pair() });
export const ed25519Key = (kid: string): IssuerKey => ({ kid, alg: 'EdDSA', ...ed25519Pair() });

export interface KeyServer extends AsyncDisposable {
  readonly url: string;
  /** How often the keys were asked for. */
  readonly asked: () => number;
  publish(keys: readonly IssuerKey[]): void;
  /** Answers in another way from here on; `publish` ends it. */
  misbehave(listener: RequestListener): void;
  /** Nobody listens from here on. */
  goAway(): Promise<void>;
}

export async function startKeyServer(...keys: readonly IssuerKey[]): Promise<KeyServer> {
  let asked = 0;
  let answer: RequestListener = () => {};
  const publish = (published: readonly IssuerKey[]): void => {
    const text = JSON.stringify({
      keys: published.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' })),
    });
    answer = (_request, response) => response.setHeader('content-type', 'application/jwk-set+json').end(text);
  };
  publish(keys);
  const server = createServer((request, response) => {
    asked += 1;
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Listening on a port, the address is an object.
  const { port } = server.address() as AddressInfo;
  const goAway = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return {
    url: `http://127.0.0.1:${port}/jwks`,
    asked: () => asked,
    publish,
    misbehave: (listener) => {
      answer = listener;
    },
    goAway,
    [Symbol.asyncDispose]: goAway,
  };
}

/** The claims of a good token, unless told otherwise. No two tokens are the same: those that are known by sight need no key. */
export const claimsOf = (more: Claims = {}): Claims => {
  const nowS = Math.floor(Date.now() / 1000);
  return { iss: ISSUER, aud: AUDIENCE, sub: 'auth0|alice', iat: nowS, exp: nowS + 600, jti: randomUUID(), role: 'user', ...more };
};

/** A token as that issuer makes them. */
export const issued = ({ kid, alg, privateKey }: IssuerKey, claims: Claims = {}, header: Header = {}): Promise<string> =>
  tokenOf({ typ: 'JWT', alg, kid, ...header }, claimsOf(claims), byKeyObject(privateKey));

/** RSA signatures as the other algorithms of JWS make them. */
export const byRsa =
  (key: KeyObject, hash: 'sha256' | 'sha384' | 'sha512', padding: 'pkcs1' | 'pss' = 'pkcs1'): Signer =>
  (input) =>
    sign(hash, Buffer.from(input), {
      key,
      ...(padding === 'pss' && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }),
    });
