import closeWithGrace from 'close-with-grace';
import { Command } from 'commander';
import { readEnv } from '../config.ts';
import { type Ledger, startLedger } from '../main.ts';
import { createLogger } from '../telemetry/logger.ts';
import { exitCodes } from './exit-codes.ts';
import { onInterruption } from './interruption.ts';
import { onProgress } from './output.ts';

interface StartArguments {
  readonly roles?: string;
  readonly json?: boolean;
}

/** `ledger start`: runs the service until it is asked to stop. SIGTERM ends with 0, Ctrl-C with 130. */
export function startCommand(): Command {
  return new Command('start')
    .description('run the service; Postgres and the event store come up by themselves where no URL is given')
    .option('--roles <list>', 'what this process does, separated by commas (overrides LEDGER_ROLES)')
    .option('--json', 'print one JSON line when ready')
    .action((options: StartArguments) => start(options));
}

async function start({ roles, json }: StartArguments): Promise<void> {
  const config = readEnv(roles === undefined ? process.env : { ...process.env, LEDGER_ROLES: roles });
  const log = createLogger(config.logLevel);
  const abort = new AbortController();
  const starting = startLedger(config, { log, onProgress, signal: abort.signal });
  let exitCode: number = exitCodes.ok;

  // Errors that nobody caught, and the deadline, are this package's part; what signals mean is decided below.
  const closing = closeWithGrace(
    { delay: config.shutdownGraceMs, logger: log, skip: ['SIGINT', 'SIGTERM', 'SIGHUP', 'beforeExit'] },
    async ({ err }) => {
      if (err !== undefined) log.fatal({ err }, 'stopping after an error that nothing handled');
      abort.abort(new Error('interrupted'));
      const ledger = await starting.catch(() => undefined);
      await ledger?.stop();
      process.exit(err === undefined ? exitCode : exitCodes.failed);
    },
  );
  onInterruption(
    (signal) => {
      process.stderr.write(`\n${signal}: stopping\n`);
      if (signal === 'SIGINT') exitCode = exitCodes.interrupted;
      void closing.close();
    },
    () => process.exit(exitCodes.interrupted),
  );

  let ledger: Ledger;
  try {
    ledger = await starting;
  } catch (error) {
    // Stopping has begun: the closing above ends the process.
    if (abort.signal.aborted) return;
    closing.uninstall();
    throw error;
  }
  void ledger.failed.then((reason) => {
    log.fatal({ reason }, 'stopping: a server that this ledger depends on has ended');
    exitCode = exitCodes.outOfReach;
    void closing.close();
  });
  announce(ledger, { json: json === true, hasLogIn: config.jwksUrl === undefined });
}

/** The last thing a start prints: where to go from here. */
function announce({ apiUrl }: Ledger, { json, hasLogIn }: { readonly json: boolean; readonly hasLogIn: boolean }): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ apiUrl: apiUrl ?? null })}\n`);
    return;
  }
  if (apiUrl === undefined) {
    process.stdout.write('\nThe ledger is running, without an API. Ctrl-C stops it.\n');
    return;
  }
  const lines = [
    'The ledger is running. Ctrl-C stops it.',
    `  API        ${apiUrl}/v1`,
    `  reference  ${apiUrl}/docs`,
    ...(hasLogIn
      ? [
          '  try        registering; the answer has an access token, good for 15 minutes, and an account of your own:',
          `             curl ${apiUrl}/v1/auth/register -H 'Content-Type: application/json' -d '{"name":"bob","password":"correct horse"}'`,
          '  or         looking around as an operator:',
          `             curl ${apiUrl}/v1/accounts -H "Authorization: Bearer $(npx ledger token --role operator)"`,
        ]
      : [
          '  try        a request with an access token of your issuer:',
          `             curl ${apiUrl}/v1/me -H "Authorization: Bearer $token"`,
        ]),
  ];
  process.stdout.write(`\n${lines.join('\n')}\n`);
}
