import { randomUUID } from 'node:crypto';
import { Command, Option } from 'commander';
import { ConfigError } from '../config.ts';
import type { Role } from '../identity/roles.ts';
import { ROLES } from '../identity/roles.ts';
import { identityOf } from '../identity-setup.ts';
import { openIdentityDatabase } from './identity-database.ts';

interface TokenArguments {
  readonly role: Role;
  readonly user?: string;
  readonly json?: boolean;
}

/** `ledger token`: an access token for whoever can reach the database and its key secret. Prints the token and nothing else. */
export function tokenCommand(): Command {
  return new Command('token')
    .description('print an access token, good for 15 minutes')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).makeOptionMandatory())
    .option('--user <id>', 'for whom: the id of a user, or any name for the others (default: a new id)')
    .option('--json', 'print JSON')
    .action(async ({ role, user = randomUUID(), json }: TokenArguments) => {
      await using opened = await openIdentityDatabase('token');
      const identity = await identityOf(opened.config, opened.database, () => {});
      identity.close();
      if (identity.builtIn === undefined) throw new ConfigError(['JWKS_URL names another issuer, whose tokens alone are taken']);
      const { accessToken, expiresIn } = await identity.builtIn.tokens.issue({ subject: user, role, name: user });
      process.stdout.write(json === true ? `${JSON.stringify({ accessToken, tokenType: 'Bearer', expiresIn })}\n` : `${accessToken}\n`);
    });
}
