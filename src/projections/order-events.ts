// The table of orders' events: every order's life, step by step.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { EventType, LedgerEvent, OrderCancelled, OrderExpired, OrderFilled, OrderPlaced } from '../domain/events.ts';
import type { AccountId, OrderId } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import type { Page, PageRequest } from './page.ts';
import { POSITION, paginate } from './page.ts';

/** What makes an order's life. A fill reported again changes nothing, and is none of it. */
export type OrderEvent = OrderPlaced | OrderFilled | OrderCancelled | OrderExpired;

/** An event of an order's life, in its place. */
export interface OrderStep {
  readonly entry: BatchEvent;
  readonly accountId: AccountId;
  readonly event: OrderEvent;
}

const isOrderEvent = (event: LedgerEvent): event is OrderEvent =>
  event.type === 'order-placed' || event.type === 'order-filled' || event.type === 'order-cancelled' || event.type === 'order-expired';

/** The steps of orders' lives in the batch. */
export const orderStepsIn = (batch: readonly BatchEvent[]): readonly OrderStep[] =>
  batch.flatMap((entry) => {
    const { subject } = entry.recorded;
    return subject.kind === 'account' && isOrderEvent(entry.event) ? [{ entry, accountId: subject.accountId, event: entry.event }] : [];
  });

/** Adds the events of orders in the batch. */
export async function applyOrderEvents(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const steps = orderStepsIn(batch);
  if (steps.length === 0) return;
  const of = <T>(pick: (step: OrderStep) => T): T[] => steps.map(pick);
  await sql`
    INSERT INTO order_events (order_id, event_id, position, revision, occurred_at, recorded_at, event_type, data)
    SELECT * FROM unnest(${of(({ event }) => event.orderId)}::uuid[], ${of(({ entry }) => entry.recorded.eventId)}::uuid[],
      ${of(({ entry }) => entry.recorded.position)}::bigint[], ${of(({ entry }) => entry.recorded.revision)}::bigint[],
      ${of(({ entry }) => entry.occurredAt)}::timestamptz[], ${of(({ entry }) => entry.recordedAt)}::timestamptz[],
      ${of(({ event }) => event.type)}::text[], ${of(({ event: { type: _, ...data } }) => JSON.stringify(data))}::json[])
  `.execute(tx);
}

/** An event of an order's life. */
export interface OrderEventSummary {
  readonly eventId: string;
  readonly type: EventType;
  readonly revision: bigint;
  readonly position: bigint;
  readonly occurredAt: string;
  readonly recordedAt: string;
  /** The event without its type. */
  readonly data: unknown;
}

const KEY = [POSITION];

/** A page of an order's events, oldest first. @throws InvalidCursor */
export function listOrderEvents(db: LedgerDb, orderId: OrderId, request: PageRequest): Promise<Page<OrderEventSummary>> {
  const keyOf = ({ position }: OrderEventSummary): string[] => [`${position}`];
  return paginate(request, KEY, keyOf, async ({ walk, beyond: [position] = [], limit }) => {
    const isAscending = walk === 'forwards';
    let query = db
      .selectFrom('order_events')
      .select([
        'event_id as eventId',
        'event_type as type',
        'revision',
        'position',
        'occurred_at as occurredAt',
        'recorded_at as recordedAt',
      ])
      .select('data')
      .where('order_id', '=', orderId)
      .orderBy('position', isAscending ? 'asc' : 'desc')
      .limit(limit);
    if (position !== undefined) query = query.where('position', isAscending ? '>' : '<', BigInt(position));
    return query.execute();
  });
}
