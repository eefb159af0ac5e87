// What each table in Postgres has of a thing, and what the log says of it: both in the same words, and in the order of their keys.
import type { BooksSnapshot } from '../../projections/books-snapshot.ts';
import { decimalOf } from './decimals.ts';
import type { Books } from './fold.ts';
import { canonicalTime } from './observation.ts';
import { fillKey } from './orders.ts';

/** A row, as far as it is compared: its key, and the rest in words. */
export type Row = readonly [key: string, said: string];

export interface Comparison {
  readonly table: string;
  /** What a row is, for the message; it is followed by the key. */
  readonly thing: string;
  readonly expected: Iterable<Row>;
  readonly found: AsyncIterable<Row>;
}

const said = (...columns: readonly (string | bigint | number | boolean | null)[]): string =>
  columns.map((column) => column ?? '-').join(' ');
/** Times that are texts of one form. */
const time = (text: string | null): string | null => (text === null ? null : canonicalTime(text));

function* each<In, Out>(source: Iterable<In>, row: (item: In) => Out | undefined): Generator<Out> {
  for (const item of source) {
    const made = row(item);
    if (made !== undefined) yield made;
  }
}

async function* rows<In>(source: AsyncIterable<In>, row: (item: In) => Row | undefined): AsyncGenerator<Row> {
  for await (const item of source) {
    const made = row(item);
    if (made !== undefined) yield made;
  }
}

/** What is kept twice under a key is told of elsewhere; Postgres can have it but once. */
export function* unique<Value>(sorted: Iterable<readonly [key: string, value: Value]>): Generator<readonly [key: string, value: Value]> {
  let last: string | undefined;
  for (const entry of sorted) {
    if (entry[0] !== last) yield entry;
    last = entry[0];
  }
}

/** By the bytes of the keys, as both stores have them in order. */
export const isBefore = (one: string, other: string): boolean => one !== other && Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0;

const byKey = (lines: ReadonlyMap<string, string>): readonly Row[] => [...lines].sort(([one], [other]) => (isBefore(one, other) ? -1 : 1));

