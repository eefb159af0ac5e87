import { resolve } from 'node:path';
import { Command } from 'commander';
import { takeBackup } from '../audit/backup/take-backup.ts';
import { version } from '../version.ts';
import { chainSigner } from './chain.ts';
import { openTools } from './log-tools.ts';
import { jsonLine, print } from './output.ts';
import { tellReading } from './reading-progress.ts';

/** `ledger backup`: everything that a ledger cannot make anew, in a folder, while it runs; see docs/operations.md. */
export function backupCommand(): Command {
  return new Command('backup')
    .description('copy the log, signed, and the tables that it cannot bring back, while the service runs; says up to which position')
    .argument('<dir>', 'a folder that is not there yet, or is empty')
    .option('--json', 'print JSON')
    .action(async (directory: string, { json }: { readonly json?: true }) => {
      await using tools = await openTools('backup');
      const { database, store, onProgress } = tools;
      const signer = await chainSigner(tools);
      const { log, takenAt, tables } = await takeBackup(directory, {
        database,
        store,
        signer,
        release: version,
        onProgress: tellReading(onProgress),
      });
      const rows = Object.fromEntries(tables.map(({ name, rows: count }) => [name, count]));
      await print([
        json === true
          ? jsonLine({ directory: resolve(directory), takenAt, ...log, rows })
          : `${log.events} events up to position ${log.lastPosition ?? 'none'}, all that was acknowledged until there, are in ${resolve(directory)}.\n`,
      ]);
    });
}
