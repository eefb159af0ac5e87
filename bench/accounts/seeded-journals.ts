// Accounts' journals of any length written straight into the projections' tables: ten million entries in minutes instead of hours.
// The rows are those of deposits; what was backdated is brought into its sums by the ledger's own code.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { AccountIdSchema, AssetCodeSchema, CommandIdSchema } from '../../src/domain/ids.ts';
import type { LedgerDb } from '../../src/postgres/pool.ts';
import { applyBackdated } from '../../src/projections/backdated.ts';
import { workOut } from '../../src/projections/batch.ts';

/** A year's deposits of 100.00, evenly spread, of which so many were backdated by up to a hundred days. */
export interface Journal {
  readonly accountId: AccountId;
  readonly entries: number;
  readonly backdatedPercent: number;
}

const USD = AssetCodeSchema.parse('USD');
export const STARTS_AT_MS = Date.UTC(2025, 0, 1);
export const ENDS_AT_MS = Date.UTC(2026, 0, 1);
const CHUNK = 1_000_000;
const BATCH = 1_000;

/** Takes away the indexes that no constraint needs, for the time of the work: they are made faster at once than row by row. */
export async function withoutIndexes(db: LedgerDb, work: () => Promise<void>): Promise<void> {
  const { rows } = await sql<{ name: string; definition: string }>`
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
    WHERE indrelid = 'postings'::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
  `.execute(db);
  for (const { name } of rows) await sql`DROP INDEX ${sql.raw(name)}`.execute(db);
  await work();
  for (const { definition } of rows) await sql.raw(definition).execute(db);
}

/** Writes the journal and the balance of a new account. Its positions begin at `position`. */
export async function seedJournal(
  db: LedgerDb,
  { entries, backdatedPercent, position }: Omit<Journal, 'accountId'> & { readonly position: number },
): Promise<Journal> {
  const accountId = AccountIdSchema.parse(randomUUID());
  const stepMs = (ENDS_AT_MS - STARTS_AT_MS) / entries;
  for (let from = 0; from < entries; from += CHUNK)
    await sql`
      INSERT INTO postings (position, line, account_id, asset, available, held, available_after, held_after, event_id, event_type,
        recorded_at, occurred_at, effective_at, command_id)
      SELECT ${position}::bigint + n, 0, ${accountId}::uuid, ${USD}, 100.00, 0.00, 100.00 * (n + 1), 0.00,
        lpad(to_hex(${position}::bigint + n), 32, '0')::uuid, 'deposited', at, at,
        CASE WHEN n * ${backdatedPercent}::int % 100 < ${backdatedPercent}::int
          THEN date_trunc('milliseconds', at - random() * interval '100 days') END,
        lpad(to_hex(${position}::bigint + n), 32, '0')::uuid
      FROM generate_series(${from}::bigint, ${Math.min(from + CHUNK, entries) - 1}::bigint) AS n,
        LATERAL (SELECT to_timestamp(floor(${STARTS_AT_MS}::float8 + n * ${stepMs}::float8) / 1000) AS at) AS time
    `.execute(db);
  await sql`INSERT INTO balances (account_id, asset, available, held) VALUES (${accountId}, ${USD}, 100.00 * ${entries}::int, 0.00)`.execute(
    db,
  );
  return { accountId, entries, backdatedPercent };
}

/** Brings what was backdated in the journal into its sums, as the projector would. @returns how many entries these were. */
export async function sumBackdated(db: LedgerDb, { accountId }: Journal): Promise<number> {
  const rows = await db
    .selectFrom('postings')
    .select(['position', 'recorded_at', 'effective_at'])
    .where('account_id', '=', accountId)
    .where('effective_at', 'is not', null)
    .orderBy('position')
    .execute();
  const events = rows.map(({ position, recorded_at: occurredAt, effective_at }, n): RecordedEvent => {
    const commandId = CommandIdSchema.parse(randomUUID());
    const of = { commandId, correlationId: commandId, causationId: commandId, eventId: commandId };
    const metadata = { ...of, key: commandId, commandHash: '0'.repeat(64), actor: 'bench', transport: 'internal' as const, occurredAt };
    return {
      stream: accountStream(accountId),
      subject: { kind: 'account', accountId },
      revision: BigInt(n),
      position,
      eventId: of.eventId,
      event: { type: 'deposited', version: 1, asset: USD, amount: '100.00', balances: [] },
      metadata: { ...metadata, ...(effective_at !== null && { effectiveAt: effective_at }) },
    };
  });
  for (let from = 0; from < events.length; from += BATCH) {
    const batch = workOut(events.slice(from, from + BATCH), null);
    await db.transaction().execute((tx) => applyBackdated(tx, batch));
  }
  return events.length;
}

/** The balance by the time that is asked for, added up from the whole journal: what the answer must be. */
export async function addedUp(db: LedgerDb, { accountId }: Journal, at: string, by: 'system' | 'effective'): Promise<string> {
  const time = by === 'system' ? sql`recorded_at` : sql`coalesce(effective_at, recorded_at)`;
  const { rows } = await sql<{ sum: string }>`
    SELECT coalesce(sum(available), 0.00) AS sum FROM postings WHERE account_id = ${accountId} AND ${time} <= ${at}::timestamptz
  `.execute(db);
  return rows[0]?.sum ?? '';
}
