#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { annulCommand } from './annul.ts';
import { backupCommand } from './backup.ts';
import { balancesCommand } from './balances.ts';
import { benchCommand } from './bench.ts';
import { chainCommand } from './chain.ts';
import { clientsCommand } from './clients.ts';
import { configCommand } from './config.ts';
import { diffCommand } from './diff.ts';
import { dlqCommand } from './dlq.ts';
import { exitCodes } from './exit-codes.ts';
import { exportCommand } from './export.ts';
import { exitCodeOf, isFinding } from './failures.ts';
import { historyCommand } from './history.ts';
import { keysCommand } from './keys.ts';
import { loadCommand } from './load.ts';
import { migrateCommand } from './migrate.ts';
import { rebuildCommand } from './rebuild.ts';
import { replayCommand } from './replay.ts';
import { restoreCommand } from './restore.ts';
import { startCommand } from './start.ts';
import { statementCommand } from './statement.ts';
import { tokenCommand } from './token.ts';
import { usersCommand } from './users.ts';
import { verifyCommand } from './verify.ts';

/** The command line. A verb is a file beside this one and a line here. */
function ledgerCommand(): Command {
  const program = new Command('ledger')
    .description('Ledgerfold, an event-sourced ledger')
    .addHelpText('after', '\nSettings are environment variables; see `ledger config`.')
    .addCommand(startCommand())
    .addCommand(migrateCommand())
    .addCommand(annulCommand())
    .addCommand(chainCommand())
    .addCommand(rebuildCommand())
    .addCommand(diffCommand())
    .addCommand(verifyCommand())
    .addCommand(dlqCommand())
    .addCommand(tokenCommand())
    .addCommand(clientsCommand())
    .addCommand(keysCommand())
    .addCommand(usersCommand())
    .addCommand(replayCommand())
    .addCommand(historyCommand())
    .addCommand(balancesCommand())
    .addCommand(statementCommand())
    .addCommand(exportCommand())
    .addCommand(backupCommand())
    .addCommand(restoreCommand())
    .addCommand(benchCommand())
    .addCommand(configCommand())
    .addCommand(loadCommand());
  // Commander would end the process with 1 where the contract says 2.
  for (const command of [program, ...program.commands.flatMap((verb) => [verb, ...verb.commands])]) command.exitOverride();
  return program;
}

// What is set in the environment wins over the file.
if (existsSync('.env')) process.loadEnvFile('.env');

// Whoever reads a verb's output may have seen enough (`ledger config | head`): that ends it, and is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode);
});

try {
  await ledgerCommand().parseAsync();
} catch (error) {
  // Commander has printed its own message already.
  if (!(error instanceof CommanderError)) process.stderr.write(`ledger: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

/** The error's message, or its stack where it is a defect rather than a circumstance. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return exitCodeOf(error) === exitCodes.failed && !isFinding(error) ? (error.stack ?? error.message) : error.message;
}
