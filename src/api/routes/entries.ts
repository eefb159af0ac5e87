// Entries: the journal of an account.
import { z } from 'zod';
import { TimestampSchema } from '../../domain/commands.ts';
import { EVENTS } from '../../domain/events.ts';
import { AssetCodeSchema } from '../../domain/ids.ts';
import type { Entry as JournalEntry } from '../../projections/postings.ts';
import { AccountParams, Entry, PageQuery, pageOf, TimeAxis } from '../contract.ts';
import { COMMAND_ID, ENTRY_ID, onePage } from '../examples.ts';
import { readRoute } from '../read-route.ts';
import { pageBody, sumOf } from '../wire.ts';

const EntryQuery = z.object({
  ...PageQuery.shape,
  asset: AssetCodeSchema.optional(),
  from: TimestampSchema.optional().meta({ description: 'Of this time or later.' }),
  to: TimestampSchema.optional().meta({ description: 'Of a time before this.' }),
  by: TimeAxis.optional().meta({
    description:
      'Which time counts, for `from`, `to` and the order: `system` (the default) is when it was recorded, `effective` when it took effect.',
  }),
  type: z
    .enum(Object.keys(EVENTS) as [keyof typeof EVENTS])
    .optional()
    .meta({ description: 'Only entries of this type of event.', examples: ['deposited'] }),
  reference: z.string().min(1).max(255).optional(),
});

const entryBody = (entry: JournalEntry): z.output<typeof Entry> => ({
  entryId: entry.entryId,
  type: entry.type,
  asset: entry.asset,
  amount: sumOf(entry.available, entry.held),
  available: entry.available,
  held: entry.held,
  availableAfter: entry.availableAfter,
  heldAfter: entry.heldAfter,
  recordedAt: entry.recordedAt,
  occurredAt: entry.occurredAt,
  effectiveAt: entry.effectiveAt ?? null,
  commandId: entry.commandId,
  reference: entry.reference ?? null,
  externalId: entry.externalId ?? null,
  metadata: entry.metadata ?? null,
  position: String(entry.position),
});

export const listEntries = readRoute({
  path: '/v1/accounts/{accountId}/entries',
  operationId: 'listEntries',
  tag: 'accounts',
  summary: 'List the entries of an account, newest first',
  params: AccountParams,
  query: EntryQuery,
  answer: pageOf(Entry, 'EntryList'),
  example: onePage({
    entryId: ENTRY_ID,
    type: 'withdrawn',
    asset: 'USD',
    amount: '-10.00',
    available: '-10.00',
    held: '0.00',
    availableAfter: '90.00',
    heldAfter: '0.00',
    recordedAt: '2026-01-31T12:00:00.000Z',
    occurredAt: '2026-01-31T12:00:00.000Z',
    effectiveAt: null,
    commandId: COMMAND_ID,
    reference: null,
    externalId: 'payout-2026-0007',
    metadata: null,
    position: '48211',
  }),
  async answerTo({ params, query, queries }) {
    const { limit, cursor, ...filter } = query;
    return pageBody(await queries.entries({ ...filter, accountId: params.accountId }, { limit, cursor }), entryBody);
  },
});
