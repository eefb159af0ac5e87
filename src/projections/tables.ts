// The dispatcher: which tables a batch goes through, and in which order. A new table is one line here.
import { applyAccounts } from './accounts.ts';
import { applyAssets, checkScales } from './assets.ts';
import { applyBackdated } from './backdated.ts';
import type { BatchEvent } from './batch.ts';
import { applyCommandOutcomes } from './command-outcomes.ts';
import { applyExternalIds } from './external-ids.ts';
import { applyHolds } from './holds.ts';
import { applyPostings } from './journal.ts';
import { applyLimits } from './limits.ts';
import { applyOrderEvents } from './order-events.ts';
import { applyOrderFills } from './order-fills.ts';
import { applyOrders } from './orders.ts';
import { applyReversals } from './reversals.ts';
import { applySpending } from './spending.ts';
import { applyStatistics } from './statistics.ts';
import type { TableWriter } from './table-writer.ts';
import { applyTransfers } from './transfers.ts';

/** Applies the batch to every table, each with at most three statements whatever its size. */
export async function applyToTables(writer: TableWriter, batch: readonly BatchEvent[]): Promise<void> {
  const { tx } = writer;
  await applyAccounts(tx, batch); // first: it checks that the streams go on where they ended
  await applyAssets(tx, batch);
  await checkScales(tx, batch);
  await applyPostings(writer, batch); // and the balances with them
  await applyBackdated(tx, batch);
  await applyLimits(tx, batch);
  await applySpending(tx, batch);
  await applyExternalIds(writer, batch);
  await applyTransfers(tx, batch);
  await applyReversals(tx, batch);
  await applyHolds(tx, batch);
  await applyOrders(tx, batch);
  await applyOrderEvents(writer, batch);
  await applyOrderFills(writer, batch);
  await applyCommandOutcomes(writer, batch);
  await applyStatistics(tx, batch);
}
