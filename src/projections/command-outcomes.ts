// The table of outcomes: what every key was answered, for ever. A second event under the same key violates its constraint,
// and the projector halts: the second lock on "exactly once".
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { AccountId, AssetCode, CommandId } from '../domain/ids.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables, OutcomePayload } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';

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

/** Adds the outcomes that the batch states. */
export async function applyCommandOutcomes(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const outcomes = batch.flatMap(({ outcome }) => outcome ?? []);
  if (outcomes.length === 0) return;
  const of = <T>(pick: (outcome: StoredOutcome) => T): T[] => outcomes.map(pick);
  await sql`
    INSERT INTO command_outcomes (command_id, scope, event_id, revision, position, command_hash, command_type, status, asset, payload)
    SELECT * FROM unnest(${of(({ commandId }) => commandId)}::uuid[], ${of(({ scope }) => scope)}::uuid[], ${of(({ eventId }) => eventId)}::uuid[],
      ${of(({ revision }) => revision)}::bigint[], ${of(({ position }) => position)}::bigint[], ${of(({ commandHash }) => commandHash)}::text[],
      ${of(({ commandType }) => commandType)}::text[], ${of(({ status }) => status)}::text[],
      ${of(({ subject }) => (subject.kind === 'asset' ? subject.code : null))}::text[],
      ${of((outcome) => JSON.stringify(payloadOf(outcome)))}::json[])
  `.execute(tx);
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
