// Access tokens of the built-in issuer: JWTs as RFC 9068 profiles them, signed with Ed25519.
import { SignJWT } from 'jose';
import type { Role } from './roles.ts';
import type { SigningKeys } from './signing-keys.ts';
import { ACCESS_TOKEN_S, SIGNING_ALGORITHM } from './signing-keys.ts';

/** The claim in which the role stands. */
export const ROLE_CLAIM = 'role';
/** RFC 9068, 2.1: what keeps an access token and an id token of one issuer apart. */
export const TOKEN_TYPE = 'at+jwt';

export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
}

export interface TokenSubject {
  readonly subject: string;
  readonly role: Role;
  readonly name: string;
}

/** An access token and for how many seconds it is good. */
export interface AccessToken {
  readonly accessToken: string;
  readonly expiresIn: number;
}

export interface TokenIssuer {
  issue(subject: TokenSubject): Promise<AccessToken>;
}

export const makeTokenIssuer = (keys: Pick<SigningKeys, 'signing'>, { issuer, audience }: TokenSettings): TokenIssuer => ({
  async issue({ subject, role, name }) {
    const { kid, privateKey } = keys.signing();
    const accessToken = await new SignJWT({ [ROLE_CLAIM]: role, preferred_username: name })
      .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: TOKEN_TYPE, kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(subject)
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${ACCESS_TOKEN_S} s`)
      .sign(privateKey);
    return { accessToken, expiresIn: ACCESS_TOKEN_S };
  },
});
