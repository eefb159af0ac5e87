// Keyed facts for deciding commands: the outcomes of keys, and what is known under the names that commands ask for, each
// complete up to a revision of its account. One statement for any number of accounts, so all of one moment.
import { sql } from 'kysely';
import { assertNever } from '../domain/assert-never.ts';
import type { BookedEntry, BookedFill, Fact, FactKey, FactKind } from '../domain/facts.ts';
import { nameOfFact } from '../domain/facts.ts';
import type { AccountId, CommandId } from '../domain/ids.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import { storable } from './batch.ts';
import type { OutcomeRow } from './command-outcomes.ts';
import { readOutcome } from './command-outcomes.ts';

export interface AskedFacts {
  readonly accountId: AccountId;
  readonly commandIds: readonly CommandId[];
  readonly keys: readonly FactKey[];
}
export interface FoundFacts {
  /** The last revision of the account's stream that the projection has applied; -1n where it knows no such account. */
  readonly revision: bigint;
  readonly outcomes: Map<CommandId, StoredOutcome>;
  /** By nameOfFact. */
  readonly facts: Map<string, Fact>;
}

/** What a fact says besides its key. */
interface Found {
  readonly commandId?: CommandId;
  /** In decimal. */
  readonly revision?: string;
  readonly fill?: Omit<BookedFill, 'revision'>;
  readonly entry?: BookedEntry;
  readonly isReversed?: boolean;
}
interface FactRow extends Partial<Omit<OutcomeRow, 'scope'>> {
  readonly scope: AccountId | null;
  readonly stream_revision: bigint | null;
  /** Which of the keys the fact was found by. */
  readonly n: number | null;
  readonly found: Found | null;
}

/** A key with its number, by which its answer is matched: what Postgres keeps of a text may differ from the text (see storable). */
interface AskedKey<Key extends FactKey = FactKey> {
  readonly n: number;
  readonly accountId: AccountId;
  readonly key: Key;
}
type KeyOf<Kind extends FactKind> = Extract<FactKey, { readonly kind: Kind }>;

/** What is known of every account asked about. An account may be asked about once. */
export async function findFacts(db: LedgerDb, asked: readonly AskedFacts[]): Promise<Map<AccountId, FoundFacts>> {
  const known = new Map<AccountId, { revision: bigint; outcomes: Map<CommandId, StoredOutcome>; facts: Map<string, Fact> }>();
  for (const { accountId } of asked) known.set(accountId, { revision: -1n, outcomes: new Map(), facts: new Map() });
  const keys = asked.flatMap(({ accountId, keys }) => keys.map((key) => ({ accountId, key }))).map((question, n) => ({ ...question, n }));

  const { rows } = await sql<FactRow>`
    SELECT q.account_id AS scope, a.revision AS stream_revision, NULL::integer AS n, NULL::json AS found, NULL::uuid AS command_id,
      NULL AS command_hash, NULL AS asset, NULL AS command_type, NULL::uuid AS event_id, NULL::bigint AS revision, NULL::bigint AS position,
      NULL::json AS payload
    FROM unnest(${[...known.keys()]}::uuid[]) AS q(account_id) LEFT JOIN accounts a ON a.account_id = q.account_id
    UNION ALL
    SELECT o.scope, NULL, NULL, NULL, o.command_id, o.command_hash, o.asset, o.command_type, o.event_id, o.revision, o.position, o.payload
    FROM command_outcomes o WHERE o.command_id = ANY(${asked.flatMap(({ commandIds }) => commandIds)}::uuid[]) AND o.asset IS NULL
    UNION ALL
    SELECT NULL, NULL, f.n, f.found, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM (${factsUnder(keys)}) AS f
  `.execute(db);

  for (const row of rows) {
    const account = row.scope === null ? undefined : known.get(row.scope);
    if (account && row.stream_revision !== null) account.revision = row.stream_revision;
    if (account && isOutcome(row)) account.outcomes.set(row.command_id, readOutcome(row));
    const question = row.n === null ? undefined : keys[row.n];
    const fact = question && row.found ? factFrom(question.key, row.found) : undefined;
    if (question && fact) known.get(question.accountId)?.facts.set(nameOfFact(question.key), fact);
  }
  return known;
}

const isOutcome = (row: FactRow): row is FactRow & OutcomeRow => row.command_id != null;

