// The table of orders, pending and ended: each row is the fold of its order's life.
import { Map as PersistentMap } from 'immutable';
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import { zeroLike } from '../domain/amounts.ts';
import type { OrderPlaced, OrderType } from '../domain/events.ts';
import type { AccountId, AssetCode, OrderId } from '../domain/ids.ts';
import { InvariantViolated } from '../domain/invariant.ts';
import type { OrderStatus } from '../domain/lifecycles.ts';
import { nextStatus, ORDER_TRANSITIONS } from '../domain/lifecycles.ts';
import { evolveOrders, orderFrom } from '../domain/open-orders.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables, OrdersTable } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import { folded } from './errors.ts';
import type { OrderEvent, OrderStep } from './order-events.ts';
import { orderStepsIn } from './order-events.ts';
import type { Page, PageRequest } from './page.ts';
import { POSITION, paginate } from './page.ts';

/** What a batch makes of an order: its owner is the account's, and stays where it was written first. */
type OrderRow = Omit<OrdersTable, 'owner_id'>;

/**
 * Applies the batch to the orders; their accounts come first, since an order takes its owner from there.
 * @throws UnappliableEvent where an event concerns an order that is not there, not pending or not the account's, or its figures do not add up.
 */
export async function applyOrders(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const steps = orderStepsIn(batch);
  if (steps.length === 0) return;
  const ids = [...new Set(steps.map(({ event }) => event.orderId))];
  const known = await tx.selectFrom('orders').selectAll().where('order_id', '=', sql<OrderId>`ANY(${ids}::uuid[])`).execute();
  const orders = new Map<OrderId, OrderRow>(known.map((row) => [row.order_id, row]));
  for (const step of steps) {
    const { orderId } = step.event;
    const after = folded(step.entry.recorded, () => orderAfter(orders.get(orderId), step));
    orders.set(orderId, after);
  }
  await writeOrders(tx, [...orders.values()]);
}

/** The row after an event. @throws InvariantViolated where it cannot follow. */
function orderAfter(before: OrderRow | undefined, { entry, accountId, event }: OrderStep): OrderRow {
  const status = nextStatus(ORDER_TRANSITIONS, before?.status ?? 'none', event.type, restAfter(event));
  if (event.type === 'order-placed') return placedOrder(event, accountId, entry);
  if (before?.account_id !== accountId) throw new InvariantViolated(`order ${event.orderId} is another account's`);
  evolveOrders(PersistentMap([[before.order_id, pendingOrder(before)]]), event); // sees whether all that the event says is so
  const { recorded, recordedAt } = entry;
  return {
    ...before,
    status,
    filled_in: event.filledIn,
    filled_out: event.filledOut,
    executed_at: status === 'executed' ? recordedAt : null,
    cancelled_at: status === 'cancelled' ? recordedAt : null,
    position: recorded.position,
  };
}

/** What an event says is left; `evolveOrders` sees whether it is. */
const restAfter = (event: OrderEvent) =>
  event.type === 'order-filled' ? (event.orderStatus === 'executed' ? 'nothing is left' : 'something is left') : undefined;

function placedOrder(event: OrderPlaced, accountId: AccountId, { recorded: { position }, recordedAt }: BatchEvent): OrderRow {
  const { orderId, orderType, tokenIn, tokenOut, amountIn, filledIn, filledOut, targetPrice = null, expiresAt = null } = event;
  if (filledIn !== zeroLike(amountIn) || filledOut !== zeroLike(filledOut))
    throw new InvariantViolated(`order ${orderId} is placed with ${filledIn} filled for ${filledOut}`);
  return {
    order_id: orderId,
    account_id: accountId,
    token_in: tokenIn,
    token_out: tokenOut,
    amount_in: amountIn,
    filled_in: filledIn,
    filled_out: filledOut,
    target_price: targetPrice,
    order_type: orderType,
    status: 'pending',
    created_at: recordedAt,
    executed_at: null,
    cancelled_at: null,
    expires_at: expiresAt,
    placed_position: position,
    position,
  };
}

/** The order of a pending row as the domain has it. */
const pendingOrder = (row: OrderRow) =>
  orderFrom({
    orderId: row.order_id,
    orderType: row.order_type,
    tokenIn: row.token_in,
    tokenOut: row.token_out,
    amountIn: row.amount_in,
    filledIn: row.filled_in,
    filledOut: row.filled_out,
  });

