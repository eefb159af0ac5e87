// The ledger's tables as kysely sees them. int8 is a bigint here, NUMERIC a decimal string, timestamptz an RFC 3339 string in UTC:
// none of them is ever a JavaScript number or a Date (see pool.ts).
import type { ColumnType, Generated } from 'kysely';
import type { BalanceAfter, EventType, OrderType, ReturnReason, Side } from '../domain/events.ts';
import type { BookedFill } from '../domain/facts.ts';
import type { AccountId, AssetCode, CommandId, HoldId, OrderId, TransferId } from '../domain/ids.ts';
import type { HoldStatus, OrderStatus, TransferState } from '../domain/lifecycles.ts';
import type { SystemAccount } from '../domain/postings.ts';
import type { RejectionCode, RejectionFields } from '../domain/rejections.ts';

export type AccountStatus = 'open' | 'frozen' | 'closed';

export interface AccountsTable {
  account_id: AccountId;
  /** Of the last event in the account's stream, refusals included; `position` is that event's place in the log. */
  revision: bigint;
  position: bigint;
  status: AccountStatus;
  owner_id: string | null;
  external_id: string | null;
  label: string | null;
  opened_position: bigint;
  /** The ledger's own time at which it was opened: see recorded time in projections/batch.ts. */
  opened_at: string;
  last_occurred_at: string;
}

export interface BalancesTable {
  account_id: AccountId;
  asset: AssetCode;
  available: string;
  held: string;
}

export interface SystemBalancesTable {
  system_account: SystemAccount;
  asset: AssetCode;
  balance: string;
}

/** The journal: one row an event, account and asset. Exactly one of `account_id` and `system_account` is there. */
export interface PostingsTable {
  position: bigint;
  line: number;
  account_id: AccountId | null;
  system_account: SystemAccount | null;
  asset: AssetCode;
  /** What the event changed, signed. */
  available: string;
  held: string;
  available_after: string;
  held_after: string;
  event_id: string;
  event_type: EventType;
  recorded_at: string;
  /** The rest is kept on customers' rows only. */
  occurred_at: string | null;
  effective_at: string | null;
  command_id: CommandId | null;
  reference: string | null;
  external_id: string | null;
  metadata: unknown;
}

/** A row for each backdated posting: the account's and asset's sum of these up to it, along the log. */
export interface BackdatedTable {
  account_id: AccountId;
  asset: AssetCode;
  recorded_at: string;
  position: bigint;
  available_so_far: string;
  held_so_far: string;
}

/** The sum of the backdated postings in a span of effective time; spans of all levels are numbered from the year 1970. */
export interface BackdatedSpansTable {
  account_id: AccountId;
  asset: AssetCode;
  level: number;
  span: bigint;
  available: string;
  held: string;
}

export interface LimitsTable {
  account_id: AccountId;
  asset: AssetCode;
  per_withdrawal: string | null;
  per_day: string | null;
}

/** What left an account on its newest day of spending. */
export interface SpendingTable {
  account_id: AccountId;
  asset: AssetCode;
  /** YYYY-MM-DD, in UTC. */
  day: string;
  amount: string;
}

/** The part of an outcome that only answers need. Kept as `json`, which stores text as it came, unlike `jsonb`. */
export type OutcomePayload =
  | {
      readonly balances: readonly BalanceAfter[];
      readonly result: Readonly<Record<string, string>>;
      /** In decimal; of a fill that was reported again. */
      readonly firstRevision?: string;
    }
  | { readonly code: RejectionCode; readonly detail: string; readonly fields: RejectionFields; readonly correlationId: string };

export interface CommandOutcomesTable {
  command_id: CommandId;
  command_hash: string;
  scope: AccountId;
  /** Set where the command was addressed to an asset. */
  asset: AssetCode | null;
  command_type: string;
  event_id: string;
  revision: bigint;
  position: bigint;
  status: 'applied' | 'rejected';
  payload: ColumnType<OutcomePayload, string, string>;
}

export interface ExternalIdsTable {
  account_id: AccountId;
  external_id: string;
  command_id: CommandId;
}

