// A backup: the log, signed, and the tables that no log can bring back. The projections are not in it.
import { mkdtemp, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { identityMigrations, TABLES_AFTER_LOG, TABLES_BEFORE_LOG } from '../../identity/kept-tables.ts';
import type { Database } from '../../postgres/pool.ts';
import type { CopiedTable } from '../../postgres/table-copy.ts';
import { copyOut, inSnapshot } from '../../postgres/table-copy.ts';
import { EMPTY_CHAIN } from '../chain.ts';
import { CheckpointSchema } from '../chain-checkpoint.ts';
import type { ExportOptions } from '../export-format.ts';
import { CHECKPOINT_LINE, EVENT_LINE, ExportLine, exportLog } from '../export-format.ts';
import type { Digest } from './durable-files.ts';
import { makeFolder, syncFolder, writeDurably } from './durable-files.ts';
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

/** Where the files are until all of them are whole. */
const DRAFT = '.partial-';
/** What a volume has by itself. */
const LOST_AND_FOUND = 'lost+found';

/**
 * Takes a backup into a folder that must not be there yet, or be empty, and may be a mount or a link to one; beside everything that is written
 * meanwhile. The files come into the folder once all of them are on the disk, the manifest last: without one, a folder holds no backup.
 *
 * What names events (leases) is read before the log, and what events name (users, clients) after it: each is in one snapshot of
 * its own, and whatever is in the log has its user. The log ends in a checkpoint that is signed for the purpose and kept.
 *
 * @throws BackupExists; ChainBroken where the log is not as it was signed; CheckpointMismatch; StoreUnavailable; the database's and
 *   the file system's errors. What was written is gone then.
 */
export async function takeBackup(directory: string, options: BackupOptions): Promise<Manifest> {
  const folder = resolve(directory);
  const isNew = await makeFolder(folder).catch((error: unknown) => {
    throw error instanceof Error && 'code' in error && error.code === 'EEXIST' ? new BackupExists(`${folder} is not a folder`) : error;
  });
  const draft = await openDraft(folder);
  const moved: string[] = [];
  try {
    const manifest = await writeBackup(draft, options);
    await refuseFilled(folder);
    for (const file of Object.keys(manifest.files)) moved.push(await move(file, draft, folder));
    // Should the power fail, the manifest must not be there without them.
    await syncFolder(folder);
    moved.push(await move(MANIFEST_FILE, draft, folder));
    await rmdir(draft);
    await syncFolder(folder);
    return manifest;
  } catch (error) {
    for (const file of [draft, ...moved.reverse()]) await rm(file, { recursive: true, force: true });
    if (isNew) await rmdir(folder).catch(() => undefined); // there is something of somebody else in it
    throw error;
  }
}

/** What a backup that was killed has left there is in nobody's way. */
async function openDraft(folder: string): Promise<string> {
  await refuseFilled(folder);
  for (const name of await readdir(folder)) if (name.startsWith(DRAFT)) await rm(join(folder, name), { recursive: true });
  return await mkdtemp(join(folder, DRAFT));
}

async function refuseFilled(folder: string): Promise<void> {
  const others = (await readdir(folder)).filter((name) => !name.startsWith(DRAFT) && name !== LOST_AND_FOUND);
  if (others.length > 0) throw new BackupExists(`${folder} is not empty: nothing is overwritten`);
}

async function move(file: string, from: string, to: string): Promise<string> {
  await rename(join(from, file), join(to, file));
  return join(to, file);
}

async function writeBackup(draft: string, options: BackupOptions): Promise<Manifest> {
  const { database, release, signer } = options;
  const files: Record<string, Digest> = {};
  const before = await copyTables(database, draft, TABLES_BEFORE_LOG, files);
  const log = await copyLog(draft, options, files);
  const after = await copyTables(database, draft, TABLES_AFTER_LOG, files);
  const migrations = [...(await identityMigrations(database.db))];
  const takenAt = new Date().toISOString();
  const tables = [...before, ...after];
  const manifest = sealManifest({ format: BACKUP_FORMAT, release, takenAt, log, migrations, tables, files }, signer);
  await writeDurably(join(draft, MANIFEST_FILE), [textOfManifest(manifest)]);
  return manifest;
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

function positionOfFirst(lines: readonly string[]): string | null {
  const first = lines.find((line) => line.startsWith(EVENT_LINE));
  const line = first === undefined ? undefined : ExportLine.parse(JSON.parse(first));
  return line?.kind === 'event' ? line.position : null;
}
