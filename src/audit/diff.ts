// Whether the live tables are what the log makes: every row of them against a rebuild, both at the same position.

import type { Checkpoint } from '../projections/checkpoint.ts';
import { readCheckpoint } from '../projections/checkpoint.ts';
import { checkAgainstLog, PROJECTOR } from '../projections/log-check.ts';
import { atSamePosition } from '../projections/same-position.ts';
import { hasShadow } from '../projections/shadow.ts';
import type { RowDifference } from '../projections/table-diff.ts';
import { comparedTables, differencesIn } from '../projections/table-diff.ts';
import type { Rebuild, RebuildOptions } from './rebuild.ts';
import { openRebuild } from './rebuild.ts';

export interface DiffResult {
  /** What was compared: everything up to there. */
  readonly position: bigint;
  readonly events: bigint;
  readonly tables: readonly string[];
  readonly differences: number;
}

/**
 * Compares the live tables with a rebuild: the one that was left by `ledger rebuild`, brought up to where the live ones are, else one
 * that is made for it and dropped afterwards. Nobody is stopped; the projector waits for some milliseconds.
 * @param tell is given every difference, as it is found; the next is looked for when it returns.
 * @throws CheckpointMismatch where the live tables were built from another log; what Rebuild.catchUp throws
 */
export async function diffTables(options: RebuildOptions, tell: (difference: RowDifference) => Promise<void>): Promise<DiffResult> {
  const { database, store, onStep } = options;
  const isKept = await hasShadow(database.db);
  await using rebuild = await openRebuild(options);
  const { shadow } = rebuild;
  const live = await readCheckpoint(database.db);
  await checkAgainstLog(store.streams, live, PROJECTOR);
  if (shadow.checkpoint().position > live.position) {
    onStep?.('the rebuild that was left is ahead of the live tables: building another');
    await rebuild.restart();
  }
  await approach(rebuild, live, () => readCheckpoint(database.db));
  const result = await atSamePosition(
    database,
    shadow,
    ({ position }) => rebuild.catchUp(position),
    async (tx) => {
      const tables = await comparedTables(tx, shadow.schema);
      let differences = 0;
      for (const [n, table] of tables.entries()) {
        onStep?.(`comparing ${table} (${n + 1} of ${tables.length})`);
        for await (const difference of differencesIn(tx, shadow, table)) {
          differences += 1;
          await tell(difference);
        }
      }
      return { tables, differences };
    },
  );
  const { position, events } = shadow.checkpoint();
  if (!isKept) await shadow.drop();
  return { position, events, ...result };
}

/** The rest is little enough for the projector to wait for it. */
const NEAR_EVENTS = 500n;

/** Follows the live tables until they are nearly caught up with. */
async function approach(rebuild: Rebuild, live: Checkpoint, next: () => Promise<Checkpoint>): Promise<void> {
  for (let target = live; ; target = await next()) {
    const missing = target.events - rebuild.shadow.checkpoint().events;
    await rebuild.catchUp(target.position);
    if (missing <= NEAR_EVENTS) return;
  }
}
