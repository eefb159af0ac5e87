import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { ConfigError, readEnv } from '../config.ts';
import { readRuntimeFile } from '../embedded/runtime-file.ts';
import { makeClients } from '../identity/clients.ts';
import { BrokerOutOfReach } from './broker.ts';
import { exitCodes } from './exit-codes.ts';
import { openIdentityDatabase } from './identity-database.ts';
import { onInterruption } from './interruption.ts';
import { startService } from './service-process.ts';

const program = fileURLToPath(new URL('../../packages/load/src/bin.ts', import.meta.url));

interface LoadArguments {
  readonly url?: string;
  readonly amqp?: string | true;
}
/** How the load client reaches a ledger: arguments, and what nobody else is to see among the processes. */
interface Target {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * `ledger load`: the load client of packages/load, as a process of its own that is given URLs and credentials and nothing else. They are
 * those of the ledger running on the data folder, else of one that is started for as long as the load takes.
 */
export function loadCommand(): Command {
  return new Command('load')
    .description('send a mixed load to the running ledger, and compare its books with those of the load client')
    .option('--url <url>', 'another ledger, with credentials for it: --operator-token, or --client-id and --client-secret')
    .option('--amqp [url]', 'send a share of the commands over RabbitMQ (default: the broker of the running ledger)')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nEverything else is passed on, such as --rps 100, --duration 60, --users 100, --seed TEXT, --overload RPS, --json: see packages/load.',
    )
    .action(async ({ url, amqp }: LoadArguments, { args }: Command) => {
      if (!existsSync(program)) throw new ConfigError(['the load client is not part of this installation: it is in a checkout']);
      await using opened = new AsyncDisposableStack();
      const target =
        url === undefined ? await findTarget(opened, amqp) : { args: ['--url', url, ...brokerArguments(amqp)], environment: {} };
      process.exitCode = await runClient([...target.args, ...args], target.environment);
    });
}

function brokerArguments(amqp: string | true | undefined): readonly string[] {
  if (amqp === true) throw new ConfigError(['--amqp needs a URL where --url names the ledger']);
  return amqp === undefined ? [] : ['--amqp', amqp];
}

/** The ledger of the data folder, and a client with the role operator, which is revoked in the end. */
async function findTarget(opened: AsyncDisposableStack, amqp: string | true | undefined): Promise<Target> {
  const config = readEnv(process.env);
  if (config.jwksUrl !== undefined)
    throw new ConfigError(['JWKS_URL names another issuer: the load client registers users, so it needs the ledger’s own']);
  const running = readRuntimeFile(config.dataDir)?.apiUrl;
  const apiUrl = running ?? opened.use(await startService()).apiUrl;
  const broker = amqp === true ? (readRuntimeFile(config.dataDir)?.amqpUrl ?? config.amqpUrl) : amqp;
  if (amqp === true && broker === undefined)
    throw new BrokerOutOfReach('the running ledger has no broker: its commands stay inside the process');

  const identity = opened.use(await openIdentityDatabase('load'));
  const clients = makeClients(identity.database.db);
  const clientId = `load-${randomUUID()}`;
  const secret = await clients.create(clientId, 'operator');
  if (secret === undefined) throw new Error(`there is a client ${clientId} already`);
  opened.defer(async () => void (await clients.revoke(clientId)));
  return {
    args: ['--url', apiUrl],
    environment: {
      LEDGER_CLIENT_ID: clientId,
      LEDGER_CLIENT_SECRET: secret,
      ...(broker === undefined ? {} : { LEDGER_LOAD_AMQP_URL: broker }),
    },
  };
}

/** @returns its exit code. What ends this process is passed on to it: it has books to compare before. */
async function runClient(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<number> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const stopListening = onInterruption(
    (signal) => void child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal),
    () => void child.kill('SIGTERM'),
  );
  try {
    const [code] = await once(child, 'close');
    return typeof code === 'number' ? code : exitCodes.interrupted;
  } finally {
    stopListening();
  }
}
