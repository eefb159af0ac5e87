// The events of an account: what happened to it, as the log has it.
import type { z } from 'zod';
import type { RecordedEvent } from '../../domain/events.ts';
import { AccountEvent, AccountParams, PageQuery, pageOf } from '../contract.ts';
import { COMMAND_ID, ENTRY_ID, onePage } from '../examples.ts';
import { readRoute } from '../read-route.ts';
import { shownData } from '../return-reason.ts';
import { pageBody } from '../wire.ts';

/** Whether the event is in the recipient's stream, and the request behind it the sender's, who named it. */
const isSendersStep = (type: RecordedEvent['event']['type']): boolean => type === 'transfer-received' || type === 'transfer-refused';

function eventBody(recorded: RecordedEvent, ownerLimit: string | undefined): z.output<typeof AccountEvent> {
  const { event, eventId, revision, position, metadata } = recorded;
  const { commandId, key, actor, transport, correlationId, occurredAt, effectiveAt = null } = metadata;
  return {
    eventId,
    type: event.type,
    revision: String(revision),
    position: String(position),
    occurredAt,
    effectiveAt,
    commandId,
    key,
    actor,
    transport,
    correlationId: isSendersStep(event.type) && ownerLimit !== undefined ? commandId : correlationId,
    data: shownData(event, ownerLimit),
  };
}

export const listEvents = readRoute({
  path: '/v1/accounts/{accountId}/events',
  operationId: 'listEvents',
  tag: 'accounts',
  summary: 'List the events of an account, newest first',
  description: 'Everything that ever happened to the account, refusals included: its balances are a fold of these.',
  params: AccountParams,
  query: PageQuery,
  answer: pageOf(AccountEvent, 'EventList'),
  example: onePage({
    eventId: ENTRY_ID,
    type: 'withdrawn',
    revision: '12',
    position: '48211',
    occurredAt: '2026-01-31T12:00:00.000Z',
    effectiveAt: null,
    commandId: COMMAND_ID,
    key: 'payout-7',
    actor: '0d0e7e10-9e5e-4c0b-8f00-1edce7f01d00',
    transport: 'rest',
    correlationId: '1f3b6c1e-52a5-4bd4-a0f2-6f4a2c2f6b0e',
    data: { version: 1, asset: 'USD', amount: '10.00', balances: [{ asset: 'USD', available: '90.00', held: '0.00' }] },
  }),
  async answerTo({ account, query, ownerLimit, queries }) {
    return pageBody(await queries.events(account(), query), (recorded) => eventBody(recorded, ownerLimit));
  },
});
