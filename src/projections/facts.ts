// Keyed facts for deciding commands: which keys and external ids are used, up to which revision that is complete. One
// statement, so all of one moment.
import { sql } from 'kysely';
import type { AccountId, CommandId } from '../domain/ids.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { storable } from './batch.ts';
import type { OutcomeRow } from './command-outcomes.ts';
import { readOutcome } from './command-outcomes.ts';

export interface AskedFacts {
  readonly accountId: AccountId;
  readonly commandIds: readonly CommandId[];
  readonly externalIds: readonly string[];
}
export interface FoundFacts {
  /** The last revision of the account's stream that the projection has applied; -1n where it knows no such account. */
  readonly revision: bigint;
  readonly outcomes: Map<CommandId, StoredOutcome>;
  /** The external ids that are used, with the command that used each. */
  readonly externalIds: Map<string, CommandId>;
}

interface FactRow extends Partial<OutcomeRow> {
  readonly scope: AccountId;
  readonly stream_revision: bigint | null;
  readonly used_external_id: string | null;
  readonly used_by: CommandId | null;
}

/** What is known of every account asked about. An account may be asked about once. */
export async function findFacts(db: LedgerDb, asked: readonly AskedFacts[]): Promise<Map<AccountId, FoundFacts>> {
  const facts = new Map<AccountId, { revision: bigint; outcomes: Map<CommandId, StoredOutcome>; externalIds: Map<string, CommandId> }>();
  for (const { accountId } of asked) facts.set(accountId, { revision: -1n, outcomes: new Map(), externalIds: new Map() });
  // What Postgres keeps of a text may differ from the text (see storable), so answers are matched to what was asked.
  const externals = asked.flatMap(({ accountId, externalIds }) => externalIds.map((text) => ({ accountId, text, kept: storable(text) })));
  const askedTexts = new Map(externals.map(({ accountId, text, kept }) => [`${accountId} ${kept}`, text]));

  const { rows } = await sql<FactRow>`
    SELECT q.account_id AS scope, a.revision AS stream_revision, NULL::uuid AS command_id, NULL AS command_hash, NULL AS asset,
      NULL AS command_type, NULL::uuid AS event_id, NULL::bigint AS revision, NULL::bigint AS position, NULL AS status, NULL::json AS payload,
      NULL AS used_external_id, NULL::uuid AS used_by
    FROM unnest(${[...facts.keys()]}::uuid[]) AS q(account_id) LEFT JOIN accounts a ON a.account_id = q.account_id
    UNION ALL
    SELECT o.scope, NULL, o.command_id, o.command_hash, o.asset, o.command_type, o.event_id, o.revision, o.position, o.status, o.payload, NULL, NULL
    FROM command_outcomes o WHERE o.command_id = ANY(${asked.flatMap(({ commandIds }) => commandIds)}::uuid[]) AND o.asset IS NULL
    UNION ALL
    SELECT e.account_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, e.external_id, e.command_id
    FROM unnest(${externals.map(({ accountId }) => accountId)}::uuid[], ${externals.map(({ kept }) => kept)}::text[]) AS q(account_id, external_id)
      JOIN external_ids e ON e.account_id = q.account_id AND e.external_id = q.external_id
  `.execute(db);

  for (const row of rows) {
    const found = facts.get(row.scope);
    if (found === undefined) continue;
    if (row.stream_revision !== null) found.revision = row.stream_revision;
    if (isOutcome(row)) found.outcomes.set(row.command_id, readOutcome(row));
    if (row.used_external_id !== null && row.used_by !== null) {
      const text = askedTexts.get(`${row.scope} ${row.used_external_id}`);
      if (text !== undefined) found.externalIds.set(text, row.used_by);
    }
  }
  return facts;
}

const isOutcome = (row: FactRow): row is FactRow & OutcomeRow => row.command_id != null;