export interface AssetsTable {
  code: AssetCode;
  name: string;
  kind: 'fiat' | 'coin';
  scale: number;
  active: boolean;
  revision: bigint;
  position: bigint;
}

export interface HoldsTable {
  hold_id: HoldId;
  account_id: AccountId;
  asset: AssetCode;
  amount: string;
  /** Still held, and gone out; what is neither was given back when the hold was closed. */
  remaining: string;
  captured: string;
  status: HoldStatus;
  placed_by: Side;
  reference: string | null;
  expires_at: string | null;
  placed_at: string;
  closed_at: string | null;
  placed_position: bigint;
  /** Of the last event of its life. */
  position: bigint;
}

export interface OrdersTable {
  order_id: OrderId;
  account_id: AccountId;
  /** The account's. */
  owner_id: string | null;
  token_in: AssetCode;
  token_out: AssetCode;
  amount_in: string;
  filled_in: string;
  /** Before fees. */
  filled_out: string;
  target_price: string | null;
  order_type: OrderType;
  status: OrderStatus;
  created_at: string;
  executed_at: string | null;
  cancelled_at: string | null;
  expires_at: string | null;
  placed_position: bigint;
  position: bigint;
}

export interface OrderEventsTable {
  order_id: OrderId;
  position: bigint;
  event_id: string;
  revision: bigint;
  event_type: EventType;
  occurred_at: string;
  recorded_at: string;
  /** The event without its type. */
  data: ColumnType<unknown, string, string>;
}

/** The fills that the chain has a name for, each once per account. */
export interface OrderFillsTable {
  account_id: AccountId;
  tx_hash: string;
  log_index: bigint | null;
  command_id: CommandId;
  revision: bigint;
  payload: ColumnType<Omit<BookedFill, 'revision'>, string, string>;
}

export interface StatisticsTable {
  /** Or, with an @ before it, what else is counted: all events, things by their status. */
  event_type: string;
  /** The asset that moved, the code of a refusal, a status, or '' for other events. */
  detail: string;
  events: bigint;
  /** The sum of the amounts, whatever their sign. */
  volume: string;
}

export interface TransfersTable {
  transfer_id: TransferId;
  from_account: AccountId;
  to_account: AccountId;
  asset: AssetCode;
  amount: string;
  state: TransferState;
  /** Why it was returned. */
  reason: ReturnReason | null;
  reference: string | null;
  external_id: string | null;
  metadata: unknown;
  /** The entry that it reverses. */
  reverses: string | null;
  /** Of the event in the recipient's stream that took it. */
  received_event_id: string | null;
  sent_at: string;
  ended_at: string | null;
  sent_position: bigint;
  /** Of the last event of the transfer, in either stream. */
  position: bigint;
}

export interface ReversalsTable {
  /** The entry's. */
  event_id: string;
  account_id: AccountId;
  is_reversed: boolean;
  position: bigint;
}

/** One row: how far the projections are, and who may move them. */
export interface CheckpointTable {
  singleton: Generated<boolean>;
  /** Of the last event applied; null before the first. `event_id` is its id. */
  position: bigint | null;
  event_id: string | null;
  events: Generated<bigint>;
  recorded_at: string | null;
  owner: string | null;
  lease_until: string | null;
  halted_stream: string | null;
  halted_revision: bigint | null;
  halted_position: bigint | null;
  halted_event_id: string | null;
  halted_reason: string | null;
}

export interface LedgerTables {
  accounts: AccountsTable;
  balances: BalancesTable;
  system_balances: SystemBalancesTable;
  postings: PostingsTable;
  backdated: BackdatedTable;
  backdated_spans: BackdatedSpansTable;
  limits: LimitsTable;
  spending: SpendingTable;
  command_outcomes: CommandOutcomesTable;
  external_ids: ExternalIdsTable;
  assets: AssetsTable;
  holds: HoldsTable;
  orders: OrdersTable;
  order_events: OrderEventsTable;
  order_fills: OrderFillsTable;
  transfers: TransfersTable;
  reversals: ReversalsTable;
  statistics: StatisticsTable;
  checkpoint: CheckpointTable;
}
