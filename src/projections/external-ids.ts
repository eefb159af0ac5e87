// The table of external ids: a payment's own id, used once per account. A second use violates the primary key, and the
// projector halts.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import { paymentIdIn } from '../domain/events.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import { storable } from './batch.ts';

/** Adds the external ids that the batch's payments use. */
export async function applyExternalIds(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const used = batch.flatMap(({ event, recorded: { subject, metadata } }) => {
    const paymentId = paymentIdIn(event);
    if (paymentId === undefined || subject.kind !== 'account') return [];
    return [{ accountId: subject.accountId, externalId: storable(paymentId), commandId: metadata.commandId }];
  });
  if (used.length === 0) return;
  await sql`
    INSERT INTO external_ids (account_id, external_id, command_id)
    SELECT * FROM unnest(${used.map(({ accountId }) => accountId)}::uuid[], ${used.map(({ externalId }) => externalId)}::text[],
      ${used.map(({ commandId }) => commandId)}::uuid[])
  `.execute(tx);
}
