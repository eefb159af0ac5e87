import { randomUUID } from 'node:crypto';
import { Command, Option } from 'commander';
import { ConfigError } from '../config.ts';
import { Uuid } from '../domain/ids.ts';
import type { TokenSubject } from '../identity/access-tokens.ts';
import { SubjectSchema } from '../identity/principal.ts';
import type { Role } from '../identity/roles.ts';
import { ROLES } from '../identity/roles.ts';
import type { Users } from '../identity/users.ts';
import { makeUsers } from '../identity/users.ts';
import { identityOf } from '../identity-setup.ts';
import { IdentityMisuse, openIdentityDatabase } from './identity-database.ts';

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
    .option('--user <user>', 'for whom: a user by name or id; any name for the other roles (default: a new id)')
    .option('--json', 'print JSON')
    .action(async ({ role, user, json }: TokenArguments) => {
      await using opened = await openIdentityDatabase('token');
      const identity = await identityOf(opened.config, opened.database, () => {});
      identity.close();
      if (identity.builtIn === undefined) throw new ConfigError(['JWKS_URL names another issuer, whose tokens alone are taken']);
      const { accessToken, expiresIn } = await identity.builtIn.tokens.issue({
        role,
        ...(await subjectOf(user, role, makeUsers(opened.database.db))),
      });
      process.stdout.write(json === true ? `${JSON.stringify({ accessToken, tokenType: 'Bearer', expiresIn })}\n` : `${accessToken}\n`);
    });
}

/**
 * Whom the token names. An id is taken as it is: the accounts of a user who was erased, or whom another issuer knows, are theirs still.
 * @throws IdentityMisuse where no user is called so, or no token that says so would be taken.
 */
async function subjectOf(user: string | undefined, role: Role, users: Users): Promise<Pick<TokenSubject, 'subject' | 'name'>> {
  if (user === undefined) {
    const anybody = randomUUID();
    return { subject: anybody, name: anybody };
  }
  if (role !== 'user') {
    const { error } = SubjectSchema.safeParse(user);
    if (error) throw new IdentityMisuse(`nobody can be called so: give ${error.issues.map(({ message }) => message).join('; ')}`);
    return { subject: user, name: user };
  }
  const id = Uuid.safeParse(user);
  if (id.success) return { subject: id.data, name: (await users.find(id.data))?.name ?? id.data };
  const found = await users.findByName(user);
  if (found === undefined) throw new IdentityMisuse(`there is no user ${user}`);
  return { subject: found.userId, name: found.name };
}
