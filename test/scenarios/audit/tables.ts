// Postgres, held against what the auditor's fold of the log says should be there: line by line, and the tables among themselves.
import pg from 'pg';
import type { Books } from './fold.ts';

/** Every table that says something the auditor knows too: its lines, each a column `line`, and what the log says of them. */
export const COMPARED: readonly (readonly [name: string, lines: string, expected: (books: Books) => readonly string[]])[] = [
  [
    'postings',
    `SELECT concat_ws(' ', position, coalesce(account_id::text, system_account), asset, available, held, available_after, held_after,
       event_id, event_type) AS line FROM postings`,
    ({ journal }) => journal,
  ],
  [
    'balances',
    `SELECT concat_ws(' ', account_id, asset, available, held) AS line FROM balances UNION ALL
     SELECT concat_ws(' ', system_account, asset, balance, balance - balance) FROM system_balances`,
    ({ balances }) => balances,
  ],
  ['accounts', `SELECT concat_ws(' ', account_id, revision, status) AS line FROM accounts`, ({ accounts }) => accounts],
  ['command_outcomes', 'SELECT command_id::text AS line FROM command_outcomes', ({ commandIds }) => commandIds],
  ['external_ids', `SELECT concat_ws(' ', account_id, external_id) AS line FROM external_ids`, ({ payments }) => payments],
  [
    'holds',
    `SELECT concat_ws(' ', hold_id, account_id, asset, amount, remaining, captured, status, placed_by) AS line FROM holds`,
    ({ holds }) => holds,
  ],
  [
    'orders',
    `SELECT concat_ws(' ', order_id, account_id, token_in, token_out, amount_in, filled_in, filled_out, status) AS line FROM orders`,
    ({ orders }) => orders,
  ],
  ['order_events', `SELECT concat_ws(' ', order_id, position, event_type) AS line FROM order_events`, ({ orderEvents }) => orderEvents],
  [
    'order_fills',
    `SELECT concat_ws(' ', account_id, tx_hash, coalesce(log_index::text, '-')) AS line FROM order_fills`,
    ({ fills }) => fills,
  ],
  [
    'transfers',
    `SELECT concat_ws(' ', transfer_id, from_account, to_account, asset, amount, state, coalesce(reason, '-'), coalesce(reverses::text, '-'),
       coalesce(received_event_id::text, '-')) AS line FROM transfers`,
    ({ transfers }) => transfers,
  ],
  ['reversals', `SELECT concat_ws(' ', event_id, account_id, is_reversed::text) AS line FROM reversals`, ({ reversals }) => reversals],
];

/** What must be true of the tables among themselves: each statement gives a line a breach. */
export const BREACHES: readonly (readonly [what: string, lines: string])[] = [
  [
    'per asset all postings sum to zero',
    `SELECT concat_ws(' ', asset, sum(available) + sum(held)) AS line FROM postings GROUP BY asset HAVING sum(available) + sum(held) <> 0`,
  ],
  [
    'the system has what customers have not',
    `SELECT asset AS line FROM (
       SELECT asset, available + held AS amount FROM balances UNION ALL SELECT asset, balance FROM system_balances
     ) AS sides GROUP BY asset HAVING sum(amount) <> 0`,
  ],
  [
    'what is held is what open holds and pending orders hold',
    `SELECT concat_ws(' ', account_id, asset, sum(amount)) AS line FROM (
       SELECT account_id, asset, held AS amount FROM balances UNION ALL
       SELECT account_id, asset, -remaining FROM holds WHERE status = 'open' UNION ALL
       SELECT account_id, token_in, filled_in - amount_in FROM orders WHERE status = 'pending'
     ) AS sides GROUP BY account_id, asset HAVING sum(amount) <> 0`,
  ],
  [
    'what is in transit was sent and not received',
    `SELECT concat_ws(' ', asset, sum(amount)) AS line FROM (
       SELECT asset, balance AS amount FROM system_balances WHERE system_account = '@transit' UNION ALL
       SELECT asset, -amount FROM transfers WHERE state = 'pending' AND received_event_id IS NULL
     ) AS sides GROUP BY asset HAVING sum(amount) <> 0`,
  ],
];

/** Runs a statement and gives the rows' one column `line` as text. */
export async function lines(client: pg.Client, statement: string): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(statement);
  return rows.map(({ line }) => line);
}

/** How many differing lines are shown. */
const SHOWN = 20;
/** The lines that only one side has, or has more often: few enough to be read. */
export function differences(
  inPostgres: readonly string[],
  inLog: readonly string[],
): { readonly onlyInPostgres: string[]; readonly onlyInLog: string[] } {
  const counts = new Map<string, number>();
  for (const line of inPostgres) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of inLog) counts.set(line, (counts.get(line) ?? 0) - 1);
  const those = (is: (count: number) => boolean): string[] =>
    [...counts].flatMap(([line, count]) => (is(count) ? [line] : [])).slice(0, SHOWN);
  return { onlyInPostgres: those((count) => count > 0), onlyInLog: those((count) => count < 0) };
}

/** Runs a task with a connection of its own to Postgres. */
export async function withDatabase<T>(url: string, task: (client: pg.Client) => Promise<T>, settings: pg.ClientConfig = {}): Promise<T> {
  const client = new pg.Client({ ...settings, connectionString: url });
  client.on('error', () => {}); // a server that is killed ends idle connections; the next query says so
  await client.connect();
  try {
    return await task(client);
  } finally {
    await client.end();
  }
}

/** The position that the projections have reached. */
export async function projectedPosition(client: pg.Client): Promise<bigint> {
  const { rows } = await client.query<{ position: string | null }>('SELECT position::text FROM checkpoint');
  return BigInt(rows[0]?.position ?? -1);
}
