// What is to expire: open holds and pending orders by the end of their time. One that has ended is none of these any more.
import { sql } from 'kysely';
import type { AccountId, HoldId, OrderId } from '../domain/ids.ts';
import type { LedgerDb } from '../postgres/pool.ts';

/** A hold or an order whose time is over. */
export interface Due {
  readonly kind: 'hold' | 'order';
  readonly accountId: AccountId;
  /** The hold's or the order's. */
  readonly id: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

export interface DueRequest {
  /** RFC 3339: what expires then or before. */
  readonly until: string;
  /** The last one of the answer before: only what comes behind it. */
  readonly after?: Pick<Due, 'expiresAt' | 'id'> | undefined;
  readonly limit: number;
}

/** Before anything that is due. */
const BEGINNING = { expiresAt: '-infinity', id: '00000000-0000-0000-0000-000000000000' };

/** What is due, at most `limit` of it: by the end of its time, then by id, holds and orders in one order. */
export function listDue(db: LedgerDb, { until, after = BEGINNING, limit }: DueRequest): Promise<readonly Due[]> {
  // The statuses are written into the statement: a plan made for any status could not use the indexes of what is due.
  const holds = db
    .selectFrom('holds')
    .select((eb) => [sql<Due['kind']>`'hold'`.as('kind'), 'account_id as accountId', eb.ref('hold_id').$castTo<string>().as('id')])
    .select((eb) => eb.ref('expires_at').$notNull().as('expiresAt'))
    .where('status', '=', sql.lit('open'))
    .where('expires_at', '<=', until)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('expires_at', 'hold_id'), '>', tuple(after.expiresAt, sql<HoldId>`${after.id}`)))
    .orderBy('expires_at')
    .orderBy('hold_id')
    .limit(limit);
  const orders = db
    .selectFrom('orders')
    .select((eb) => [sql<Due['kind']>`'order'`.as('kind'), 'account_id as accountId', eb.ref('order_id').$castTo<string>().as('id')])
    .select((eb) => eb.ref('expires_at').$notNull().as('expiresAt'))
    .where('status', '=', sql.lit('pending'))
    .where('expires_at', '<=', until)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('expires_at', 'order_id'), '>', tuple(after.expiresAt, sql<OrderId>`${after.id}`)))
    .orderBy('expires_at')
    .orderBy('order_id')
    .limit(limit);
  return db
    .selectFrom(holds.as('due_holds'))
    .selectAll()
    .unionAll(db.selectFrom(orders.as('due_orders')).selectAll())
    .orderBy('expiresAt')
    .orderBy('id')
    .limit(limit)
    .execute();
}
