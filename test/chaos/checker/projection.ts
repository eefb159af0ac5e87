// The tables hold what a fold of the log gives, and add up among themselves.

import type pg from 'pg';
import type { Books } from '../../scenarios/audit/fold.ts';
import { foldLog } from '../../scenarios/audit/fold.ts';
import { BREACHES, COMPARED, differences, lines, withDatabase } from '../../scenarios/audit/tables.ts';
import type { LogEvent } from '../../scenarios/log.ts';
import type { Violation } from './violation.ts';
import { violation } from './violation.ts';

/** What is short enough to be read. */
const SHOWN = 3;

/**
 * Compares every table with the log, all of which has to be projected.
 * @param isLogSound false: its breaches are known, and nothing can be folded from it.
 */
export async function checkProjection(databaseUrl: string, log: readonly LogEvent[], isLogSound: boolean): Promise<readonly Violation[]> {
  const books = folded(log);
  const breach = typeof books === 'string' && isLogSound ? [violation('log-breach', books)] : [];
  return withDatabase(databaseUrl, async (client) => [
    ...breach,
    ...(typeof books === 'string' ? [] : await compare(client, books)),
    ...(await ownBreaches(client)),
  ]);
}

/** The books, or why there are none. */
function folded(log: readonly LogEvent[]): Books | string {
  try {
    return foldLog(log, () => false);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function compare(client: pg.Client, books: Books): Promise<readonly Violation[]> {
  const violations: Violation[] = [];
  for (const [name, statement, expected] of COMPARED) {
    const { onlyInPostgres, onlyInLog } = differences(await lines(client, statement), expected(books));
    if (onlyInPostgres.length === 0 && onlyInLog.length === 0) continue;
    const [tables, inLog] = [onlyInPostgres, onlyInLog].map((found) => found.slice(0, SHOWN).join(' | '));
    const kind = onlyInLog.length === 0 ? 'projected-twice' : onlyInPostgres.length === 0 ? 'skipped-event' : 'projection-differs';
    violations.push(violation(kind, `${name}: only in Postgres ${tables}; only in the log ${inLog}`));
  }
  return violations;
}

async function ownBreaches(client: pg.Client): Promise<readonly Violation[]> {
  const violations: Violation[] = [];
  for (const [what, statement] of BREACHES) {
    const found = await lines(client, statement);
    const name = what === 'per asset all postings sum to zero' ? 'asset-sum-not-zero' : 'projection-differs';
    if (found.length > 0) violations.push(violation(name, `${what}: ${found.slice(0, SHOWN).join(' | ')}`));
  }
  return violations;
}
