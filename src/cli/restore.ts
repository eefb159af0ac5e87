import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { BehindBackup } from '../audit/backup/behind-backup.ts';
import { behindInWords, lookBehindBackup } from '../audit/backup/behind-backup.ts';
import { LOG_FILE } from '../audit/backup/manifest.ts';
import type { Backup } from '../audit/backup/read-backup.ts';
import { readBackup } from '../audit/backup/read-backup.ts';
import {
  refuseFilledDatabase,
  refuseNewerBackup,
  refuseOtherLog,
  refuseOtherSecret,
  restoreTables,
} from '../audit/backup/restore-backup.ts';
import type { Restored } from '../audit/backup/unfinished-restore.ts';
import { RestoreUnfinished, whatIsThere } from '../audit/backup/unfinished-restore.ts';
import { openRebuild } from '../audit/rebuild.ts';
import { swapRebuild } from '../audit/swap-rebuild.ts';
import type { Config } from '../config.ts';
import { readEnv } from '../config.ts';
import { lockDataDir } from '../embedded/data-dir-lock.ts';
import { eventStoreFolder, startEmbeddedEventStore } from '../embedded/eventstore.ts';
import { hasEmbeddedEventStore, importIntoEmbeddedEventStore } from '../embedded/eventstore-import.ts';
import { startEmbeddedPostgres } from '../embedded/postgres.ts';
import { connectEventStore } from '../eventstore/client.ts';
import { keptKeySecretFor } from '../identity-setup.ts';
import { migrate } from '../postgres/migrate.ts';
import { openDatabase } from '../postgres/pool.ts';
import { endWhenInterrupted } from './interruption.ts';
import { jsonLine, onProgress, print } from './output.ts';
import { tellReading } from './reading-progress.ts';
import { rebuildOptions } from './rebuild.ts';
import { KEY_OPTION, trustedBy } from './trusted.ts';

interface Options {
  readonly key?: string;
  readonly lostKeySecret?: true;
  readonly json?: true;
}

/** `ledger restore`: a backup into stores that are empty, and the projections built from it; see docs/operations.md. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('put a backup into empty stores and build the projections from it; an EVENTSTORE_URL must have the log already')
    .argument('<dir>', 'what `ledger backup` has made')
    .option(...KEY_OPTION)
    .option('--lost-key-secret', 'LEDGER_KEY_SECRET is lost for good: restore without it, and make new keys afterwards')
    .option('--json', 'print JSON')
    .action(async (directory: string, options: Options) => {
      const { manifest, proven, behind } = await restore(readEnv(process.env), resolve(directory), options);
      const { log, takenAt, release } = manifest;
      const text = `${log.events} events up to position ${log.lastPosition ?? 'none'}, as they were at ${takenAt}, are restored; ${proven} of them are as they were signed.`;
      await print([
        options.json === true
          ? jsonLine({ takenAt, release, ...log, proven, behind })
          : `${[text, behindInWords(behind)].filter((line) => line !== '').join('\n')}\n`,
      ]);
    });
}

interface Done {
  readonly manifest: Backup['manifest'];
  /** How many events the signed checkpoints prove. */
  readonly proven: bigint;
  readonly behind: BehindBackup;
}

/** Whatever is in the way is found before anything is written. */
async function restore(config: Config, directory: string, { key, lostKeySecret }: Options): Promise<Done> {
  const place: Place = { restored: { kind: 'nothing' } };
  try {
    const backup = await readBackup(directory, trustedBy(key === undefined ? {} : { key }).keys);
    if (lostKeySecret !== true) await refuseOtherSecret(backup, keptKeySecretFor(config));
    return await restoreBackup(config, backup, place);
  } catch (error) {
    throw error instanceof Error ? new RestoreUnfinished(error, place.restored) : error;
  }
}

/** What is written so far. */
interface Place {
  restored: Restored;
}

async function restoreBackup(config: Config, backup: Backup, place: Place): Promise<Done> {
  const { manifest } = backup;
  const { dataDir } = config;
  await using opened = new AsyncDisposableStack();
  await using _ending = endWhenInterrupted(opened, () => onProgress(`interrupted${whatIsThere(place.restored)}`));
  if (config.eventStoreUrl === undefined || config.databaseUrl === undefined) {
    const lock = lockDataDir(dataDir);
    opened.defer(() => lock.release());
  }
  const postgres = async (): Promise<string> =>
    opened.adopt(await startEmbeddedPostgres({ dataDir, onProgress }), (server) => server.stop()).url;
  const database = openDatabase(config.databaseUrl ?? (await postgres()), { maxConnections: 4, applicationName: 'ledger restore' });
  opened.defer(() => database.close());
  // Before the tables are brought up to date: it may be the database of a ledger that is running.
  await refuseFilledDatabase(database.db);
  await migrate(database.db, 'ledger');
  await migrate(database.db, 'identity');
  await refuseNewerBackup(database.db, manifest);

  const eventStore = async (): Promise<string> => {
    if (!hasEmbeddedEventStore(dataDir)) {
      onProgress('restoring the log');
      await opened.use(importIntoEmbeddedEventStore(dataDir, join(backup.directory, LOG_FILE))).done;
      place.restored = { kind: 'log', folder: eventStoreFolder(dataDir) };
    }
    return opened.adopt(await startEmbeddedEventStore({ dataDir, onProgress }), (server) => server.stop()).url;
  };
  const store = opened.adopt(connectEventStore(config.eventStoreUrl ?? (await eventStore())), ({ close }) => close());
  onProgress('comparing the log with the backup');
  await refuseOtherLog(store, backup, tellReading(onProgress));
  await restoreTables(database, backup);
  place.restored = { kind: 'tables', behind: undefined };
  const behind = await lookBehindBackup(store, database.db, manifest);
  place.restored = { kind: 'tables', behind };

  onProgress('building the projections');
  const options = rebuildOptions({ database, store, onProgress });
  await using rebuild = await openRebuild(options);
  await swapRebuild(rebuild, options);
  return { manifest, proven: rebuild.chain().proven, behind };
}
