// The table of statistics: how many events of each type there were, how much they moved, and how many things are in each status now.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Decimal } from '../domain/amounts.ts';
import { addDecimals, formatMinor, parseDecimal } from '../domain/amounts.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { HoldStatus, OrderStatus, Rest, TransferState, Transition } from '../domain/lifecycles.ts';
import { HOLD_TRANSITIONS, ORDER_TRANSITIONS, restOf, TRANSFER_TRANSITIONS } from '../domain/lifecycles.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';

export interface Statistic {
  readonly eventType: string;
  /** The asset that moved, the code of a refusal, or '' for other events. */
  readonly detail: string;
  readonly events: bigint;
  /** The sum of the amounts whatever their sign, at the asset's scale; "0" where nothing moved. */
  readonly volume: string;
}

/** Rows under these names count no type of event: all events, and the things that are in a status now, with the status as detail. */
const [ALL_EVENTS, ORDERS, HOLDS, TRANSFERS] = ['@events', '@orders', '@holds', '@transfers'] as const;

/** Counts `events` more under these names, and adds the amount to their volume; most events have one amount, many have none. */
type Count = (type: string, detail: string, events: number, amount?: string) => void;

/** Counts the event under its type. */
function countType(event: StoredEvent, count: Count): void {
  const { type } = event;
  switch (type) {
    case 'deposited':
    case 'withdrawn':
    case 'hold-placed':
    case 'hold-captured':
    case 'hold-released':
    case 'hold-expired':
    case 'order-cancelled':
    case 'order-expired':
    case 'transfer-sent':
    case 'transfer-received':
    case 'transfer-completed':
    case 'transfer-returned':
    case 'entry-reversed':
      count(type, event.asset, 1, event.amount);
      break;
    case 'coin-updated':
    case 'coin-removed':
      count(type, event.asset, 1, event.quantity);
      break;
    case 'order-placed':
      count(type, event.tokenIn, 1, event.amountIn);
      break;
    case 'order-filled':
      count(type, event.tokenIn, 1, event.amountIn);
      count(type, event.tokenOut, 1, event.amountOut);
      break;
    case 'command-rejected':
      count(type, event.code, 1);
      break;
    case 'account-opened':
    case 'account-frozen':
    case 'account-unfrozen':
    case 'account-closed':
    case 'limits-set':
    case 'asset-registered':
    case 'fill-repeated':
    case 'transfer-refused':
      count(type, '', 1);
      break;
    default:
      assertNever(event);
  }
}

function volumeOf(amount: string): Decimal {
  const { minor, scale } = parseDecimal(amount);
  return { minor: minor < 0n ? -minor : minor, scale };
}

/** What the event leaves of a hold or an order, where that decides its status. */
function restAfter(event: StoredEvent): Rest | undefined {
  if (event.type === 'hold-captured') return restOf(parseDecimal(event.remaining).minor);
  if (event.type === 'order-filled') return event.orderStatus === 'executed' ? 'nothing is left' : 'something is left';
  return undefined;
}

/** Of every type of event that takes things from one status to another: what things, and how. */
const STATUS_CHANGES = new Map<string, readonly StatusChange[]>();
interface StatusChange extends Transition<string> {
  readonly things: string;
}
for (const [things, transitions] of [
  [ORDERS, ORDER_TRANSITIONS],
  [HOLDS, HOLD_TRANSITIONS],
  [TRANSFERS, TRANSFER_TRANSITIONS],
] as const) {
  for (const step of transitions) STATUS_CHANGES.set(step.on, [...(STATUS_CHANGES.get(step.on) ?? []), { ...step, things }]);
}

/** One less of the status that a thing comes from, one more of the one it goes to: of these events each has one of both. */
function countStatus(event: StoredEvent, count: Count): void {
  const changes = STATUS_CHANGES.get(event.type);
  const change = changes?.find(({ when }) => when === undefined || when === restAfter(event));
  if (change === undefined || change.from === change.to) return;
  count(change.things, change.to, 1);
  if (change.from !== 'none') count(change.things, change.from, -1);
}

interface Sum {
  readonly type: string;
  readonly detail: string;
  events: number;
  volume: Decimal;
}

/** Counts the batch in. Annulled events are no events. */
export async function applyStatistics(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const sums = new Map<string, Sum>();
  const count: Count = (type, detail, events, amount) => {
    const key = `${type} ${detail}`;
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { type, detail, events: 0, volume: { minor: 0n, scale: 0 } };
      sums.set(key, sum);
    }
    sum.events += events;
    if (amount !== undefined) sum.volume = addDecimals(sum.volume, volumeOf(amount));
  };
  for (const { event } of batch) {
    if (event.type === 'annulled') continue;
    count(ALL_EVENTS, '', 1);
    countType(event, count);
    countStatus(event, count);
  }
  if (sums.size === 0) return;
  const rows = [...sums.values()];
  await sql`
    INSERT INTO statistics AS s (event_type, detail, events, volume)
    SELECT * FROM unnest(${rows.map(({ type }) => type)}::text[], ${rows.map(({ detail }) => detail)}::text[],
      ${rows.map(({ events }) => events)}::bigint[], ${rows.map(({ volume }) => formatMinor(volume.minor, volume.scale))}::numeric[])
    ON CONFLICT ON CONSTRAINT statistics_pkey DO UPDATE SET events = s.events + excluded.events, volume = s.volume + excluded.volume
  `.execute(tx);
}

/** All statistics of events, by type and detail. An event that moves two assets is in two of them: for how many there were, see eventCount. */
export function loadStatistics(db: LedgerDb): Promise<readonly Statistic[]> {
  return db
    .selectFrom('statistics')
    .select(['event_type as eventType', 'detail', 'events', 'volume'])
    .where('event_type', 'not in', [ALL_EVENTS, ORDERS, HOLDS, TRANSFERS])
    .orderBy('event_type')
    .orderBy('detail')
    .execute();
}

/** How many events there were, annulled ones left out. */
export async function eventCount(db: LedgerDb): Promise<bigint> {
  const row = await db.selectFrom('statistics').select('events').where('event_type', '=', ALL_EVENTS).executeTakeFirst();
  return row?.events ?? 0n;
}

/** How many there are in each status now. */
export interface CountsByStatus {
  readonly orders: Readonly<Record<OrderStatus, bigint>>;
  readonly holds: Readonly<Record<HoldStatus, bigint>>;
  readonly transfers: Readonly<Record<TransferState, bigint>>;
}

/** What is in each status now, without counting rows: it costs the same however many there are. */
export async function countsByStatus(db: LedgerDb): Promise<CountsByStatus> {
  const rows = await db
    .selectFrom('statistics')
    .select(['event_type', 'detail', 'events'])
    .where('event_type', 'in', [ORDERS, HOLDS, TRANSFERS])
    .execute();
  const of =
    (type: string) =>
    (status: string): bigint =>
      rows.find((row) => row.event_type === type && row.detail === status)?.events ?? 0n;
  const [orders, holds, transfers] = [of(ORDERS), of(HOLDS), of(TRANSFERS)];
  return {
    orders: { pending: orders('pending'), executed: orders('executed'), cancelled: orders('cancelled'), expired: orders('expired') },
    holds: { open: holds('open'), captured: holds('captured'), released: holds('released'), expired: holds('expired') },
    transfers: { pending: transfers('pending'), completed: transfers('completed'), returned: transfers('returned') },
  };
}
