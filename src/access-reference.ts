// The reference of permissions, written from the table that the checks run on. `npm run docs:access` writes docs/permissions.md;
// a test keeps it true.
import { COMMAND_TABLE } from './domain/command-table.ts';
import type { CommandType } from './domain/commands.ts';
import type { Access, Reach } from './identity/access.ts';
import { accessOf, COMMAND_ACCESS, ROUTE_ACCESS } from './identity/access.ts';
import { ROLES } from './identity/roles.ts';

const SHOWN: Readonly<Record<Reach, string>> = { all: 'yes', own: 'own', none: '–' };

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const head = (first: string, last: string): string =>
  [row([first, ...ROLES, last]), row(['---', ...ROLES.map(() => ':-:'), '---'])].join('\n');
const byRole = (access: Access): readonly string[] => ROLES.map((role) => SHOWN[access[role]]);

/** The page, as Markdown. */
export function accessReference(): string {
  const types = Object.keys(COMMAND_ACCESS) as CommandType[];
  const commands = types.map((type) => row([`\`${type}\``, ...byRole(COMMAND_ACCESS[type]), COMMAND_TABLE[type].does]));
  const routes = Object.entries(ROUTE_ACCESS).map(([name, said]) => {
    const access = accessOf(said);
    const cells = access === 'anyone' ? ROLES.map(() => 'anyone') : byRole(access);
    return row([`\`${name}\``, ...cells, typeof said === 'string' && said !== 'anyone' ? `\`${said}\`` : '']);
  });
  return `# Who may do what

Written by \`npm run docs:access\` from the table that every check runs on (\`src/identity/access.ts\`). A test fails when this page is behind
it, another asks the running API about every route, role and account; a route without a row keeps the ledger from starting.

- **yes**: at every account, and at what belongs to none.
- **own**: at their own accounts, and at what is in them. Accounts of others, and their holds, orders, transfers and commands, are answered
  exactly like ones that do not exist: 404, not 403. Lists have only what is their own.
- **–**: 403 \`forbidden\`, whatever the request says beyond that.
- **anyone**: no credentials are asked for. Everything else is 401 \`unauthenticated\` without them.

## Commands

Over every transport: by a route of their own, in bulk, as dry runs, and through the broker.

${head('command', 'what it does')}
${commands.join('\n')}

What else decides, where a role says “own”:

- Only whoever reaches all accounts says since when an entry counts (\`effectiveAt\`), or chooses an account’s id or its owner.
- Users credit themselves (\`deposit\`, \`update-coin\` with a quantity above zero) only where \`LEDGER_SELF_DEPOSIT\` is on; never in production.
- Holds that an operator placed are captured and released by operators alone.
- Users may send money to any account that exists. They learn that it does, and nothing else of it: a transfer that its recipient cannot
  take comes back as \`recipient_unavailable\`, whatever the reason.

## Routes

HEAD asks what GET asks. A route that sends a command is open to whoever may send that command.

${head('route', 'command')}
${routes.join('\n')}
`;
}
