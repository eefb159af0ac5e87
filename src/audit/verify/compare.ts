// What the log comes to, held against what Postgres has: table by table, row by row, both in the order of their keys.
import type { BooksSnapshot, SnapshotRow } from '../../projections/books-snapshot.ts';
import { digestOf, outcomeKey } from './commands.ts';
import { decimalOf } from './decimals.ts';
import type { Books } from './fold.ts';
import type { Findings } from './observation.ts';
import { canonicalTime } from './observation.ts';
import { fillKey } from './orders.ts';

/** A row, as far as it is compared: its key, the rest as text, and what it is in words. */
type Row = readonly [key: string, said: string];

interface Comparison {
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

/** By the bytes of the keys, as both stores have them in order. */
const isBefore = (one: string, other: string): boolean => Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0;

/** Tells of every row that only one side has, and of every one that is another there. */
async function compareRows({ table, thing, expected, found }: Comparison, { add }: Findings): Promise<void> {
  const log = expected[Symbol.iterator]();
  let next = log.next();
  const missing = ([key, what]: Row): void =>
    add({ kind: `${table}_row_missing`, detail: `Postgres does not have ${thing} ${key}.`, expected: what });
  for await (const [key, what] of found) {
    while (next.done !== true && next.value[0] !== key && isBefore(next.value[0], key)) {
      missing(next.value);
      next = log.next();
    }
    if (next.done === true || next.value[0] !== key) {
      add({ kind: `${table}_row_extra`, detail: `Postgres has ${thing} ${key}, which no event of the log makes.`, found: what });
      continue;
    }
    const [, should] = next.value;
    if (should !== what)
      add({ kind: `${table}_row_differs`, detail: `Postgres has another ${thing} ${key}.`, expected: should, found: what });
    next = log.next();
  }
  for (; next.done !== true; next = log.next()) missing(next.value);
}

const byKey = (lines: ReadonlyMap<string, string>): readonly Row[] => [...lines].sort(([one], [other]) => (isBefore(one, other) ? -1 : 1));

/** A thing's account stands first: that is who asks. */
function comparisons(
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
      expected: each(commands.payments.entries(), ([key, { commandId }]): Row => [key, commandId]),
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

/** Outcomes are compared by digests: the answers to all commands are too much to keep, and told of by their event. */
async function compareOutcomes({ commands }: Books, { rows: of }: BooksSnapshot, { tell, add }: Findings): Promise<void> {
  const at = commands.outcomes.entries()[Symbol.iterator]();
  let next = at.next();
  const place = (): Parameters<typeof tell>[0] | undefined => {
    if (next.done === true) return undefined;
    const [, { stream, revision, position }] = next.value;
    return { stream, revision: BigInt(revision), position: BigInt(position), eventId: '' };
  };
  const missing = (): void => {
    const event = place();
    if (event !== undefined) tell(event, 'command_outcomes_row_missing', 'Postgres does not have the outcome of its command.');
    next = at.next();
  };
  for await (const row of of('command_outcomes')) {
    const key = outcomeKey(row.command_id, row.asset);
    while (next.done !== true && isBefore(next.value[0], key)) missing();
    if (next.done === true || next.value[0] !== key) {
      add({
        kind: 'command_outcomes_row_extra',
        detail: `Postgres has an outcome of command ${row.command_id}, which no event of the log makes.`,
      });
      continue;
    }
    const event = place();
    if (event !== undefined && next.value[1].digest !== digestOf(outcomeIn(row)))
      tell(event, 'command_outcomes_row_differs', 'Postgres has another outcome of its command than the event states.', {
        found: JSON.stringify(outcomeIn(row)),
      });
    next = at.next();
  }
  while (next.done !== true) missing();
}

const outcomeIn = (row: SnapshotRow<'command_outcomes'>) => ({
  commandHash: row.command_hash,
  scope: row.scope,
  commandType: row.command_type,
  eventId: row.event_id,
  revision: `${row.revision}`,
  position: `${row.position}`,
  status: row.status,
  payload: row.payload,
});

/** Compares everything but the journal, which is compared as the log is read. The fold must be at the snapshot's checkpoint. */
export async function compareWithPostgres(books: Books, snapshot: BooksSnapshot, findings: Findings): Promise<void> {
  for (const comparison of comparisons(books, snapshot)) await compareRows(comparison, findings);
  await compareOutcomes(books, snapshot, findings);
}
