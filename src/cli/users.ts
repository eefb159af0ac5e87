import { Command } from 'commander';
import { Uuid } from '../domain/ids.ts';
import type { User, Users } from '../identity/users.ts';
import { makeUsers } from '../identity/users.ts';
import { IdentityMisuse, openIdentityDatabase } from './identity-database.ts';

/** `ledger users`: the people whom the ledger knows by name; see docs/security.md. */
export function usersCommand(): Command {
  return new Command('users').description('look after the registered users').addCommand(eraseCommand());
}

function eraseCommand(): Command {
  return new Command('erase')
    .description('forget who somebody is: name, password and sessions go; the books stay, under an id that stands for nobody')
    .argument('<user>', 'name or id')
    .option('--yes', 'they are to be forgotten')
    .option('--json', 'print JSON')
    .action(async (nameOrId: string, { yes, json }: { readonly yes?: true; readonly json?: true }) => {
      await using opened = await openIdentityDatabase('users');
      const users = makeUsers(opened.database.db);
      const user = await userOf(nameOrId, users);
      if (user === undefined) throw new IdentityMisuse(`there is no user ${nameOrId}`);
      const { userId, name } = user;
      if (yes === undefined) throw new IdentityMisuse(`this forgets who ${name} (${userId}) is, for good: say --yes`);
      if (!(await users.erase(userId))) throw new IdentityMisuse(`${name} (${userId}) was erased by somebody else just now`);
      process.stdout.write(json ? `${JSON.stringify({ erased: userId })}\n` : `${userId}  erased\n`);
      process.stderr.write(
        'Gone: the name, the password and the sessions. What stays: the accounts of this id, with all that was booked on them. ' +
          'An access token that was issued before is good for at most 15 minutes more.\n',
      );
    });
}

/** What looks like an id is one: somebody may be called like the id of somebody else. */
function userOf(nameOrId: string, users: Users): Promise<User | undefined> {
  const id = Uuid.safeParse(nameOrId);
  return id.success ? users.find(id.data) : users.findByName(nameOrId);
}
