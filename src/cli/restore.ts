import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { Manifest } from '../audit/backup/manifest.ts';
import { LOG_FILE, readManifest } from '../audit/backup/manifest.ts';
import { refuseFilledDatabase, refuseOtherLog, restoreTables } from '../audit/backup/restore-backup.ts';
import { openRebuild } from '../audit/rebuild.ts';
import { swapRebuild } from '../audit/swap-rebuild.ts';
import type { Config } from '../config.ts';
import { readEnv } from '../config.ts';
import { lockDataDir } from '../embedded/data-dir-lock.ts';
import { startEmbeddedEventStore } from '../embedded/eventstore.ts';
import { hasEmbeddedEventStore, importIntoEmbeddedEventStore } from '../embedded/eventstore-import.ts';
import { startEmbeddedPostgres } from '../embedded/postgres.ts';
import { connectEventStore } from '../eventstore/client.ts';
import { migrate } from '../postgres/migrate.ts';
import { openDatabase } from '../postgres/pool.ts';
import { chainSigner } from './chain.ts';
import { exitCodes } from './exit-codes.ts';
import { onInterruption } from './interruption.ts';
import { jsonLine, print } from './output.ts';
import { tellReading } from './reading-progress.ts';
import { rebuildOptions } from './rebuild.ts';

const onProgress = (message: string): void => {
  process.stderr.write(`${message}\n`);
};

/** `ledger restore`: a backup into stores that are empty, and the projections built from it; see docs/operations.md. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('put a backup into empty stores and build the projections from it; an EVENTSTORE_URL must have the log already')
    .argument('<dir>', 'what `ledger backup` has made')
    .option('--json', 'print JSON')
    .action(async (directory: string, { json }: { readonly json?: true }) => {
      const manifest = await readManifest(directory);
      const proven = await restore(readEnv(process.env), resolve(directory), manifest);
      const { log, takenAt, release } = manifest;
      await print([
        json === true
          ? jsonLine({ takenAt, release, ...log, proven })
          : `${log.events} events up to position ${log.lastPosition ?? 'none'}, as they were at ${takenAt}, are restored; ${proven} of them are as they were signed.\n`,
      ]);
    });
}

/** Ctrl-C ends the process with 130, once what was started for the verb has stopped. */
function endedByInterruption(opened: AsyncDisposable): AsyncDisposable {
  let isInterrupted = false;
  const exit = (): never => process.exit(exitCodes.interrupted);
  const stopListening = onInterruption(() => {
    isInterrupted = true;
    void opened[Symbol.asyncDispose]().then(exit, exit);
  }, exit);
  return {
    async [Symbol.asyncDispose]() {
      // What fails now fails because its servers are being stopped: nobody needs to be told of that.
      if (isInterrupted) await new Promise(() => {});
      stopListening();
    },
  };
}

/** Whatever is in the way is found before anything is written. @returns how many events the signed checkpoints prove. */
async function restore(config: Config, directory: string, manifest: Manifest): Promise<bigint> {
  const { dataDir } = config;
  await using opened = new AsyncDisposableStack();
  await using _ending = endedByInterruption(opened);
  if (config.eventStoreUrl === undefined || config.databaseUrl === undefined) {
    const lock = lockDataDir(dataDir);
    opened.defer(() => lock.release());
  }
  const postgres = async (): Promise<string> =>
    opened.adopt(await startEmbeddedPostgres({ dataDir, onProgress }), (server) => server.stop()).url;
  const database = openDatabase(config.databaseUrl ?? (await postgres()), { maxConnections: 4, applicationName: 'ledger restore' });
  opened.defer(() => database.close());
  await migrate(database.db, 'ledger');
  await migrate(database.db, 'identity');
  await refuseFilledDatabase(database.db, manifest);

  const eventStore = async (): Promise<string> => {
    if (!hasEmbeddedEventStore(dataDir)) {
      onProgress('restoring the log');
      await importIntoEmbeddedEventStore(dataDir, join(directory, LOG_FILE));
    }
    return opened.adopt(await startEmbeddedEventStore({ dataDir, onProgress }), (server) => server.stop()).url;
  };
  const store = opened.adopt(connectEventStore(config.eventStoreUrl ?? (await eventStore())), ({ close }) => close());
  onProgress('comparing the log with the backup');
  await refuseOtherLog(store, directory, manifest, tellReading(onProgress));
  await restoreTables(database, directory, manifest);

  onProgress('building the projections');
  const options = rebuildOptions({ database, store, onProgress });
  await using rebuild = await openRebuild(options);
  await swapRebuild(rebuild, options);
  // Only to say so now: without the secret that sealed them, the keys that were restored sign nothing.
  await chainSigner({ config, database }).catch((error: unknown) => {
    onProgress(error instanceof Error ? error.message : String(error));
    process.exitCode = exitCodes.wrongUse;
  });
  return rebuild.chain().proven;
}
