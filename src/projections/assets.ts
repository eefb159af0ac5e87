// The table of assets.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Asset } from '../domain/assets.ts';
import type { AssetRegistered } from '../domain/events.ts';
import type { AssetCode } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import { storable } from './batch.ts';
import { UnappliableEvent } from './errors.ts';

/** An asset, with the last event of its stream. */
export interface AssetRow extends Asset {
  readonly revision: bigint;
  readonly position: bigint;
}

/** What a batch does to one asset. */
interface AssetChange {
  readonly first: BatchEvent;
  last: BatchEvent;
  registered: AssetRegistered | undefined;
  isAnnulledOnly: boolean;
}

function changesOf(batch: readonly BatchEvent[]): ReadonlyMap<AssetCode, AssetChange> {
  const changes = new Map<AssetCode, AssetChange>();
  for (const entry of batch) {
    const { event, recorded } = entry;
    if (recorded.subject.kind !== 'asset') continue;
    const { code } = recorded.subject;
    const change = changes.get(code) ?? { first: entry, last: entry, registered: undefined, isAnnulledOnly: true };
    changes.set(code, change);
    change.last = entry;
    if (event.type === 'annulled') continue;
    change.isAnnulledOnly = false;
    if (event.type === 'asset-registered') {
      if (change.registered !== undefined || event.code !== code) throw new UnappliableEvent(recorded, `it registers ${event.code} again`);
      change.registered = event;
    }
  }
  return changes;
}

/**
 * Applies the batch to the assets. They are few and change hardly ever, so this is one statement an asset.
 * @throws UnappliableEvent where an event's revision does not follow on the asset's last one, or it was never registered.
 */
export async function applyAssets(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  for (const [code, { first, last, registered, isAnnulledOnly }] of changesOf(batch)) {
    const { revision, position } = last.recorded;
    if (registered !== undefined) {
      const { name, kind, scale, active } = registered;
      const row = { code, name: storable(name), kind, scale, active, revision, position };
      await tx.insertInto('assets').values(row).execute();
      continue;
    }
    const known = await tx
      .updateTable('assets')
      .set({ revision, position })
      .where('code', '=', code)
      .$if(first.event.type !== 'annulled', (update) => update.where('revision', '=', first.recorded.revision - 1n))
      .executeTakeFirst();
    if (known.numUpdatedRows === 1n) continue;
    const found = await findAsset(tx, code);
    if (found === undefined && isAnnulledOnly) continue; // before it is registered, annulled events leave no trace
    throw new UnappliableEvent(
      first.recorded,
      found === undefined ? 'the asset was never registered' : `it follows on revision ${found.revision} of its stream`,
    );
  }
}

/**
 * Checks that every amount is at its registered asset's scale. The scale is read off an amount's text, so an amount that was written past the
 * ledger with another one would stand in the books, and no command could ever be decided on the balance it left.
 * @throws UnappliableEvent for the first event with such an amount.
 */
export async function checkScales(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const amounts = batch.flatMap(({ recorded, lines }) => lines.map(({ asset, scale }) => ({ recorded, asset, written: scale })));
  if (amounts.length === 0) return;
  const codes = [...new Set(amounts.map(({ asset }) => asset))];
  const rows = await tx.selectFrom('assets').select(['code', 'scale']).where('code', '=', sql<AssetCode>`ANY(${codes}::text[])`).execute(); // one text, however many codes
  const scales = new Map(rows.map(({ code, scale }) => [code, scale]));
  for (const { recorded, asset, written } of amounts) {
    const scale = scales.get(asset);
    if (scale !== undefined && scale !== written)
      throw new UnappliableEvent(recorded, `${asset} has ${scale} decimals, and an amount was written with ${written}`);
  }
}

/** The asset of exactly that code; undefined where the projection knows none. */
export function findAsset(db: LedgerDb, code: AssetCode): Promise<AssetRow | undefined> {
  return db.selectFrom('assets').selectAll().where('code', '=', code).executeTakeFirst();
}

/** All assets, by code. */
export function listAssets(db: LedgerDb): Promise<readonly AssetRow[]> {
  return db.selectFrom('assets').selectAll().orderBy('code').execute();
}
