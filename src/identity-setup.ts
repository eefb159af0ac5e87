// Who may come in, as the configuration says: for the service, and for the verbs that issue tokens and change keys.
import type { Config } from './config.ts';
import { ConfigError } from './config.ts';
import { keptKeySecretOf, keySecretOf } from './embedded/key-secret.ts';
import type { Identity } from './identity/identity.ts';
import { openIdentity } from './identity/identity.ts';
import { WrongKeySecret } from './identity/key-secret.ts';
import type { Database } from './postgres/pool.ts';

/**
 * Opens the identity part over that database.
 * @throws {ConfigError} where the signing keys were sealed with another secret.
 */
export async function identityOf(config: Config, { db }: Pick<Database, 'db'>, onError: (error: unknown) => void): Promise<Identity> {
  const { jwtIssuer: issuer, jwtAudience: audience, jwksUrl, jwtRolesClaim: rolesClaim } = config;
  return wrongKeySecretSaid(() =>
    openIdentity({
      db,
      tokens: { issuer, audience },
      ...(jwksUrl !== undefined && { external: { jwksUrl, rolesClaim } }),
      keySecret: keySecretFor(config),
      onError,
    }),
  );
}

/** A key secret that does not fit is a matter of the settings, and said as one. @throws {ConfigError} */
export async function wrongKeySecretSaid<Result>(use: () => Promise<Result>): Promise<Result> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof WrongKeySecret)) throw error;
    throw new ConfigError([`LEDGER_KEY_SECRET must be that of every process on this database: ${error.message}`]);
  }
}

/** The secret that seals the signing keys: the one that is set, else the data folder's own. */
export const keySecretFor = ({ keySecret, dataDir }: Config): string => keySecret ?? keySecretOf(dataDir);

/** The same, but none is made: undefined where none is set and the data folder has none. */
export const keptKeySecretFor = ({ keySecret, dataDir }: Config): string | undefined => keySecret ?? keptKeySecretOf(dataDir);
