// Who may come in: the parts of this folder over one database, as one thing that is opened and closed.
import type { LedgerDb } from '../postgres/pool.ts';
import type { TokenIssuer, TokenSettings } from './access-tokens.ts';
import { makeTokenIssuer } from './access-tokens.ts';
import type { Clients } from './clients.ts';
import { makeClients } from './clients.ts';
import type { LoginGuard } from './login-guard.ts';
import { makeLoginGuard } from './login-guard.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import { makeRefreshTokens } from './refresh-tokens.ts';
import type { SigningKeys } from './signing-keys.ts';
import { openSigningKeys } from './signing-keys.ts';
import type { ExternalIssuer, TokenVerifier } from './token-verifier.ts';
import { builtInVerifier, externalVerifier } from './token-verifier.ts';
import type { Users } from './users.ts';
import { makeUsers } from './users.ts';

export interface IdentityOptions {
  readonly db: LedgerDb;
  readonly tokens: TokenSettings;
  /** Another issuer, whose tokens are taken instead of the ledger's own. */
  readonly external?: Pick<ExternalIssuer, 'jwksUrl' | 'rolesClaim'>;
  /** Seals the signing keys. */
  readonly keySecret: string;
  /** Told where keys could not be read again; those that are known go on to be used. */
  readonly onError: (error: unknown) => void;
}

/** What this ledger issues by itself; absent where another issuer's tokens are taken. */
export interface BuiltInIssuer {
  readonly keys: SigningKeys;
  readonly tokens: TokenIssuer;
  readonly users: Users;
  readonly refreshTokens: RefreshTokens;
  readonly clients: Clients;
  readonly guard: LoginGuard;
}

export interface Identity {
  readonly verifier: TokenVerifier;
  readonly builtIn: BuiltInIssuer | undefined;
  close(): void;
}

/** @throws WrongKeySecret; the database's error. */
export async function openIdentity({ db, tokens, external, keySecret, onError }: IdentityOptions): Promise<Identity> {
  if (external) return { verifier: externalVerifier({ ...tokens, ...external, onError }), builtIn: undefined, close: () => {} };
  const keys = await openSigningKeys({ db, secret: keySecret, onError });
  return {
    verifier: builtInVerifier(keys, tokens),
    builtIn: {
      keys,
      tokens: makeTokenIssuer(keys, tokens),
      users: makeUsers(db),
      refreshTokens: makeRefreshTokens(db),
      clients: makeClients(db),
      guard: makeLoginGuard(db),
    },
    close: keys.close,
  };
}
