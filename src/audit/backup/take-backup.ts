// A backup: the log, signed, and the tables that no log can bring back. The projections are not in it.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { identityMigrations, TABLES_AFTER_LOG, TABLES_BEFORE_LOG } from '../../identity/kept-tables.ts';
import type { Database } from '../../postgres/pool.ts';
import type { CopiedTable } from '../../postgres/table-copy.ts';
import { copyOut, inSnapshot } from '../../postgres/table-copy.ts';
import { EMPTY_CHAIN } from '../chain.ts';
import { CheckpointSchema } from '../chain-checkpoint.ts';
import type { ExportOptions } from '../export-format.ts';
import { ExportLine, exportLog } from '../export-format.ts';
import type { Digest } from './durable-files.ts';
import { syncFolder, writeDurably } from './durable-files.ts';
import type { Manifest } from './manifest.ts';
import { BACKUP_FORMAT, fileOfTable, LOG_FILE, MANIFEST_FILE, sealManifest, textOfManifest } from './manifest.ts';

/** There is something where the backup is to be. */
export class BackupExists extends Error {
  override readonly name = 'BackupExists';
}

export interface BackupOptions extends Pick<ExportOptions, 'store' | 'signer' | 'onProgress'> {
  readonly database: Pick<Database, 'db' | 'pool'>;
  /** Of the running program. */
  readonly release: string;
}

/**
 * Takes a backup into a folder that must not be there yet, or be empty; beside everything that is written meanwhile. The folder is there
 * as a whole, and on the disk, or not at all.
 *
 * What names events (leases, receipts) is read before the log, and what events name (users, clients) after it: each is in one snapshot of
 * its own, and whatever is in the log has its user. The log ends in a checkpoint that is signed for the purpose and kept.
 *
 * @throws BackupExists; ChainBroken where the log is not as it was signed; CheckpointMismatch; StoreUnavailable; the database's and
 *   the file system's errors.
 */
export async function takeBackup(directory: string, options: BackupOptions): Promise<Manifest> {
  const { database, release } = options;
  const folder = resolve(directory);
  if (existsSync(folder) && (await readdir(folder)).length > 0) throw new BackupExists(`${folder} is not empty: nothing is overwritten`);
  const draft = `${folder}.partial-${process.pid}`;
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const files: Record<string, Digest> = {};
    const before = await copyTables(database, draft, TABLES_BEFORE_LOG, files);
    const log = await copyLog(draft, options, files);
    const after = await copyTables(database, draft, TABLES_AFTER_LOG, files);
    const migrations = [...(await identityMigrations(database.db))];
    const takenAt = new Date().toISOString();
    const manifest = sealManifest({ format: BACKUP_FORMAT, release, takenAt, log, migrations, tables: [...before, ...after], files });
    await writeDurably(join(draft, MANIFEST_FILE), [textOfManifest(manifest)]);
    await syncFolder(draft);
    await rename(draft, folder); // fails where somebody has put something there meanwhile
    await syncFolder(dirname(folder));
    return manifest;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

const copyTables = (database: Pick<Database, 'pool'>, folder: string, tables: readonly CopiedTable[], files: Record<string, Digest>) =>
  inSnapshot(database, async (client) => {
    const copied: Manifest['tables'][number][] = [];
    for (const table of tables) {
      const file = fileOfTable(table.name);
      const { lines: rows, ...digest } = await writeDurably(join(folder, file), copyOut(client, table));
      files[file] = digest;
      copied.push({ name: table.name, columns: [...table.columns], rows });
    }
    return copied;
  });

async function copyLog(folder: string, options: BackupOptions, files: Record<string, Digest>): Promise<Manifest['log']> {
  const { database, store, signer, onProgress } = options;
  let firstPosition: string | null = null;
  let newest: string | undefined;
  async function* text(): AsyncGenerator<string, void, undefined> {
    for await (const lines of exportLog({ db: database.db, store, signer, onProgress })) {
      firstPosition ??= positionOfFirst(lines);
      newest = lines.findLast((line) => line.startsWith(CHECKPOINT_LINE)) ?? newest;
      yield `${lines.join('\n')}\n`;
    }
  }
  const { lines: _, ...digest } = await writeDurably(join(folder, LOG_FILE), text());
  files[LOG_FILE] = digest;
  const line = newest === undefined ? undefined : ExportLine.parse(JSON.parse(newest));
  if (line?.kind !== 'checkpoint') return { events: '0', firstPosition, lastPosition: null, lastEventId: null, hash: EMPTY_CHAIN.hash };
  // An export ends in a checkpoint at its last event.
  const { events, position: lastPosition, eventId: lastEventId, hash } = CheckpointSchema.parse(line.checkpoint);
  return { events, firstPosition, lastPosition, lastEventId, hash };
}

/** How lines of checkpoints and of events begin, as exports are written. */
const CHECKPOINT_LINE = '{"kind":"checkpoint"';
const EVENT_LINE = '{"kind":"event"';

function positionOfFirst(lines: readonly string[]): string | null {
  const first = lines.find((line) => line.startsWith(EVENT_LINE));
  const line = first === undefined ? undefined : ExportLine.parse(JSON.parse(first));
  return line?.kind === 'event' ? line.position : null;
}
