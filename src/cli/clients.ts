import { Command, InvalidArgumentError, Option } from 'commander';
import type { Clients } from '../identity/clients.ts';
import { ClientIdSchema, makeClients } from '../identity/clients.ts';
import type { Role } from '../identity/roles.ts';
import { ROLES } from '../identity/roles.ts';
import { IdentityMisuse, openIdentityDatabase } from './identity-database.ts';

interface Output {
  readonly json?: true;
}

/** `ledger clients`: machines that act with a role of their own, over REST and RabbitMQ; see docs/security.md. */
export function clientsCommand(): Command {
  return new Command('clients')
    .description('look after the clients: machines with an id, a role and a secret')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand());
}

function createCommand(): Command {
  return new Command('create')
    .description('make a client; prints its id and its secret, which is shown this once')
    .argument('<id>', 'letters, digits, `.`, `_`, `-`; for RabbitMQ: the name of its broker user', clientId)
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).makeOptionMandatory())
    .option('--json', 'print JSON')
    .action((id: string, { role, json }: Output & { readonly role: Role }) =>
      withClients(async (clients) => {
        const secret = await clients.create(id, role);
        if (secret === undefined) throw new IdentityMisuse(`the id ${id} is taken, or was: an id is never given twice`);
        print(json ? JSON.stringify({ clientId: id, clientSecret: secret, role }) : `${id}  ${secret}`);
        process.stderr.write('Keep the secret: it is shown this once.\n');
      }),
    );
}

function listCommand(): Command {
  return new Command('list')
    .description('list them, the revoked among them')
    .option('--json', 'print JSON')
    .action(({ json }: Output) =>
      withClients(async (clients) => {
        const listed = await clients.list();
        if (json) print(JSON.stringify({ clients: listed }));
        for (const { clientId: id, role, createdAt, revokedAt } of json ? [] : listed)
          print(`${id}  ${role}  created ${createdAt}${revokedAt === undefined ? '' : `  revoked ${revokedAt}`}`);
        if (listed.length === 0) process.stderr.write('There are no clients.\n');
      }),
    );
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('take its right from a client, for good')
    .argument('<id>', 'as `list` prints it')
    .option('--json', 'print JSON')
    .action((id: string, { json }: Output) =>
      withClients(async (clients) => {
        if (!(await clients.revoke(id))) throw new IdentityMisuse(`there is no client ${id}`);
        print(json ? JSON.stringify({ revoked: id }) : `${id}  revoked`);
        process.stderr.write('It gets no more tokens; one that it has is good for at most 15 minutes more.\n');
      }),
    );
}

async function withClients(use: (clients: Clients) => Promise<void>): Promise<void> {
  await using opened = await openIdentityDatabase('clients');
  await use(makeClients(opened.database.db));
}

function clientId(text: string): string {
  const { error, data } = ClientIdSchema.safeParse(text);
  if (error) throw new InvalidArgumentError(`Give ${error.issues.map(({ message }) => message).join('; ')}.`);
  return data;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
