// The table of orders' events: every order's life, step by step.
import type { EventType, LedgerEvent, OrderCancelled, OrderExpired, OrderFilled, OrderPlaced } from '../domain/events.ts';
import type { AccountId, OrderId } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { BatchEvent } from './batch.ts';
import type { Page, PageRequest } from './page.ts';
import { POSITION, paginate } from './page.ts';
import type { AppendOnlyTable, TableWriter } from './table-writer.ts';

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

export const ORDER_EVENTS = {
  table: 'order_events',
  columns: {
    order_id: 'uuid',
    event_id: 'uuid',
    position: 'bigint',
    revision: 'bigint',
    occurred_at: 'timestamptz',
    recorded_at: 'timestamptz',
    event_type: 'text',
    data: 'json',
  },
} as const satisfies AppendOnlyTable<string>;

/** Adds the events of orders in the batch. */
export async function applyOrderEvents(writer: TableWriter, batch: readonly BatchEvent[]): Promise<void> {
  const rows = orderStepsIn(batch).map(({ entry: { recorded, occurredAt, recordedAt }, event: { type, ...data } }) => ({
    order_id: data.orderId,
    event_id: recorded.eventId,
    position: recorded.position,
    revision: recorded.revision,
    occurred_at: occurredAt,
    recorded_at: recordedAt,
    event_type: type,
    data: JSON.stringify(data),
  }));
  await writer.add(ORDER_EVENTS, rows);
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
