import { Command } from 'commander';
import { readEnv } from '../config.ts';
import { migrate } from '../postgres/migrate.ts';
import { openDatabase } from '../postgres/pool.ts';
import { onProgress } from './output.ts';
import { findServers } from './servers.ts';

/**
 * `ledger migrate`: brings the tables up to date, as every start does. For deployments that want it done once, by a user
 * who may change tables, before the processes start.
 */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the tables in Postgres up to date')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      await using servers = await findServers(readEnv(process.env), onProgress);
      const database = openDatabase(servers.databaseUrl, { maxConnections: 1, applicationName: 'ledger migrate' });
      await using opened = new AsyncDisposableStack();
      opened.defer(() => database.close());
      const applied = [...(await migrate(database.db, 'ledger')), ...(await migrate(database.db, 'identity'))];
      if (json === true) process.stdout.write(`${JSON.stringify({ applied })}\n`);
      else process.stdout.write(applied.length === 0 ? 'The tables are up to date.\n' : `${applied.join('\n')}\n`);
    });
}
