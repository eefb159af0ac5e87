// The table of the fills that the chain has a name for: by txHash and logIndex, once per account. A second fill under the same
// name violates the constraint, and the projector halts.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import { bookedFill } from '../domain/facts.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import { storable } from './batch.ts';

/** Adds the named fills that the batch books. */
export async function applyOrderFills(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const fills = batch.flatMap(({ event, recorded: { subject, metadata, revision } }) => {
    if (event.type !== 'order-filled' || event.txHash === undefined || subject.kind !== 'account') return [];
    const { revision: _, ...payload } = bookedFill(event, revision);
    const { txHash, logIndex = null } = event;
    return [{ accountId: subject.accountId, commandId: metadata.commandId, revision, txHash: storable(txHash), logIndex, payload }];
  });
  if (fills.length === 0) return;
  await sql`
    INSERT INTO order_fills (account_id, command_id, revision, log_index, tx_hash, payload)
    SELECT * FROM unnest(${fills.map(({ accountId }) => accountId)}::uuid[], ${fills.map(({ commandId }) => commandId)}::uuid[],
      ${fills.map(({ revision }) => revision)}::bigint[], ${fills.map(({ logIndex }) => logIndex)}::bigint[],
      ${fills.map(({ txHash }) => txHash)}::text[], ${fills.map(({ payload }) => JSON.stringify(payload))}::json[])
  `.execute(tx);
}
