import { type CloudEventV1, HTTP } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import type { ToldEvent } from '../../src/consumers/integration-events.ts';
import {
  CLOUD_EVENTS_JSON,
  INTEGRATION_EVENT_TYPES,
  integrationEventOf,
  integrationEventSchema,
} from '../../src/consumers/integration-events.ts';
import type { EventMetadata, LedgerEvent, RecordedEvent } from '../../src/domain/events.ts';
import { accountStream, assetStream } from '../../src/domain/events.ts';
import { sampleOf } from '../../src/domain-reference.ts';
import { BTC, newAccountId, newEvent, opened, USD } from '../eventstore/new-events.ts';

const accountId = newAccountId();

function recorded(event: LedgerEvent, metadata: Partial<EventMetadata> = {}): RecordedEvent {
  const made = newEvent(opened(), metadata);
  const place = { stream: accountStream(accountId), subject: { kind: 'account', accountId } as const, revision: 12n, position: 2n ** 60n };
  return { ...made, ...place, event };
}

function told(event: LedgerEvent, metadata: Partial<EventMetadata> = {}): ToldEvent {
  const found = integrationEventOf(recorded(event, metadata));
  if (found === undefined) throw new Error(`nobody is told of ${event.type}`);
  return found;
}

/** As a library of somebody else reads the bytes; it checks them against the specification's own schema. */
function asOthersRead(message: unknown): CloudEventV1<unknown> {
  const event = HTTP.toEvent({ headers: { 'content-type': CLOUD_EVENTS_JSON }, body: JSON.stringify(message) });
  if (Array.isArray(event) || !('validate' in event)) throw new Error('not one event');
  return event;
}

describe('every listed type', () => {
  it('is one of the contract', () => {
    expect(INTEGRATION_EVENT_TYPES.toSorted()).toEqual(
      `account-opened, account-frozen, account-unfrozen, account-closed, limits-set, deposited, withdrawn, coin-updated, coin-removed,
      hold-placed, hold-captured, hold-released, hold-expired, order-placed, order-filled, order-cancelled, order-expired, transfer-sent,
      transfer-received, transfer-refused, transfer-completed, transfer-returned, entry-reversed, command-rejected`
        .split(/,\s*/)
        .toSorted(),
    );
  });

  it.each(INTEGRATION_EVENT_TYPES)('%s is what its schema says, and a CloudEvent to others', (type) => {
    const event = sampleOf(type);
    const { routingKey, message } = told(event);
    expect(routingKey).toBe(`account.${type}`);
    expect(integrationEventSchema(type).parse(message)).toEqual(message);
    const { version: _, type: __, ...own } = event;
    expect(message.data).toMatchObject(own);
    expect(message.data).not.toHaveProperty('version');
    expect(asOthersRead(message)).toMatchObject({ type: `ledger.account.${type}.v1`, subject: accountId, data: message.data });
  });
});

describe('an integration event', () => {
  it('says what happened, where, when, and what is left', () => {
    const balances = [{ asset: USD, available: '90071992547409.93', held: '0.00' }];
    const metadata = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', effectiveAt: '2025-12-31T00:00:00.000Z' };
    const event = recorded({ type: 'deposited', version: 1, asset: USD, amount: '0.93', reference: 'rent', balances }, metadata);
    expect(integrationEventOf(event)?.message).toEqual({
      specversion: '1.0',
      id: event.eventId,
      source: '/ledgerfold',
      type: 'ledger.account.deposited.v1',
      subject: accountId,
      time: '2026-01-31T12:00:00.000Z',
      traceparent: metadata.traceparent,
      data: {
        asset: 'USD',
        amount: '0.93',
        reference: 'rent',
        revision: '12',
        position: '1152921504606846976',
        key: event.metadata.key,
        commandId: event.metadata.commandId,
        correlationId: event.metadata.correlationId,
        effectiveAt: metadata.effectiveAt,
        balances,
      },
    });
  });

  it('touches no balance where its event touches none', () => {
    expect(told({ type: 'account-closed', version: 1 }).message.data['balances']).toEqual([]);
  });

  it('does not say who acted', () => {
    expect(JSON.stringify(told(opened(), { actor: 'somebody-in-particular' }))).not.toContain('somebody');
  });

  it('is the same bytes every time', () => {
    const event = recorded(sampleOf('order-filled'));
    expect(JSON.stringify(integrationEventOf(event))).toBe(JSON.stringify(integrationEventOf(structuredClone(event))));
  });
});

describe('nobody is told', () => {
  it('of an annulled event', () => {
    expect(integrationEventOf(recorded({ type: 'annulled' }))).toBeUndefined();
  });

  it('of a fill that was reported again', () => {
    expect(integrationEventOf(recorded(sampleOf('fill-repeated')))).toBeUndefined();
  });

  it('of assets, nor of a command that was refused to one', () => {
    const asset = { stream: assetStream(BTC), subject: { kind: 'asset', code: BTC } as const };
    expect(integrationEventOf({ ...recorded(sampleOf('asset-registered')), ...asset })).toBeUndefined();
    expect(integrationEventOf({ ...recorded(sampleOf('command-rejected')), ...asset })).toBeUndefined();
  });
});