/** Every table but the journal and the outcomes: what its rows should be, and what they are. */
export function comparisons(
  { money, lives, holds, orders, transfers, reversals, commands, statistics, ends, assets }: Books,
  { rows: of }: BooksSnapshot,
): readonly Comparison[] {
  const systemRows = new Map(
    [...money.system].map(([key, minor]) => [key, decimalOf(minor, money.scaleOf(key.slice(key.indexOf(' ') + 1)) ?? 0)]),
  );
  return [
    {
      table: 'balances',
      thing: 'the balance of',
      expected: each(
        money.balances.entries(),
        ([key, { available, held, scale }]): Row => [
          key,
          said(decimalOf(BigInt(available), scale), 'available,', decimalOf(BigInt(held), scale), 'held'),
        ],
      ),
      found: rows(of('balances'), ({ account_id, asset, available, held }) => [
        `${account_id} ${asset}`,
        said(available, 'available,', held, 'held'),
      ]),
    },
    {
      table: 'system_balances',
      thing: 'the balance of',
      expected: byKey(systemRows),
      found: rows(of('system_balances'), ({ system_account, asset, balance }) => [`${system_account} ${asset}`, balance]),
    },
    {
      table: 'accounts',
      thing: 'account',
      expected: each(lives.accounts.entries(), ([id, { status, ownerId, lastOccurredAt, openedPosition }]): Row | undefined => {
        const end = ends.get(`account-${id}`);
        if (status === 'none' || end === undefined) return undefined;
        return [
          id,
          said(
            status,
            'at revision',
            end.revision,
            'position',
            end.position,
            'opened at',
            openedPosition,
            'owner',
            ownerId,
            'last event',
            lastOccurredAt,
          ),
        ];
      }),
      found: rows(of('accounts'), (row) => [
        row.account_id,
        said(
          row.status,
          'at revision',
          row.revision,
          'position',
          row.position,
          'opened at',
          row.opened_position,
          'owner',
          row.owner_id,
          'last event',
          time(row.last_occurred_at),
        ),
      ]),
    },
    {
      table: 'holds',
      thing: 'hold',
      expected: each(
        holds.all.entries(),
        ([id, hold]): Row => [
          id,
          said(
            hold.accountId,
            hold.asset,
            hold.amount,
            hold.remaining,
            'left',
            hold.captured,
            'captured',
            hold.status,
            hold.placedBy,
            time(hold.expiresAt),
            hold.position,
          ),
        ],
      ),
      found: rows(of('holds'), (row) => [
        row.hold_id,
        said(
          row.account_id,
          row.asset,
          row.amount,
          row.remaining,
          'left',
          row.captured,
          'captured',
          row.status,
          row.placed_by,
          time(row.expires_at),
          row.position,
        ),
      ]),
    },
    {
      table: 'orders',
      thing: 'order',
      expected: each(
        orders.all.entries(),
        ([id, order]): Row => [
          id,
          said(
            order.accountId,
            order.orderType,
            order.amountIn,
            order.tokenIn,
            'for',
            order.tokenOut,
            'at',
            order.targetPrice,
            'filled',
            order.filledIn,
            'for',
            order.filledOut,
            order.status,
            time(order.expiresAt),
            order.position,
          ),
        ],
      ),
      found: rows(of('orders'), (row) => [
        row.order_id,
        said(
          row.account_id,
          row.order_type,
          row.amount_in,
          row.token_in,
          'for',
          row.token_out,
          'at',
          row.target_price,
          'filled',
          row.filled_in,
          'for',
          row.filled_out,
          row.status,
          time(row.expires_at),
          row.position,
        ),
      ]),
    },
    {
      table: 'transfers',
      thing: 'transfer',
      expected: each(
        transfers.all.entries(),
        ([id, one]): Row => [
          id,
          said(
            one.amount,
            one.asset,
            'from',
            one.from,
            'to',
            one.to,
            one.state,
            one.state === 'returned' ? one.refusedFor : null,
            one.reverses,
            one.receivedEventId,
            one.position,
          ),
        ],
      ),
      found: rows(of('transfers'), (row) => [
        row.transfer_id,
        said(
          row.amount,
          row.asset,
          'from',
          row.from_account,
          'to',
          row.to_account,
          row.state,
          row.reason,
          row.reverses,
          row.received_event_id,
          row.position,
        ),
      ]),
    },
    {
      table: 'reversals',
      thing: 'the reversal of entry',
      expected: each(
        reversals.all.entries(),
        ([id, { accountId, isReversed, position }]): Row => [id, said(accountId, isReversed, position)],
      ),
      found: rows(of('reversals'), (row) => [row.event_id, said(row.account_id, row.is_reversed, row.position)]),
    },
    {
      table: 'assets',
      thing: 'asset',
      expected: byKey(new Map([...assets].map(([code, { kind, scale, active }]) => [code, said(kind, scale, 'decimals', active)]))),
      found: rows(of('assets'), ({ code, kind, scale, active }) => [code, said(kind, scale, 'decimals', active)]),
    },
    {
      table: 'external_ids',
      thing: 'the payment',
      expected: each(unique(commands.payments.sorted()), ([key, { commandId }]): Row => [key, commandId]),
      found: rows(of('external_ids'), (row) => [`${row.account_id} ${row.external_id}`, row.command_id]),
    },
    {
      table: 'order_fills',
      thing: 'the fill',
      expected: each(orders.named.entries(), ([key, { revision }]): Row => [key, revision]),
      found: rows(of('order_fills'), (row) => [
        fillKey(row.account_id, row.tx_hash, row.log_index === null ? undefined : `${row.log_index}`),
        `${row.revision}`,
      ]),
    },
    {
      table: 'statistics',
      thing: 'the statistic',
      expected: byKey(statistics.lines()),
      found: rows(of('statistics'), ({ event_type, detail, events, volume }) =>
        events === 0n ? undefined : [`${event_type} ${detail}`, said(events, volume)],
      ),
    },
  ];
}
