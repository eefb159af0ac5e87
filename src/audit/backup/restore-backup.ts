// The parts of a restore: is there anything in the way, is the log the backup's, the tables filled again.
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { EventStore } from '../../eventstore/client.ts';
import type { LogRecord } from '../../eventstore/log.ts';
import type { KeptRows } from '../../identity/kept-tables.ts';
import { filledIdentityTables, fillIdentityTables, identityMigrations } from '../../identity/kept-tables.ts';
import type { Database, LedgerDb } from '../../postgres/pool.ts';
import { readCheckpoint } from '../../projections/checkpoint.ts';
import { EMPTY_CHAIN, nextHash } from '../chain.ts';
import { linesOf } from '../export-check.ts';
import { ExportLine } from '../export-format.ts';
import type { ReadOptions } from '../read-log.ts';
import { readLog } from '../read-log.ts';
import type { Manifest } from './manifest.ts';
import { BackupDamaged, fileOfTable, LOG_FILE } from './manifest.ts';

/** The backup cannot be restored here as things are. */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused';
}

/**
 * Only an empty database takes a backup: nothing is ever overwritten. The tables must be up to date.
 * @throws RestoreRefused
 */
export async function refuseFilledDatabase(db: LedgerDb, { migrations }: Pick<Manifest, 'migrations'>): Promise<void> {
  const filled = [...(await filledIdentityTables(db)), ...((await readCheckpoint(db)).eventId === undefined ? [] : ['checkpoint'])];
  if (filled.length > 0) throw new RestoreRefused(`Postgres is not empty: there are rows in ${filled.join(', ')}; nothing was restored`);
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
  directory: string,
  { log }: Pick<Manifest, 'log'>,
  onProgress: ReadOptions['onProgress'],
): Promise<void> {
  const until = log.lastPosition === null ? -1n : BigInt(log.lastPosition);
  const found = recordsOf(store, until, onProgress);
  let chain = EMPTY_CHAIN;
  for await (const text of linesOf(join(directory, LOG_FILE))) {
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

const otherLog = (what: string): RestoreRefused =>
  new RestoreRefused(`the event store has a log, and not that of the backup: ${what}; nothing was restored`);

/** Fills the tables that no log can bring back. @throws RestoreRefused, as {@link refuseFilledDatabase}; the database's error */
export async function restoreTables(database: Pick<Database, 'db' | 'pool'>, directory: string, manifest: Manifest): Promise<void> {
  await refuseFilledDatabase(database.db, manifest);
  const tables = manifest.tables.map(({ name, columns }): KeptRows => {
    const file = fileOfTable(name);
    if (manifest.files[file] === undefined) throw new BackupDamaged(file, 'is not in the manifest');
    return { name, columns, open: () => createReadStream(join(directory, file)) };
  });
  const checkpoints: unknown[] = [];
  for await (const text of linesOf(join(directory, LOG_FILE))) {
    if (!text.startsWith('{"kind":"checkpoint"')) continue;
    const line = ExportLine.parse(JSON.parse(text));
    if (line.kind === 'checkpoint') checkpoints.push(line.checkpoint);
  }
  await fillIdentityTables(database, tables, checkpoints);
}
