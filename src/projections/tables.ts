// The dispatcher: which tables a batch goes through, and in which order. A new table is one line here.
import type { Transaction } from 'kysely';
import type { LedgerTables } from '../postgres/tables.ts';
import { applyAccounts } from './accounts.ts';
import { applyAssets, checkScales } from './assets.ts';
import { applyBackdated } from './backdated.ts';
import type { BatchEvent } from './batch.ts';
import { applyCommandOutcomes } from './command-outcomes.ts';
import { applyExternalIds } from './external-ids.ts';
import { applyHolds } from './holds.ts';
import { applyLimits } from './limits.ts';
import { applyOrderEvents } from './order-events.ts';
import { applyOrderFills } from './order-fills.ts';
import { applyOrders } from './orders.ts';
import { applyPostings } from './postings.ts';
import { applyReversals } from './reversals.ts';
import { applySpending } from './spending.ts';
import { applyStatistics } from './statistics.ts';
import { applyTransfers } from './transfers.ts';

/** Applies the batch to every table, each with at most two statements whatever its size. */
export async function applyToTables(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  await applyAccounts(tx, batch); // first: it checks that the streams go on where they ended
  await applyAssets(tx, batch);
  await checkScales(tx, batch);
  await applyPostings(tx, batch); // and the balances with them
  await applyBackdated(tx, batch);
  await applyLimits(tx, batch);
  await applySpending(tx, batch);
  await applyExternalIds(tx, batch);
  await applyTransfers(tx, batch);
  await applyReversals(tx, batch);
  await applyHolds(tx, batch);
  await applyOrders(tx, batch);
  await applyOrderEvents(tx, batch);
  await applyOrderFills(tx, batch);
  await applyCommandOutcomes(tx, batch);
  await applyStatistics(tx, batch);
}
