// The table of transfers: what was sent, whether the recipient's stream has it, and how it ended. What stands in @transit is
// the sum of those that are pending and not received.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import { assertNever } from '../domain/assert-never.ts';
import type { ReturnReason, StoredEvent, TransferSent } from '../domain/events.ts';
import type { AccountId, AssetCode, TransferId } from '../domain/ids.ts';
import type { TransferState } from '../domain/lifecycles.ts';
import { nextStatus, TRANSFER_TRANSITIONS } from '../domain/lifecycles.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { LedgerTables } from '../postgres/tables.ts';
import type { BatchEvent } from './batch.ts';
import { storable } from './batch.ts';
import { folded, UnappliableEvent } from './errors.ts';
import type { Page, PageRequest } from './page.ts';
import { POSITION, paginate } from './page.ts';

const TRANSFER_EVENTS = ['transfer-sent', 'transfer-received', 'transfer-refused', 'transfer-completed', 'transfer-returned'] as const;
type TransferEvent = Extract<StoredEvent, { readonly type: (typeof TRANSFER_EVENTS)[number] }>;
const isOfTransfer = (event: BatchEvent['event']): event is TransferEvent => TRANSFER_EVENTS.some((type) => type === event.type);

/** A row as far as later events change it or look at it; `sent` is there while it is new in this batch. */
interface Row {
  readonly transferId: TransferId;
  readonly from: AccountId;
  readonly to: AccountId;
  readonly asset: AssetCode;
  readonly amount: string;
  readonly sentAt: string;
  readonly sentPosition: bigint;
  readonly sent?: TransferSent;
  readonly state: TransferState;
  readonly receivedEventId: string | null;
  readonly reason: ReturnReason | null;
  readonly endedAt: string | null;
  readonly position: bigint;
}

/**
 * Applies the batch to the transfers.
 * @throws UnappliableEvent where an event does not fit its transfer: another account or amount, taken twice, ended twice, taken and returned.
 */
export async function applyTransfers(tx: Transaction<LedgerTables>, batch: readonly BatchEvent[]): Promise<void> {
  const steps = batch.flatMap((entry) => {
    const { event, recorded } = entry;
    return isOfTransfer(event) && recorded.subject.kind === 'account' ? [{ entry, event, accountId: recorded.subject.accountId }] : [];
  });
  if (steps.length === 0) return;
  const rows = await loadRows(tx, [...new Set(steps.map(({ event }) => event.transferId))]);
  for (const { entry, event, accountId } of steps)
    rows.set(event.transferId, rowAfter(rows.get(event.transferId), event, accountId, entry));
  await writeRows(tx, [...rows.values()]);
}

async function loadRows(tx: Transaction<LedgerTables>, transferIds: readonly TransferId[]): Promise<Map<TransferId, Row>> {
  const { rows } = await sql<Row>`
    SELECT transfer_id AS "transferId", from_account AS "from", to_account AS "to", asset, amount, sent_at AS "sentAt", sent_position AS "sentPosition",
      state, received_event_id AS "receivedEventId", reason, ended_at AS "endedAt", position
    FROM transfers WHERE transfer_id = ANY(${transferIds}::uuid[])
  `.execute(tx);
  return new Map(rows.map((row) => [row.transferId, row]));
}

/** The transfer after an event in the stream of `accountId`. */
function rowAfter(row: Row | undefined, event: TransferEvent, accountId: AccountId, { recorded, recordedAt }: BatchEvent): Row {
  const { transferId, asset, amount } = event;
  const { position, eventId } = recorded;
  const next = (): TransferState => folded(recorded, () => nextStatus(TRANSFER_TRANSITIONS, row?.state ?? 'none', event.type));
  if (event.type === 'transfer-sent') {
    const place = { transferId, from: accountId, to: event.to, asset, amount, sentAt: recordedAt, sentPosition: position };
    return { ...place, sent: event, state: next(), receivedEventId: null, reason: null, endedAt: null, position };
  }
  if (row === undefined) throw new UnappliableEvent(recorded, `transfer ${transferId} was never sent`);
  const isRecipients = event.type === 'transfer-received' || event.type === 'transfer-refused';
  const [from, to] = isRecipients ? [event.from, accountId] : [accountId, event.to];
  if (row.from !== from || row.to !== to || row.asset !== asset || row.amount !== amount)
    throw new UnappliableEvent(recorded, `transfer ${transferId} is one of ${row.amount} ${row.asset} from ${row.from} to ${row.to}`);
  const isReceived = row.receivedEventId !== null;
  switch (event.type) {
    case 'transfer-received':
    case 'transfer-refused':
      if (isReceived || row.state !== 'pending')
        throw new UnappliableEvent(recorded, `transfer ${transferId} is ${isReceived ? 'received' : row.state} already`);
      return { ...row, receivedEventId: event.type === 'transfer-received' ? eventId : null, position };
    case 'transfer-completed':
      if (!isReceived) throw new UnappliableEvent(recorded, `transfer ${transferId} was not received`);
      return { ...row, state: next(), endedAt: recordedAt, position };
    case 'transfer-returned':
      if (isReceived) throw new UnappliableEvent(recorded, `transfer ${transferId} was received`);
      return { ...row, state: next(), reason: event.reason, endedAt: recordedAt, position };
    default:
      return assertNever(event);
  }
}

