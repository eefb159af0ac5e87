// Access tokens for the ledgers that tests start: issued as `ledger token` issues them, by whoever has the database and the secret.
import { readEnv } from '../../src/config.ts';
import type { TokenIssuer } from '../../src/identity/access-tokens.ts';
import type { Role } from '../../src/identity/roles.ts';
import { identityOf } from '../../src/identity-setup.ts';
import { openDatabase } from '../../src/postgres/pool.ts';

/** The key secret of every ledger over test stores, so that several processes on one database agree. */
export const TEST_KEY_SECRET = 'a secret of the tests and of nothing else';

/** Who tests act as where nothing else is said: an operator. */
const OPERATOR_ID = '0d0e7e10-9e5e-4c0b-8f00-1edce7f01d00';

export interface TestTokens {
  /** A token for 15 minutes. @param subject of a user: the UUID. */
  token(role: Role, subject: string): Promise<string>;
}

const operators = new Map<string, string>();

/** The header of an operator, at an API that `startTokens` was called for. */
export function operatorAt(url: string): { readonly authorization: string } {
  const token = operators.get(new URL(url).origin);
  if (token === undefined) throw new Error(`no token is known for ${url}`);
  return { authorization: `Bearer ${token}` };
}

/** The signing key of a running ledger, and an operator's token for `operatorAt`. */
export async function startTokens(
  apiUrl: string,
  databaseUrl: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<TestTokens & { readonly operator: string }> {
  const database = openDatabase(databaseUrl, { maxConnections: 2, applicationName: 'test tokens' });
  try {
    const identity = await identityOf(readEnv(environment), database, () => {});
    identity.close();
    const issuer: TokenIssuer | undefined = identity.builtIn?.tokens;
    if (issuer === undefined) throw new Error('another issuer makes the tokens');
    const token: TestTokens['token'] = async (role, subject) => (await issuer.issue({ subject, role, name: subject })).accessToken;
    const operator = await token('operator', OPERATOR_ID);
    if (apiUrl !== '') operators.set(new URL(apiUrl).origin, operator);
    return { token, operator };
  } finally {
    await database.close();
  }
}
