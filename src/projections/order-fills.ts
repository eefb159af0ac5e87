// The table of the fills that the chain has a name for: by txHash and logIndex, once per account. A second fill under the same
// name violates the constraint, and the projector halts.
import { bookedFill } from '../domain/facts.ts';
import type { BatchEvent } from './batch.ts';
import { storable } from './batch.ts';
import type { AppendOnlyTable, TableWriter } from './table-writer.ts';

export const ORDER_FILLS = {
  table: 'order_fills',
  columns: { account_id: 'uuid', command_id: 'uuid', revision: 'bigint', log_index: 'bigint', tx_hash: 'text', payload: 'json' },
} as const satisfies AppendOnlyTable<string>;

/** Adds the named fills that the batch books. */
export async function applyOrderFills(writer: TableWriter, batch: readonly BatchEvent[]): Promise<void> {
  const fills = batch.flatMap(({ event, recorded: { subject, metadata, revision } }) => {
    if (event.type !== 'order-filled' || event.txHash === undefined || subject.kind !== 'account') return [];
    const { revision: _, ...payload } = bookedFill(event, revision);
    const { txHash, logIndex = null } = event;
    return {
      account_id: subject.accountId,
      command_id: metadata.commandId,
      revision,
      log_index: logIndex,
      tx_hash: storable(txHash),
      payload: JSON.stringify(payload),
    };
  });
  await writer.add(ORDER_FILLS, fills);
}
