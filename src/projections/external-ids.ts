// The table of external ids: a payment's own id, used once per account. A second use violates the primary key, and the
// projector halts.
import { paymentIdIn } from '../domain/events.ts';
import type { BatchEvent } from './batch.ts';
import { storable } from './batch.ts';
import type { AppendOnlyTable, TableWriter } from './table-writer.ts';

export const EXTERNAL_IDS = {
  table: 'external_ids',
  columns: { account_id: 'uuid', external_id: 'text', command_id: 'uuid' },
} as const satisfies AppendOnlyTable<string>;

/** Adds the external ids that the batch's payments use. */
export async function applyExternalIds(writer: TableWriter, batch: readonly BatchEvent[]): Promise<void> {
  const used = batch.flatMap(({ event, recorded: { subject, metadata } }) => {
    const paymentId = paymentIdIn(event);
    if (paymentId === undefined || subject.kind !== 'account') return [];
    return [{ account_id: subject.accountId, external_id: storable(paymentId), command_id: metadata.commandId }];
  });
  await writer.add(EXTERNAL_IDS, used);
}
