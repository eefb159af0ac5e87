// The auditor of the scenarios: folds the log with a small fold of its own and compares every figure in Postgres with it.
import pg from 'pg';
import { expect } from 'vitest';
import { z } from 'zod';
import { eventually } from './eventually.ts';
import type { LogEvent } from './log.ts';
import { readLog } from './log.ts';

export interface Stores {
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
}

/** What the log says should be in Postgres. Lines of text, so that a difference can be read. */
interface Books {
  /** One line a movement: position, account, asset, change and balance after it, event. */
  readonly journal: readonly string[];
  readonly balances: readonly string[];
  readonly revisions: readonly string[];
  readonly commandIds: readonly string[];
  readonly lastPosition: bigint;
}

/** Event types that move value, the field that says how much, and which way. */
const MOVEMENTS: Readonly<Record<string, readonly [field: string, sign: bigint]>> = {
  deposited: ['amount', 1n],
  withdrawn: ['amount', -1n],
  'coin-updated': ['quantity', 1n],
  'coin-removed': ['quantity', -1n],
};
const STILL = new Set([
  'account-opened',
  'account-frozen',
  'account-unfrozen',
  'account-closed',
  'limits-set',
  'asset-registered',
  'command-rejected',
]);

const decimal = z.string().regex(/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/);
const annulment = z.object({ eventId: z.string() });

/** "-0.01" is { minor: -1n, scale: 2 }. */
function minorOf(text: string): { readonly minor: bigint; readonly scale: number } {
  const scale = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0;
  return { minor: BigInt(text.replace('.', '')), scale };
}

function decimalOf(minor: bigint, scale: number): string {
  const digits = String(minor < 0n ? -minor : minor).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${minor < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

/** Folds the log. @throws where the log itself breaks a promise: a gap, a command twice, a balance below zero, an unknown type. */
function fold(events: readonly LogEvent[], isAnnulled: (id: string) => boolean): Books {
  const journal: string[] = [];
  const balances = new Map<string, string>();
  const revisions = new Map<string, bigint>();
  const commandIds = new Set<string>();
  for (const { stream, revision, position, id, type, data, metadata } of events) {
    const place = `${stream}@${revision}`;
    if (revision !== (revisions.get(stream) ?? -1n) + 1n) throw new Error(`${place} follows revision ${revisions.get(stream)}`);
    revisions.set(stream, revision);
    if (isAnnulled(id)) continue;
    const commandId = z.string().parse(metadata['commandId']);
    if (commandIds.has(commandId)) throw new Error(`${place} is a second outcome of command ${commandId}`);
    commandIds.add(commandId);
    const movement = MOVEMENTS[type];
    if (movement === undefined) {
      if (!STILL.has(type)) throw new Error(`${place} is of an unknown type ${type}`);
      continue;
    }
    const [field, sign] = movement;
    const account = stream.slice('account-'.length);
    const asset = z.string().parse(data['asset']);
    const { minor, scale } = minorOf(decimal.parse(data[field]));
    const before = minorOf(balances.get(`${account} ${asset}`) ?? '0').minor;
    const after = before + sign * minor;
    if (after < 0n) throw new Error(`${place} takes ${asset} of ${account} to ${after} (minor units)`);
    balances.set(`${account} ${asset}`, decimalOf(after, scale));
    journal.push(`${position} ${account} ${asset} ${decimalOf(sign * minor, scale)} ${decimalOf(after, scale)} ${id}`);
  }
  return {
    journal,
    balances: [...balances].map(([place, amount]) => `${place} ${amount}`).sort(),
    revisions: [...revisions]
      .flatMap(([stream, revision]) => (stream.startsWith('account-') ? [`${stream.slice(8)} ${revision}`] : []))
      .sort(),
    commandIds: [...commandIds].sort(),
    lastPosition: events.at(-1)?.position ?? -1n,
  };
}

/** Runs a statement and gives the rows' one column `line` as text. */
async function lines(client: pg.Client, statement: string): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(statement);
  return rows.map(({ line }) => line);
}

/** Runs a task with a connection of its own to Postgres. */
export async function withDatabase<T>(url: string, task: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
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

/**
 * Waits until the whole log is projected, then expects Postgres to say exactly what a fold of the log says: every balance, every
 * line of the journal with its running balance, every account's revision, every command's outcome, each exactly once. Per asset
 * the journal sums to zero, and system accounts are what customers are not.
 *
 * @returns how much was compared.
 */
export async function expectBalancedBooks({
  eventStoreUrl,
  databaseUrl,
}: Stores): Promise<{ readonly events: number; readonly movements: number }> {
  const annulled = new Set((await readLog(eventStoreUrl, 'ledger-annulments')).map(({ data }) => annulment.parse(data).eventId));
  const log = await readLog(eventStoreUrl, 'account-', 'asset-');
  const books = fold(log, (id) => annulled.has(id));
  await withDatabase(databaseUrl, async (client) => {
    await eventually('everything is projected', async () => (await projectedPosition(client)) >= books.lastPosition);
    expect(
      await lines(
        client,
        `SELECT concat_ws(' ', position, account_id, asset, available, available_after, event_id) AS line
           FROM postings WHERE account_id IS NOT NULL ORDER BY position, line`,
      ),
    ).toEqual(books.journal);
    const balances = await lines(client, `SELECT concat_ws(' ', account_id, asset, available) AS line FROM balances`);
    expect(balances.sort()).toEqual(books.balances);
    const revisions = await lines(client, `SELECT concat_ws(' ', account_id, revision) AS line FROM accounts`);
    expect(revisions.sort()).toEqual(books.revisions);
    const outcomes = await lines(client, 'SELECT command_id::text AS line FROM command_outcomes');
    expect(outcomes.sort()).toEqual(books.commandIds);
    const unequal = `SELECT asset AS line FROM postings GROUP BY asset HAVING sum(available) + sum(held) <> 0`;
    expect(await lines(client, unequal)).toEqual([]);
    const unmatched = `
      SELECT asset AS line FROM (
        SELECT asset, available + held AS amount FROM balances UNION ALL SELECT asset, balance FROM system_balances
      ) AS sides GROUP BY asset HAVING sum(amount) <> 0`;
    expect(await lines(client, unmatched)).toEqual([]);
  });
  return { events: log.length, movements: books.journal.length };
}