/** Writes the rows; of one that is there, what its life changes. */
async function writeOrders(tx: Transaction<LedgerTables>, orders: readonly OrderRow[]): Promise<void> {
  const column = <Name extends keyof OrderRow>(name: Name): OrderRow[Name][] => orders.map((order) => order[name]);
  await sql`
    INSERT INTO orders (order_id, account_id, owner_id, token_in, token_out, amount_in, filled_in, filled_out, target_price, order_type,
      status, created_at, executed_at, cancelled_at, expires_at, placed_position, position)
    SELECT o.order_id, o.account_id, a.owner_id, o.token_in, o.token_out, o.amount_in, o.filled_in, o.filled_out, o.target_price, o.order_type,
      o.status, o.created_at, o.executed_at, o.cancelled_at, o.expires_at, o.placed_position, o.position
    FROM unnest(${column('order_id')}::uuid[], ${column('account_id')}::uuid[], ${column('token_in')}::text[], ${column('token_out')}::text[],
      ${column('amount_in')}::numeric[], ${column('filled_in')}::numeric[], ${column('filled_out')}::numeric[], ${column('target_price')}::numeric[],
      ${column('order_type')}::text[], ${column('status')}::text[], ${column('created_at')}::timestamptz[], ${column('executed_at')}::timestamptz[],
      ${column('cancelled_at')}::timestamptz[], ${column('expires_at')}::timestamptz[], ${column('placed_position')}::bigint[],
      ${column('position')}::bigint[])
      AS o(order_id, account_id, token_in, token_out, amount_in, filled_in, filled_out, target_price, order_type,
        status, created_at, executed_at, cancelled_at, expires_at, placed_position, position)
      JOIN accounts a ON a.account_id = o.account_id
    ON CONFLICT ON CONSTRAINT orders_pkey DO UPDATE SET filled_in = excluded.filled_in, filled_out = excluded.filled_out,
      status = excluded.status, executed_at = excluded.executed_at, cancelled_at = excluded.cancelled_at, position = excluded.position
  `.execute(tx);
}

/** An order as lists and its own page show it. Amounts are decimal strings at their asset's scale; `filledOut` is before fees. */
export interface OrderSummary {
  readonly orderId: OrderId;
  readonly accountId: AccountId;
  /** The account's owner. */
  readonly ownerId?: string;
  readonly tokenIn: AssetCode;
  readonly tokenOut: AssetCode;
  readonly amountIn: string;
  readonly filledIn: string;
  readonly filledOut: string;
  /** tokenOut per one tokenIn. */
  readonly targetPrice?: string;
  readonly orderType: OrderType;
  readonly status: OrderStatus;
  readonly createdAt: string;
  readonly executedAt?: string;
  readonly cancelledAt?: string;
  readonly expiresAt?: string;
  readonly placedPosition: bigint;
}

const KEY = [POSITION];

const toSummary = (row: OrdersTable): OrderSummary => ({
  orderId: row.order_id,
  accountId: row.account_id,
  ...(row.owner_id !== null && { ownerId: row.owner_id }),
  tokenIn: row.token_in,
  tokenOut: row.token_out,
  amountIn: row.amount_in,
  filledIn: row.filled_in,
  filledOut: row.filled_out,
  ...(row.target_price !== null && { targetPrice: row.target_price }),
  orderType: row.order_type,
  status: row.status,
  createdAt: row.created_at,
  ...(row.executed_at !== null && { executedAt: row.executed_at }),
  ...(row.cancelled_at !== null && { cancelledAt: row.cancelled_at }),
  ...(row.expires_at !== null && { expiresAt: row.expires_at }),
  placedPosition: row.placed_position,
});

/** The order; undefined where the projection knows none. */
export async function findOrder(db: LedgerDb, orderId: OrderId): Promise<OrderSummary | undefined> {
  const row = await db.selectFrom('orders').selectAll().where('order_id', '=', orderId).executeTakeFirst();
  return row && toSummary(row);
}

/** Orders that meet all that is given. */
export interface OrderFilter {
  readonly accountId?: AccountId | undefined;
  readonly ownerId?: string | undefined;
  readonly status?: OrderStatus | undefined;
}

/** A page of orders, newest first. @throws InvalidCursor */
export function listOrders(db: LedgerDb, { accountId, ownerId, status }: OrderFilter, request: PageRequest): Promise<Page<OrderSummary>> {
  const keyOf = ({ placedPosition }: OrderSummary): string[] => [`${placedPosition}`];
  return paginate(request, KEY, keyOf, async ({ walk, beyond: [position] = [], limit }) => {
    const isAscending = walk === 'backwards';
    let query = db
      .selectFrom('orders')
      .selectAll()
      .orderBy('placed_position', isAscending ? 'asc' : 'desc')
      .limit(limit);
    if (accountId !== undefined) query = query.where('account_id', '=', accountId);
    if (ownerId !== undefined) query = query.where('owner_id', '=', ownerId);
    // Written into the statement: a plan made for any status could not use the indexes of the pending ones.
    if (status !== undefined) query = query.where('status', '=', sql.lit(status));
    if (position !== undefined) query = query.where('placed_position', isAscending ? '>' : '<', BigInt(position));
    return (await query.execute()).map(toSummary);
  });
}
