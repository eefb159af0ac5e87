import { Command } from 'commander';
import { ConfigError } from '../config.ts';
import type { ListedSigningKey, RotateOptions } from '../identity/signing-keys.ts';
import { listSigningKeys, rotateSigningKeys } from '../identity/signing-keys.ts';
import { keySecretFor, wrongKeySecretSaid } from '../identity-setup.ts';
import type { IdentityDatabase } from './identity-database.ts';
import { openIdentityDatabase } from './identity-database.ts';

interface Output {
  readonly json?: true;
}

/** `ledger keys`: the keys that sign access tokens; see docs/security.md. */
export function keysCommand(): Command {
  return new Command('keys')
    .description('look after the keys that sign access tokens')
    .addCommand(listCommand())
    .addCommand(rotateCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('list the keys that are published, newest first')
    .option('--json', 'print JSON')
    .action(({ json }: Output) =>
      withOwnKeys(async ({ database }) => {
        const keys = await listSigningKeys(database.db);
        if (json) print(JSON.stringify({ keys }));
        else for (const key of keys) print(lineOf(key));
        if (keys.length === 0) process.stderr.write('There is no key yet: the first start makes one.\n');
      }),
    );
}

function rotateCommand(): Command {
  return new Command('rotate')
    .description('make a new key; it is published now, and signs in five minutes, when all that keep the key set have seen it')
    .option('--now', 'sign with it at once')
    .option('--revoke-others', 'and take nothing any more that other keys have signed: one was stolen')
    .option('--new-secret', 'the same, and seal the new key with another LEDGER_KEY_SECRET than the others: it was stolen, or is lost')
    .option('--json', 'print JSON')
    .action(({ json, ...options }: Output & RotateOptions) =>
      withOwnKeys(async ({ config, database }) => {
        const kid = await wrongKeySecretSaid(() => rotateSigningKeys(database.db, keySecretFor(config), options));
        const key = (await listSigningKeys(database.db)).find((one) => one.kid === kid);
        if (key === undefined) throw new Error(`the key ${kid} was revoked while it was made`);
        print(json ? JSON.stringify(key) : lineOf(key));
      }),
    );
}

const lineOf = ({ kid, state, signsFrom, verifiesUntil }: ListedSigningKey): string =>
  `${kid}  ${state}  signs from ${signsFrom}${verifiesUntil === undefined ? '' : `  verifies until ${verifiesUntil}`}`;

async function withOwnKeys(use: (opened: IdentityDatabase) => Promise<void>): Promise<void> {
  await using opened = await openIdentityDatabase('keys');
  if (opened.config.jwksUrl !== undefined) throw new ConfigError(['JWKS_URL names another issuer, whose keys are its own business']);
  await use(opened);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
