// The auditor of the scenarios: folds the log with a small fold of its own and compares every figure in Postgres with it.
import { expect } from 'vitest';
import { z } from 'zod';
import { foldLog } from './audit/fold.ts';
import { BREACHES, COMPARED, differences, lines, projectedPosition, withDatabase } from './audit/tables.ts';
import { eventually } from './eventually.ts';
import type { LogEvent } from './log.ts';
import { readLog } from './log.ts';

export interface Stores {
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
}

const STREAMS = ['account-', 'asset-', 'ledger-annulments'];
const annulment = z.object({ eventId: z.string() });
const isAnnulment = ({ stream }: LogEvent): boolean => stream === 'ledger-annulments';

export interface Audited {
  /** What was compared: events of the log, and lines of customers' journals. */
  readonly events: number;
  readonly movements: number;
  readonly log: readonly LogEvent[];
}

/**
 * Waits until the whole log is projected, then expects Postgres to say exactly what a fold of the log says: every balance, every
 * line of the journal with its running balance, every account's revision and status, every command's outcome, every hold, order,
 * fill, transfer and reversal, each exactly once. Per asset the journal sums to zero, system accounts are what customers are
 * not, and what is held or in transit is accounted for.
 */
export async function expectBalancedBooks({ eventStoreUrl, databaseUrl }: Stores): Promise<Audited> {
  const all = await readLog(eventStoreUrl, ...STREAMS);
  const [annulments, log] = [all.filter(isAnnulment), all.filter((event) => !isAnnulment(event))];
  const annulled = new Set(annulments.map(({ data }) => annulment.parse(data).eventId));
  const books = foldLog(log, (id) => annulled.has(id));
  await withDatabase(databaseUrl, async (client) => {
    await eventually('everything is projected', async () => (await projectedPosition(client)) >= books.lastPosition);
    for (const [name, statement, expected] of COMPARED)
      expect(differences(await lines(client, statement), expected(books)), name).toEqual({ onlyInPostgres: [], onlyInLog: [] });
    for (const [what, statement] of BREACHES) expect(await lines(client, statement), what).toEqual([]);
  });
  const movements = books.journal.filter((line) => !line.includes(' @')).length;
  return { events: log.length, movements, log };
}

/**
 * Waits until no transfer is under way and nothing is open that is to expire: from then on the ledger does nothing by itself.
 * What was written before is projected first, or nothing would be under way yet.
 */
export async function expectNothingUnderWay({ eventStoreUrl, databaseUrl }: Stores): Promise<void> {
  const written = (await readLog(eventStoreUrl, 'account-', 'asset-')).at(-1)?.position ?? -1n;
  const underWay = `
    SELECT concat_ws(' ', 'transfer', transfer_id) AS line FROM transfers WHERE state = 'pending' UNION ALL
    SELECT concat_ws(' ', 'hold', hold_id) FROM holds WHERE status = 'open' AND expires_at IS NOT NULL UNION ALL
    SELECT concat_ws(' ', 'order', order_id) FROM orders WHERE status = 'pending' AND expires_at IS NOT NULL`;
  await withDatabase(databaseUrl, async (client) => {
    await eventually('what was written is projected', async () => (await projectedPosition(client)) >= written);
    await eventually('all transfers have ended, and all that was to expire', async () => (await lines(client, underWay)).length === 0);
    expect(await lines(client, `SELECT asset AS line FROM system_balances WHERE system_account = '@transit' AND balance <> 0`)).toEqual([]);
  });
}
