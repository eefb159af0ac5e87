// The parts of a restore: is there anything in the way, is the log the backup's, the tables filled again.
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { EventStore } from '../../eventstore/client.ts';
import type { LogRecord } from '../../eventstore/log.ts';
import type { KeptRows } from '../../identity/kept-tables.ts';
import { filledIdentityTables, fillIdentityTables, identityMigrations } from '../../identity/kept-tables.ts';
import { isSealedWith } from '../../identity/key-secret.ts';
import type { Database, LedgerDb } from '../../postgres/pool.ts';
import { isProjected } from '../../projections/checkpoint.ts';
import { EMPTY_CHAIN, nextHash } from '../chain.ts';
import { linesOf, textOf } from '../export-check.ts';
import { ExportLine } from '../export-format.ts';
import type { ReadOptions } from '../read-log.ts';
import { readLog } from '../read-log.ts';
import type { Manifest } from './manifest.ts';
import { BackupDamaged, fileOfTable, LOG_FILE } from './manifest.ts';
import type { Backup } from './read-backup.ts';
import { bytesOf } from './read-backup.ts';

/** The backup cannot be restored here as things are. */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused';
}

/**
 * Whoever restores has the secret that sealed the backup's keys: without it the ledger would sign nothing, and not start.
 * @param secret undefined where none is set, and the data folder has none.
 * @throws RestoreRefused
 */
export async function refuseOtherSecret({ keys: [newest] }: Pick<Backup, 'keys'>, secret: string | undefined): Promise<void> {
  if (newest !== undefined && secret !== undefined && (await isSealedWith(newest.sealed, secret))) return;
  const sealedWith = secret === undefined ? 'a key secret, and there is none here' : 'another key secret than there is here';
  const remedy =
    "set LEDGER_KEY_SECRET as it was, or put the old data folder's `key-secret` into this one; where it is lost for good: --lost-key-secret";
  throw new RestoreRefused(`the keys in the backup were sealed with ${sealedWith}: ${remedy}`);
}

/**
 * Only an empty database takes a backup: nothing is ever overwritten. The tables need not be up to date, nor there.
 * @throws RestoreRefused
 */
export async function refuseFilledDatabase(db: LedgerDb): Promise<void> {
  const filled = [...(await filledIdentityTables(db)), ...((await isProjected(db)) ? ['checkpoint'] : [])];
  if (filled.length > 0) throw new RestoreRefused(`Postgres is not empty: there are rows in ${filled.join(', ')}`);
}

/** The tables must be up to date. @throws RestoreRefused */
export async function refuseNewerBackup(db: LedgerDb, { migrations }: Pick<Manifest, 'migrations'>): Promise<void> {
  const known = new Set(await identityMigrations(db));
  const unknown = migrations.filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new RestoreRefused(`the backup is of a newer release, which has made ${unknown.join(', ')}: restore it with that one`);
}

/**
 * The event store must have the backup's log: the same events, in the same order, at the same positions. It may go on behind it, as
 * a copy of the store's own does that was taken later.
 * @throws RestoreRefused where it has another; StoreUnavailable
 */
export async function refuseOtherLog(
  store: Pick<EventStore, 'log'>,
  { directory, manifest: { log } }: Pick<Backup, 'directory' | 'manifest'>,
  onProgress: ReadOptions['onProgress'],
): Promise<void> {
  const until = log.lastPosition === null ? -1n : BigInt(log.lastPosition);
  const found = recordsOf(store, until, onProgress);
  let chain = EMPTY_CHAIN;
  for await (const text of linesOf(textOf(join(directory, LOG_FILE)))) {
    const line = ExportLine.parse(JSON.parse(text));
    if (line.kind !== 'event') continue;
    const { value: record } = await found.next();
    if (record === undefined) throw otherLog(`it ends before ${line.stream}@${line.revision}, position ${line.position}`);
    if (record.eventId !== line.id || `${record.position}` !== line.position)
      throw otherLog(
        `at position ${record.position} it has event ${record.eventId} of ${record.stream}, and the backup has ${line.id} of ${line.stream} at ${line.position}`,
      );
    chain = { events: chain.events + 1n, hash: nextHash(chain.hash, record) };
  }
  if ((await found.next()).done !== true) throw otherLog('it has more events before the end of the backup');
  if (chain.hash !== log.hash || `${chain.events}` !== log.events) throw otherLog('an event in it has another content');
}

async function* recordsOf(
  store: Pick<EventStore, 'log'>,
  until: bigint,
  onProgress: ReadOptions['onProgress'],
): AsyncGenerator<LogRecord, void, undefined> {
  for await (const batch of readLog(store, { until, onProgress })) yield* batch;
}

const otherLog = (what: string): RestoreRefused => new RestoreRefused(`the event store has a log, and not that of the backup: ${what}`);

/**
 * Fills the tables that no log can bring back, all or none.
 * @throws RestoreRefused, as {@link refuseFilledDatabase}; BackupDamaged where a file has changed since it was read first; the database's error
 */
export async function restoreTables(database: Pick<Database, 'db' | 'pool'>, backup: Backup): Promise<void> {
  await refuseFilledDatabase(database.db);
  const tables = backup.manifest.tables.map(({ name, columns, rows }): KeptRows => {
    const file = fileOfTable(name);
    const taken = (count: number): void => {
      if (count !== rows) throw new BackupDamaged(file, `has ${count} rows instead of ${rows}`);
    };
    return { name, columns, open: () => Readable.from(bytesOf(backup, file), { objectMode: false }), taken };
  });
  await fillIdentityTables(database, tables, backup.checkpoints);
}
