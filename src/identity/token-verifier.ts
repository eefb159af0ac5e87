// Reads access tokens: whose a token is, or why it is nobody's. The algorithms are fixed by who issues, never taken from the token;
// the rest is the list of RFC 8725.
import type { JWTHeaderParameters, JWTPayload, JWTVerifyGetKey } from 'jose';
import { errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { TokenSettings } from './access-tokens.ts';
import { ROLE_CLAIM, TOKEN_TYPE } from './access-tokens.ts';
import type { ExternalKeysOptions } from './external-keys.ts';
import { makeExternalKeys } from './external-keys.ts';
import type { Principal } from './principal.ts';
import { principalFrom, SubjectSchema } from './principal.ts';
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
/** And together they have at most so many characters, however long each is. */
const KNOWN_CHARACTERS = 16 * 1024 * 1024;
/** Longer ones are not looked at. Ours have about 500 characters; other issuers put lists of groups into theirs. */
const LONGEST_TOKEN = 8192;
/** RFC 7515, 7.1: the compact form of a signed token, with nothing left out. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** What another issuer may sign with (RFC 7518, RFC 8037). Never HS*: whoever has the public key could sign. */
const EXTERNAL_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
/** What another issuer may call an access token. Its other tokens (of log-outs, security events, proofs) say what they are: RFC 8725, 3.11. */
const EXTERNAL_TYPES = ['jwt', 'at+jwt', 'application/at+jwt'];

/** The role of a token with several of them is the first of these: the one that may do most. */
const BY_REACH: readonly Role[] = ['operator', 'producer', 'auditor', 'user'];

/**
 * The role among the values of a claim, which may be a text, a text of several, or a list. A dot goes a level down
 * (`realm_access.roles`), unless a claim is called so with its dots (`https://ledger.example/roles`).
 */
export function roleIn(payload: JWTPayload, claim: string): Role | undefined {
  const path = Object.hasOwn(payload, claim) ? [claim] : claim.split('.');
  let value: unknown = payload;
  for (const name of path) value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  const names: readonly unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  const roles = new Set(names.filter(isRole));
  return BY_REACH.find((role) => roles.has(role));
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

const Claims = z.object({
  sub: SubjectSchema,
  exp: z.number(),
  preferred_username: SubjectSchema.optional().catch(undefined),
  name: SubjectSchema.optional().catch(undefined),
});

/** The keys could not be had: no fault of the token. */
class KeysOutOfReach extends Error {
  override readonly name = 'KeysOutOfReach';
}

interface VerifierOptions extends TokenSettings {
  readonly algorithms: string[];
  readonly getKey: JWTVerifyGetKey;
  /** The claim that the role is looked for in, to be named in refusals. */
  readonly rolesClaim: string;
  readonly roleOf: (payload: JWTPayload) => Role | undefined;
  readonly isAccessToken: (header: JWTHeaderParameters) => boolean;
  /** What was known by sight is looked at again when this changes. */
  readonly generation: () => number;
}

function makeVerifier(options: VerifierOptions): TokenVerifier {
  const { algorithms, getKey, rolesClaim, roleOf, issuer, audience, isAccessToken, generation } = options;
  /** Tokens that were good, until when. Those that were not are never kept: there is no end of them. */
  const known = new LRUCache<string, { readonly principal: Principal; readonly expiresAtMs: number; readonly generation: number }>({
    max: KNOWN_TOKENS,
    maxSize: KNOWN_CHARACTERS,
    sizeCalculation: (_value, token) => token.length,
  });
  const getKeyOrSay: JWTVerifyGetKey = async (header, token) => {
    try {
      return await getKey(header, token);
    } catch (error) {
      throw isOfTheToken(error) ? error : new KeysOutOfReach('the keys of the issuer cannot be had', { cause: error });
    }
  };
  return {
    async verify(token) {
      if (token.length > LONGEST_TOKEN) return refused(`The token is longer than ${LONGEST_TOKEN} characters.`);
      const asOf = generation();
      const seen = known.get(token);
      if (seen && seen.generation === asOf) {
        return seen.expiresAtMs > Date.now() ? { kind: 'principal', principal: seen.principal } : { kind: 'expired' };
      }
      if (!COMPACT.test(token)) return refused('The token is none that can be read.');
      try {
        const { payload, protectedHeader } = await jwtVerify(token, getKeyOrSay, {
          algorithms,
          issuer,
          audience,
          clockTolerance: CLOCK_TOLERANCE_S,
          requiredClaims: ['sub', 'exp'],
        });
        if (!isAccessToken(protectedHeader)) return refused('The token is no access token.');
        const claims = Claims.safeParse(payload);
        if (!claims.success) return refused('The token names nobody, or not until when.');
        const { sub, exp, preferred_username: username, name } = claims.data;
        const role = roleOf(payload);
        if (role === undefined) return refused(`The token has no role of this ledger in the claim ${rolesClaim}.`);
        const principal = principalFrom(issuer, sub, role, username ?? name ?? sub);
        known.set(token, { principal, expiresAtMs: (exp + CLOCK_TOLERANCE_S) * 1000, generation: asOf });
        return { kind: 'principal', principal };
      } catch (error) {
        return verdictOf(error);
      }
    },
  };
}

const refused = (why: string): TokenVerdict => ({ kind: 'refused', why });

/** Whether the search for a key failed for what the token asks for. */
const isOfTheToken = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported;

/** Only keys that cannot be had are ours. Everything else is the token's: what cannot be checked is not taken. */
function verdictOf(error: unknown): TokenVerdict {
  if (error instanceof KeysOutOfReach) return { kind: 'unavailable', error };
  if (error instanceof errors.JWTExpired) return { kind: 'expired' };
  if (error instanceof errors.JWTClaimValidationFailed) return refused(`The claim ${error.claim} is not as it must be.`);
  if (error instanceof errors.JOSEAlgNotAllowed) return refused('The token is not signed as it must be.');
  if (error instanceof errors.JWSSignatureVerificationFailed) return refused('The signature does not fit.');
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return refused('The token is signed with a key that is not among the keys of its issuer.');
  return refused('The token is none that can be read.');
}

/** Takes the tokens of this ledger's own issuer, and nobody else's. */
export const builtInVerifier = (keys: Pick<SigningKeys, 'verifying' | 'generation'>, settings: TokenSettings): TokenVerifier =>
  makeVerifier({
    ...settings,
    algorithms: [SIGNING_ALGORITHM],
    rolesClaim: ROLE_CLAIM,
    roleOf: ({ [ROLE_CLAIM]: role }) => (isRole(role) ? role : undefined),
    isAccessToken: ({ typ }) => typ === TOKEN_TYPE,
    generation: keys.generation,
    getKey: async ({ kid }) => {
      const key = kid === undefined ? undefined : await keys.verifying(kid);
      if (key === undefined) throw new errors.JWKSNoMatchingKey();
      return key;
    },
  });

export interface ExternalIssuer extends TokenSettings, ExternalKeysOptions {
  readonly rolesClaim: string;
}

/** Takes the tokens of another issuer, by the keys that it publishes; this ledger's own are not taken then. */
export const externalVerifier = ({ rolesClaim, issuer, audience, ...keys }: ExternalIssuer): TokenVerifier =>
  makeVerifier({
    issuer,
    audience,
    algorithms: EXTERNAL_ALGORITHMS,
    rolesClaim,
    roleOf: (payload) => roleIn(payload, rolesClaim),
    isAccessToken: ({ typ }) => typ === undefined || (typeof typ === 'string' && EXTERNAL_TYPES.includes(typ.toLowerCase())),
    getKey: makeExternalKeys(keys),
    // Its keys may change without a word: what was good a minute ago is looked at again.
    generation: () => Math.floor(Date.now() / 60_000),
  });
