// The table of outcomes: what every key was answered, for ever. A second event under the same key violates its constraint,
// and the projector halts: the second lock on "exactly once".
import type { AccountId, AssetCode, CommandId } from '../domain/ids.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { OutcomePayload } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import type { AppendOnlyTable, NewRow, TableWriter } from './table-writer.ts';

/** A row of the table, as it is read. */
export interface OutcomeRow {
  readonly command_id: CommandId;
  readonly command_hash: string;
  readonly scope: AccountId;
  readonly asset: AssetCode | null;
  readonly command_type: string;
  readonly event_id: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly payload: OutcomePayload;
}

const payloadOf = (outcome: StoredOutcome): OutcomePayload =>
  outcome.status === 'applied'
    ? {
        balances: outcome.balances,
        result: outcome.result,
        ...(outcome.firstRevision === undefined ? {} : { firstRevision: `${outcome.firstRevision}` }),
      }
    : { code: outcome.code, detail: outcome.detail, fields: outcome.fields, correlationId: outcome.correlationId };

export const COMMAND_OUTCOMES = {
  table: 'command_outcomes',
  columns: {
    command_id: 'uuid',
    scope: 'uuid',
    event_id: 'uuid',
    revision: 'bigint',
    position: 'bigint',
    command_hash: 'text',
    command_type: 'text',
    status: 'text',
    asset: 'text',
    payload: 'json',
  },
} as const satisfies AppendOnlyTable<string>;

const rowOf = (outcome: StoredOutcome): NewRow<keyof typeof COMMAND_OUTCOMES.columns> => ({
  command_id: outcome.commandId,
  scope: outcome.scope,
  event_id: outcome.eventId,
  revision: outcome.revision,
  position: outcome.position,
  command_hash: outcome.commandHash,
  command_type: outcome.commandType,
  status: outcome.status,
  asset: outcome.subject.kind === 'asset' ? outcome.subject.code : null,
  payload: JSON.stringify(payloadOf(outcome)),
});

/** Adds the outcomes that the batch states. */
export async function applyCommandOutcomes(writer: TableWriter, batch: readonly BatchEvent[]): Promise<void> {
  await writer.add(
    COMMAND_OUTCOMES,
    batch.flatMap(({ outcome }) => (outcome === undefined ? [] : rowOf(outcome))),
  );
}

/** The outcome that a row states. */
export function readOutcome(row: OutcomeRow): StoredOutcome {
  const base = {
    commandId: row.command_id,
    commandHash: row.command_hash,
    scope: row.scope,
    subject: row.asset === null ? ({ kind: 'account', accountId: row.scope } as const) : ({ kind: 'asset', code: row.asset } as const),
    commandType: row.command_type,
    eventId: row.event_id,
    revision: row.revision,
    position: row.position,
  };
  const { payload } = row;
  if ('code' in payload) return { ...base, status: 'rejected', ...payload };
  const { balances, result, firstRevision } = payload;
  return { ...base, status: 'applied', balances, result, ...(firstRevision === undefined ? {} : { firstRevision: BigInt(firstRevision) }) };
}

/** The outcome of a command, an account's before an asset's; undefined where the projection has seen none. */
export async function findOutcome(db: LedgerDb, commandId: CommandId): Promise<StoredOutcome | undefined> {
  const row = await db
    .selectFrom('command_outcomes')
    .selectAll()
    .where('command_id', '=', commandId)
    .orderBy('asset', (order) => order.asc().nullsFirst())
    .executeTakeFirst();
  return row && readOutcome(row);
}