/** Everything that is known under the keys, as (n, found): one branch a kind of key, each a look-up in an index. */
function factsUnder(keys: readonly AskedKey[]) {
  const payments = keysOf(keys, 'payment');
  const fills = keysOf(keys, 'fill');
  const entries = keysOf(keys, 'entry');
  const reversals = keysOf(keys, 'reversal');
  const holds = keysOf(keys, 'closed-hold');
  const orders = keysOf(keys, 'closed-order');
  return sql`
    SELECT q.n, json_build_object('commandId', e.command_id) AS found
    FROM unnest(${placesOf(payments)}, ${payments.map(({ key }) => storable(key.externalId))}::text[]) AS q(n, account_id, external_id)
      JOIN external_ids e ON e.account_id = q.account_id AND e.external_id = q.external_id
    UNION ALL
    SELECT q.n, json_build_object('commandId', f.command_id, 'revision', f.revision::text, 'fill', f.payload)
    FROM unnest(${placesOf(fills)}, ${fills.map(({ key }) => storable(key.txHash))}::text[], ${fills.map(({ key }) => key.logIndex ?? null)}::bigint[])
        AS q(n, account_id, tx_hash, log_index)
      JOIN order_fills f ON f.account_id = q.account_id AND f.tx_hash = q.tx_hash
        AND (f.log_index = q.log_index OR (f.log_index IS NULL AND q.log_index IS NULL))
    UNION ALL
    SELECT q.n, json_build_object('entry', json_strip_nulls(json_build_object(
      'type', p.event_type, 'asset', p.asset, 'amount', p.available::text, 'from', t.from_account)))
    FROM unnest(${placesOf(entries)}, ${entries.map(({ key }) => key.eventId)}::uuid[]) AS q(n, account_id, event_id)
      CROSS JOIN LATERAL (
        SELECT event_type, asset, available, event_id FROM postings
        WHERE event_id = q.event_id AND account_id = q.account_id ORDER BY (available = 0), line LIMIT 1
      ) AS p
      LEFT JOIN transfers t ON t.received_event_id = p.event_id
    UNION ALL
    SELECT q.n, json_build_object('isReversed', r.is_reversed)
    FROM unnest(${placesOf(reversals)}, ${reversals.map(({ key }) => key.eventId)}::uuid[]) AS q(n, account_id, event_id)
      JOIN reversals r ON r.event_id = q.event_id AND r.account_id = q.account_id
    UNION ALL
    SELECT q.n, json_build_object()
    FROM unnest(${placesOf(holds)}, ${holds.map(({ key }) => key.holdId)}::uuid[]) AS q(n, account_id, hold_id)
      JOIN holds h ON h.hold_id = q.hold_id AND h.account_id = q.account_id AND h.status <> 'open'
    UNION ALL
    SELECT q.n, json_build_object()
    FROM unnest(${placesOf(orders)}, ${orders.map(({ key }) => key.orderId)}::uuid[]) AS q(n, account_id, order_id)
      JOIN orders o ON o.order_id = q.order_id AND o.account_id = q.account_id AND o.status <> 'pending'`;
}

function keysOf<Kind extends FactKind>(keys: readonly AskedKey[], kind: Kind): readonly AskedKey<KeyOf<Kind>>[] {
  const isOfKind = (key: FactKey): key is KeyOf<Kind> => key.kind === kind;
  return keys.flatMap(({ key, ...place }) => (isOfKind(key) ? [{ ...place, key }] : []));
}

/** The first two columns of every branch's keys. */
const placesOf = (keys: readonly AskedKey[]) =>
  sql`${keys.map(({ n }) => n)}::integer[], ${keys.map(({ accountId }) => accountId)}::uuid[]`;

function factFrom(key: FactKey, { commandId, revision, fill, entry, isReversed }: Found): Fact | undefined {
  switch (key.kind) {
    case 'payment':
      return commandId && { ...key, commandId };
    case 'fill':
      return commandId && fill && revision ? { ...key, commandId, fill: { ...fill, revision: BigInt(revision) } } : undefined;
    case 'entry':
      return entry && { ...key, entry };
    case 'reversal':
      return isReversed === undefined ? undefined : { ...key, isReversed };
    case 'closed-hold':
    case 'closed-order':
      return key;
    default:
      return assertNever(key);
  }
}
