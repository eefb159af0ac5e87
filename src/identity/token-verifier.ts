// Reads access tokens: whose a token is, or why it is nobody's. The algorithms are fixed by who issues, never taken from the token.
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { TokenSettings } from './access-tokens.ts';
import { ROLE_CLAIM, TOKEN_TYPE } from './access-tokens.ts';
import type { Principal } from './principal.ts';
import { principalFrom } from './principal.ts';
import type { Role } from './roles.ts';
import { isRole } from './roles.ts';
import type { SigningKeys } from './signing-keys.ts';
import { SIGNING_ALGORITHM } from './signing-keys.ts';

export type TokenVerdict =
  | { readonly kind: 'principal'; readonly principal: Principal }
  | { readonly kind: 'expired' }
  /** `why` is for whoever sent it: it says nothing that the token does not. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Nothing could be said: the keys of the issuer are out of reach. */
  | { readonly kind: 'unavailable'; readonly error: unknown };

export interface TokenVerifier {
  verify(token: string): Promise<TokenVerdict>;
}

/** Clocks that disagree by so much do no harm. */
const CLOCK_TOLERANCE_S = 5;
/** As many tokens are known by sight at a time: a signature takes longer to check than most reads take. */
const KNOWN_TOKENS = 10_000;
/** What another issuer may sign with (RFC 7518, RFC 8037). Never HS*: whoever has the public key could sign. */
const EXTERNAL_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
/** How long the keys of another issuer may take to come. */
const JWKS_TIMEOUT_MS = 5_000;

/** The role of a token with several of them is the first of these: the one that may do most. */
const BY_REACH: readonly Role[] = ['operator', 'producer', 'auditor', 'user'];

/** The role among the values of a claim, which may be a text, a text of several, or a list. A dot goes a level down: `realm_access.roles`. */
export function roleIn(payload: JWTPayload, claim: string): Role | undefined {
  let value: unknown = payload[claim];
  if (value === undefined) {
    value = payload;
    for (const name of claim.split('.')) value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  const names: readonly unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  const roles = new Set(names.filter(isRole));
  return BY_REACH.find((role) => roles.has(role));
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

interface VerifierOptions extends TokenSettings {
  readonly algorithms: string[];
  readonly getKey: JWTVerifyGetKey;
  readonly rolesClaim: string;
  readonly typ?: string;
  /** What was known by sight is looked at again when this changes. */
  readonly generation: () => number;
}

function makeVerifier({ algorithms, getKey, rolesClaim, issuer, audience, typ, generation }: VerifierOptions): TokenVerifier {
  /** Tokens that were good, until when. Those that were not are never kept: there is no end of them. */
  const known = new LRUCache<string, { readonly principal: Principal; readonly expiresAtMs: number; readonly generation: number }>({
    max: KNOWN_TOKENS,
  });
  return {
    async verify(token) {
      const seen = known.get(token);
      if (seen && seen.generation === generation()) {
        if (seen.expiresAtMs > Date.now()) return { kind: 'principal', principal: seen.principal };
        return { kind: 'expired' };
      }
      const asOf = generation();
      try {
        const { payload } = await jwtVerify(token, getKey, {
          algorithms,
          issuer,
          audience,
          clockTolerance: CLOCK_TOLERANCE_S,
          requiredClaims: ['sub', 'exp'],
          ...(typ !== undefined && { typ }),
        });
        const { sub, exp } = payload;
        if (sub === undefined || sub === '' || exp === undefined) return { kind: 'refused', why: 'The token names nobody.' };
        const role = roleIn(payload, rolesClaim);
        if (role === undefined) return { kind: 'refused', why: `The token has no role of this ledger in the claim ${rolesClaim}.` };
        const principal = principalFrom(issuer, sub, role, nameIn(payload) ?? sub);
        known.set(token, { principal, expiresAtMs: (exp + CLOCK_TOLERANCE_S) * 1000, generation: asOf });
        return { kind: 'principal', principal };
      } catch (error) {
        return verdictOf(error);
      }
    },
  };
}

function nameIn({ preferred_username: username, name }: JWTPayload): string | undefined {
  return [username, name].find((given) => typeof given === 'string' && given !== '') as string | undefined;
}

/** What jose found wrong with a token is the sender's; everything else (the network, the database) is ours. */
function verdictOf(error: unknown): TokenVerdict {
  if (error instanceof errors.JWTExpired) return { kind: 'expired' };
  if (error instanceof errors.JWTClaimValidationFailed) return { kind: 'refused', why: `The claim ${error.claim} is not as it must be.` };
  if (error instanceof errors.JOSEAlgNotAllowed) return { kind: 'refused', why: 'The token is not signed as it must be.' };
  if (error instanceof errors.JWSSignatureVerificationFailed) return { kind: 'refused', why: 'The signature does not fit.' };
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return { kind: 'refused', why: 'The token is signed with a key that is not among the keys of its issuer.' };
  const isOutOfReach = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid || error instanceof errors.JOSENotSupported)
    return { kind: 'refused', why: 'The token is none that can be read.' };
  if (error instanceof errors.JOSEError && !isOutOfReach && error.code !== 'ERR_JOSE_GENERIC')
    return { kind: 'refused', why: 'The token is none that can be read.' };
  return { kind: 'unavailable', error };
}

/** Takes the tokens of this ledger's own issuer, and nobody else's. */
export const builtInVerifier = (keys: Pick<SigningKeys, 'verifying' | 'generation'>, settings: TokenSettings): TokenVerifier =>
  makeVerifier({
    ...settings,
    algorithms: [SIGNING_ALGORITHM],
    rolesClaim: ROLE_CLAIM,
    typ: TOKEN_TYPE,
    generation: keys.generation,
    getKey: async ({ kid }) => {
      const key = kid === undefined ? undefined : await keys.verifying(kid);
      if (key === undefined) throw new errors.JWKSNoMatchingKey();
      return key;
    },
  });

export interface ExternalIssuer extends TokenSettings {
  readonly jwksUrl: string;
  readonly rolesClaim: string;
}

/** Takes the tokens of another issuer, by the keys that it publishes; this ledger's own are not taken then. */
export const externalVerifier = ({ jwksUrl, ...settings }: ExternalIssuer): TokenVerifier =>
  makeVerifier({
    ...settings,
    algorithms: EXTERNAL_ALGORITHMS,
    getKey: createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS }),
    // Its keys may change without a word: what was good a minute ago is looked at again.
    generation: () => Math.floor(Date.now() / 60_000),
  });