async function writeRows(tx: Transaction<LedgerTables>, rows: readonly Row[]): Promise<void> {
  const of = <T>(pick: (row: Row) => T): T[] => rows.map(pick);
  const metadata = of(({ sent }) => (sent?.metadata === undefined ? null : JSON.stringify(sent.metadata)));
  await sql`
    INSERT INTO transfers (transfer_id, from_account, to_account, asset, amount, sent_at, sent_position, reverses, reference, external_id, metadata,
      state, received_event_id, reason, ended_at, position)
    SELECT * FROM unnest(${of(({ transferId }) => transferId)}::uuid[], ${of(({ from }) => from)}::uuid[], ${of(({ to }) => to)}::uuid[],
      ${of(({ asset }) => asset)}::text[], ${of(({ amount }) => amount)}::numeric[], ${of(({ sentAt }) => sentAt)}::timestamptz[],
      ${of(({ sentPosition }) => sentPosition)}::bigint[], ${of(({ sent }) => sent?.reverses ?? null)}::uuid[], ${of(({ sent }) => storable(sent?.reference))}::text[],
      ${of(({ sent }) => storable(sent?.externalId))}::text[], ${metadata}::json[], ${of(({ state }) => state)}::text[], ${of(({ receivedEventId }) => receivedEventId)}::uuid[],
      ${of(({ reason }) => reason)}::text[], ${of(({ endedAt }) => endedAt)}::timestamptz[], ${of(({ position }) => position)}::bigint[])
    ON CONFLICT ON CONSTRAINT transfers_pkey DO UPDATE SET state = excluded.state, received_event_id = excluded.received_event_id,
      reason = excluded.reason, ended_at = excluded.ended_at, position = excluded.position
  `.execute(tx);
}

/** A transfer as its two accounts see it. The amount is a decimal string at the asset's scale; times are the ledger's recorded time. */
export interface TransferSummary {
  readonly transferId: TransferId;
  readonly from: AccountId;
  readonly to: AccountId;
  readonly fromOwner?: string;
  readonly toOwner?: string;
  readonly asset: AssetCode;
  readonly amount: string;
  readonly state: TransferState;
  /** Why it was returned. */
  readonly reason?: ReturnReason;
  readonly reference?: string;
  readonly externalId?: string;
  readonly metadata?: unknown;
  /** The entry that it reverses. */
  readonly reverses?: string;
  readonly sentAt: string;
  readonly endedAt?: string;
  readonly sentPosition: bigint;
}

const summaries = (db: LedgerDb) =>
  db
    .selectFrom('transfers as t')
    .leftJoin('accounts as sender', 'sender.account_id', 't.from_account')
    .leftJoin('accounts as recipient', 'recipient.account_id', 't.to_account')
    .select([
      't.transfer_id',
      't.from_account',
      't.to_account',
      'sender.owner_id as from_owner',
      'recipient.owner_id as to_owner',
      't.asset',
      't.amount',
      't.state',
      't.reason',
      't.reference',
      't.external_id',
      't.metadata',
      't.reverses',
      't.sent_at',
      't.ended_at',
      't.sent_position',
    ]);
type SummaryRow = Awaited<ReturnType<ReturnType<typeof summaries>['executeTakeFirstOrThrow']>>;

const toSummary = (row: SummaryRow): TransferSummary => ({
  transferId: row.transfer_id,
  from: row.from_account,
  to: row.to_account,
  ...(row.from_owner !== null && { fromOwner: row.from_owner }),
  ...(row.to_owner !== null && { toOwner: row.to_owner }),
  asset: row.asset,
  amount: row.amount,
  state: row.state,
  ...(row.reason !== null && { reason: row.reason }),
  ...(row.reference !== null && { reference: row.reference }),
  ...(row.external_id !== null && { externalId: row.external_id }),
  ...(row.metadata !== null && { metadata: row.metadata }),
  ...(row.reverses !== null && { reverses: row.reverses }),
  sentAt: row.sent_at,
  ...(row.ended_at !== null && { endedAt: row.ended_at }),
  sentPosition: row.sent_position,
});

/** The transfer; undefined where the projection knows none. */
export async function findTransfer(db: LedgerDb, transferId: TransferId): Promise<TransferSummary | undefined> {
  const row = await summaries(db).where('t.transfer_id', '=', transferId).executeTakeFirst();
  return row && toSummary(row);
}

const KEY = [POSITION];

/** A page of what an account has sent and was sent, newest first. @throws InvalidCursor */
export function listTransfers(
  db: LedgerDb,
  { accountId }: { readonly accountId: AccountId },
  request: PageRequest,
): Promise<Page<TransferSummary>> {
  const keyOf = ({ sentPosition }: TransferSummary): string[] => [`${sentPosition}`];
  return paginate(request, KEY, keyOf, async ({ walk, beyond: [edge] = [], limit }) => {
    const [direction, past] = walk === 'forwards' ? (['desc', '<'] as const) : (['asc', '>'] as const);
    // Each side is read off its own index, up to a page of it; the page is among the two.
    const onSide = (side: 'from_account' | 'to_account') =>
      db
        .selectFrom('transfers')
        .select('transfer_id')
        .where(side, '=', accountId)
        .$if(edge !== undefined, (query) => query.where('sent_position', past, BigInt(edge ?? 0)))
        .orderBy('sent_position', direction)
        .limit(limit);
    const rows = await summaries(db)
      .where('t.transfer_id', 'in', sql<TransferId>`((${onSide('from_account')}) UNION (${onSide('to_account')}))`)
      .orderBy('t.sent_position', direction)
      .limit(limit)
      .execute();
    return rows.map(toSummary);
  });
}
