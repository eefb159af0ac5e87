// Writing the journal: one row an event, account and asset, with the balance after it, and the last of them as the balances.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Decimal } from '../domain/amounts.ts';
import { addDecimals, formatMinor, parseDecimal } from '../domain/amounts.ts';
import type { LedgerEvent } from '../domain/events.ts';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import type { SystemAccount } from '../domain/postings.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent, JournalLine } from './batch.ts';
import { storable } from './batch.ts';
import type { AppendOnlyTable, NewRow, TableWriter } from './table-writer.ts';

export const POSTINGS = {
  table: 'postings',
  columns: {
    position: 'bigint',
    recorded_at: 'timestamptz',
    occurred_at: 'timestamptz',
    effective_at: 'timestamptz',
    event_id: 'uuid',
    account_id: 'uuid',
    command_id: 'uuid',
    line: 'integer',
    event_type: 'text',
    asset: 'text',
    available: 'numeric',
    held: 'numeric',
    available_after: 'numeric',
    held_after: 'numeric',
    system_account: 'text',
    reference: 'text',
    external_id: 'text',
    metadata: 'json',
  },
} as const satisfies AppendOnlyTable<string>;
type PostingRow = NewRow<keyof typeof POSTINGS.columns>;

/** The balance of a customer's account or the system's, in an asset. */
interface RunningBalance {
  readonly accountId: AccountId | null;
  readonly systemAccount: SystemAccount | null;
  readonly asset: AssetCode;
  available: Decimal;
  held: Decimal;
}
/** By account and asset. */
type RunningBalances = Map<string, RunningBalance>;
const keyOf = ({ accountId, systemAccount, asset }: Pick<JournalLine, 'accountId' | 'systemAccount' | 'asset'>): string =>
  `${accountId ?? systemAccount} ${asset}`;

/**
 * Adds the batch's postings with their running balances, which continue those of the balance tables, and carries the last ones
 * over to these. The constraint on the running balances is what keeps every customer's balance from being negative, at every event.
 */
export async function applyPostings({ tx, add }: TableWriter, batch: readonly BatchEvent[]): Promise<void> {
  const balances = await balancesBefore(tx, batch);
  if (balances.size === 0) return;
  await add(
    POSTINGS,
    batch.flatMap((entry) => entry.lines.map((line, n) => postingRow(entry, line, n, balances))),
  );
  await carryBalances(tx, [...balances.values()]);
}

/** The balances of everything that the batch moves, as they are before it. */
async function balancesBefore(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<RunningBalances> {
  const balances: RunningBalances = new Map();
  for (const { lines } of batch) {
    for (const line of lines) {
      const { accountId, systemAccount, asset, scale } = line;
      const key = keyOf(line);
      const nothing = { minor: 0n, scale };
      if (!balances.has(key)) balances.set(key, { accountId, systemAccount, asset, available: nothing, held: nothing });
    }
  }
  if (balances.size === 0) return balances;
  const moved = [...balances.values()];
  const customers = moved.filter(({ accountId }) => accountId !== null);
  const { rows } = await sql<Pick<JournalLine, 'accountId' | 'systemAccount' | 'asset'> & { available: string; held: string }>`
    SELECT account_id AS "accountId", NULL AS "systemAccount", asset, available, held
    FROM unnest(${customers.map(({ accountId }) => accountId)}::uuid[], ${customers.map(({ asset }) => asset)}::text[]) AS moved(account_id, asset)
      JOIN balances USING (account_id, asset)
    UNION ALL
    SELECT NULL, system_account, asset, balance, 0 FROM system_balances
    WHERE asset = ANY(${[...new Set(moved.map(({ asset }) => asset))]}::text[])
  `.execute(tx);
  for (const row of rows) {
    const balance = balances.get(keyOf(row));
    if (balance === undefined) continue; // another system account of the asset
    balance.available = parseDecimal(row.available);
    balance.held = parseDecimal(row.held);
  }
  return balances;
}

/** The row of a line; the balance that it continues moves on. */
function postingRow(entry: BatchEvent, line: JournalLine, number: number, balances: RunningBalances): PostingRow {
  const { recorded, event, recordedAt } = entry;
  const { accountId, systemAccount, asset, available, held, availableMinor, heldMinor, scale } = line;
  const key = keyOf(line);
  const balance = balances.get(key);
  if (balance === undefined) throw new Error(`the balance of ${key} was not looked up`);
  balance.available = addDecimals(balance.available, { minor: availableMinor, scale });
  balance.held = addDecimals(balance.held, { minor: heldMinor, scale });
  return {
    position: recorded.position,
    recorded_at: recordedAt,
    event_id: recorded.eventId,
    account_id: accountId,
    line: number,
    event_type: event.type,
    asset,
    available,
    held,
    available_after: textOf(balance.available),
    held_after: textOf(balance.held),
    system_account: systemAccount,
    ...(accountId === null ? NO_DETAILS : detailsOf(entry)),
  };
}

const textOf = ({ minor, scale }: Decimal): string => formatMinor(minor, scale);

type Details = Pick<PostingRow, 'occurred_at' | 'effective_at' | 'command_id' | 'reference' | 'external_id' | 'metadata'>;
const NO_DETAILS: Details = {
  occurred_at: null,
  effective_at: null,
  command_id: null,
  reference: null,
  external_id: null,
  metadata: null,
};

/** What only customers' rows say about their event. */
function detailsOf({ event, recorded, occurredAt, effectiveAt }: BatchEvent): Details {
  const { reference, externalId, metadata } = saidOfPayment(event);
  return {
    occurred_at: occurredAt,
    effective_at: effectiveAt ?? null,
    command_id: recorded.metadata.commandId,
    reference: storable(reference),
    external_id: storable(externalId),
    metadata: metadata === undefined ? null : JSON.stringify(metadata),
  };
}

interface SaidOfPayment {
  readonly reference?: string | undefined;
  readonly externalId?: string | undefined;
  readonly metadata?: unknown;
}

/** What the client said of the payment that the event books. */
function saidOfPayment(event: LedgerEvent): SaidOfPayment {
  if (event.type === 'deposited' || event.type === 'withdrawn' || event.type === 'transfer-sent') return event;
  return event.type === 'transfer-received' || event.type === 'hold-placed' ? { reference: event.reference } : {};
}

/**
 * Writes the balances, whole and not as differences: a difference may be negative, and Postgres checks a row to be inserted
 * before it finds that it is an update.
 */
async function carryBalances(tx: Transaction<LedgerTables>, balances: readonly RunningBalance[]): Promise<void> {
  const customers = balances.filter(({ accountId }) => accountId !== null);
  const systems = balances.filter(({ systemAccount }) => systemAccount !== null);
  await sql`
    WITH customers AS (
      INSERT INTO balances (account_id, asset, available, held)
      SELECT * FROM unnest(${customers.map(({ accountId }) => accountId)}::uuid[], ${customers.map(({ asset }) => asset)}::text[],
        ${customers.map(({ available }) => textOf(available))}::numeric[], ${customers.map(({ held }) => textOf(held))}::numeric[])
      ON CONFLICT ON CONSTRAINT balances_pkey DO UPDATE SET available = excluded.available, held = excluded.held
    )
    INSERT INTO system_balances (system_account, asset, balance)
    SELECT * FROM unnest(${systems.map(({ systemAccount }) => systemAccount)}::text[], ${systems.map(({ asset }) => asset)}::text[],
      ${systems.map(({ available }) => textOf(available))}::numeric[])
    ON CONFLICT ON CONSTRAINT system_balances_pkey DO UPDATE SET balance = excluded.balance
  `.execute(tx);
}
