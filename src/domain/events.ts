// Events: what happened, in the past tense, for ever. Amounts are decimal strings at exactly the asset's scale. Each event
// carries the balances it touched, after it, and what its answer needs, so an answer can be repeated from the event alone.
import { z } from 'zod';
import { AssetSchema } from './assets.ts';
import type { AccountId, AssetCode } from './ids.ts';
import {
  AccountIdSchema,
  AssetCodeSchema,
  CommandIdSchema,
  HoldIdSchema,
  IdempotencyKeySchema,
  OrderIdSchema,
  TransferIdSchema,
  Uuid,
} from './ids.ts';

const Decimal = z.string().regex(/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/);
const Amount = z.string().regex(/^(0|[1-9][0-9]*)(\.[0-9]+)?$/);
export const BalanceAfterSchema = z.object({ asset: AssetCodeSchema, available: Decimal, held: Decimal });
/** A balance after an event: decimal strings at the asset's scale. */
export type BalanceAfter = Readonly<z.infer<typeof BalanceAfterSchema>>;

const v1 = { version: z.literal(1) };
const touched = { balances: z.array(BalanceAfterSchema) };
const LimitsSchema = z.object({ asset: AssetCodeSchema, perWithdrawal: Amount.optional(), perDay: Amount.optional() });
const moved = {
  ...v1,
  ...touched,
  asset: AssetCodeSchema,
  amount: Amount,
  reference: z.string().optional(),
  externalId: z.string().optional(),
  metadata: z.record(z.string(), z.json()).optional(),
};
const time = z.iso.datetime();

/** Who set money aside, or took it: the account's owner, or an operator for the house. */
export const SideSchema = z.enum(['user', 'operator']);
export type Side = z.infer<typeof SideSchema>;
const held = { ...v1, ...touched, holdId: HoldIdSchema, asset: AssetCodeSchema, amount: Amount };

export const OrderTypeSchema = z.enum(['LIMIT', 'MARKET']);
export type OrderType = z.infer<typeof OrderTypeSchema>;
export const FeeSchema = z.object({ asset: AssetCodeSchema, amount: Amount });
/** What an order has come to: `filledIn` of tokenIn went out for `filledOut` of tokenOut, before fees. */
const filled = { filledIn: Amount, filledOut: Amount };
/** The end of an order that was not filled to the last: `amount` of `asset` (its tokenIn) is available again. */
const orderEnded = { ...v1, ...touched, ...filled, orderId: OrderIdSchema, asset: AssetCodeSchema, amount: Amount };
/** What makes two fills of the same chain event one: txHash and logIndex, the latter absent where the chain has none. */
const fill = {
  orderId: OrderIdSchema,
  amountIn: Amount,
  amountOut: Amount,
  fee: FeeSchema.optional(),
  txHash: z.string().optional(),
  logIndex: z.int().optional(),
};

/** Why a recipient did not take a transfer. */
export const RETURN_REASONS = ['recipient_frozen', 'recipient_closed', 'recipient_out_of_range'] as const;
export const ReturnReasonSchema = z.enum(RETURN_REASONS);
export type ReturnReason = z.infer<typeof ReturnReasonSchema>;
const transferred = { ...v1, transferId: TransferIdSchema, asset: AssetCodeSchema, amount: Amount };

/** The entries that an operator may reverse in place; a received transfer is reversed by a transfer back. */
export const REVERSIBLE_IN_PLACE = ['deposited', 'withdrawn', 'coin-updated', 'coin-removed'] as const;

const rejectedCommand = { ...v1, commandType: z.string(), code: z.string(), detail: z.string(), fields: z.record(z.string(), z.string()) };

/** One schema a type, at its newest version; older versions are brought here by upcast.ts. */
export const EVENTS = {
  'account-opened': z.object({
    ...v1,
    ownerId: z.string().optional(),
    externalId: z.string().optional(),
    label: z.string().optional(),
    limits: z.array(LimitsSchema),
  }),
  'account-frozen': z.object({ ...v1, reason: z.string() }),
  'account-unfrozen': z.object({ ...v1, reason: z.string() }),
  'account-closed': z.object(v1),
  'limits-set': LimitsSchema.extend(v1),
  deposited: z.object(moved),
  withdrawn: z.object(moved),
  'coin-updated': z.object({ ...v1, ...touched, asset: AssetCodeSchema, quantity: Decimal }),
  'coin-removed': z.object({ ...v1, ...touched, asset: AssetCodeSchema, quantity: Amount }),
  'hold-placed': z.object({ ...held, placedBy: SideSchema, expiresAt: time.optional(), reference: z.string().optional() }),
  /** `remaining` is still held; at zero the hold is closed. */
  'hold-captured': z.object({ ...held, remaining: Amount, capturedBy: SideSchema }),
  'hold-released': z.object(held),
  'hold-expired': z.object(held),
  'order-placed': z.object({
    ...v1,
    ...touched,
    ...filled,
    orderId: OrderIdSchema,
    orderType: OrderTypeSchema,
    tokenIn: AssetCodeSchema,
    tokenOut: AssetCodeSchema,
    amountIn: Amount,
    targetPrice: Amount.optional(),
    expiresAt: time.optional(),
  }),
  /** `filledIn` and `filledOut` are the order's, this fill included; `orderStatus` is the one it leaves. */
  'order-filled': z.object({
    ...v1,
    ...touched,
    ...fill,
    ...filled,
    fillId: Uuid,
    tokenIn: AssetCodeSchema,
    tokenOut: AssetCodeSchema,
    orderStatus: z.enum(['pending', 'executed']),
  }),
  /** A fill that was reported again, under another key: no effect but its own outcome, which is the first one's. */
  'fill-repeated': z.object({
    ...v1,
    ...touched,
    orderId: OrderIdSchema,
    fillId: Uuid,
    orderStatus: z.enum(['pending', 'executed']),
    firstRevision: z.string().regex(/^(0|[1-9][0-9]*)$/),
  }),
  'order-cancelled': z.object(orderEnded),
  'order-expired': z.object(orderEnded),
  /** With `reverses`, the entry of a received transfer whose money goes back by this one; then `reason` says why. */
  'transfer-sent': z.object({
    ...moved,
    transferId: TransferIdSchema,
    to: AccountIdSchema,
    reverses: Uuid.optional(),
    reason: z.string().optional(),
  }),
  'transfer-received': z.object({ ...transferred, ...touched, from: AccountIdSchema, reference: z.string().optional() }),
  'transfer-refused': z.object({ ...transferred, from: AccountIdSchema, reason: ReturnReasonSchema }),
  'transfer-completed': z.object({ ...transferred, to: AccountIdSchema }),
  'transfer-returned': z.object({
    ...transferred,
    ...touched,
    to: AccountIdSchema,
    reason: ReturnReasonSchema,
    reverses: Uuid.optional(),
  }),
  /** The entry `reverses`, undone: `amount` is signed, what it changes in the account. */
  'entry-reversed': z.object({
    ...v1,
    ...touched,
    asset: AssetCodeSchema,
    amount: Decimal,
    reverses: Uuid,
    reversedType: z.enum(REVERSIBLE_IN_PLACE),
    reason: z.string(),
  }),
  'asset-registered': AssetSchema.extend(v1),
  'command-rejected': z.object(rejectedCommand),
} as const;

export type EventType = keyof typeof EVENTS;
type EventOf<Type extends EventType> = { readonly type: Type } & Readonly<z.infer<(typeof EVENTS)[Type]>>;
/** An event as it is stored. */
export type StoredEvent = { [Type in EventType]: EventOf<Type> }[EventType];
export type AccountOpened = EventOf<'account-opened'>;
export type LimitsSet = EventOf<'limits-set'>;
export type Deposited = EventOf<'deposited'>;
export type HoldPlaced = EventOf<'hold-placed'>;
export type HoldCaptured = EventOf<'hold-captured'>;
export type HoldReleased = EventOf<'hold-released'>;
export type HoldExpired = EventOf<'hold-expired'>;
export type OrderPlaced = EventOf<'order-placed'>;
export type OrderFilled = EventOf<'order-filled'>;
export type OrderCancelled = EventOf<'order-cancelled'>;
export type OrderExpired = EventOf<'order-expired'>;
export type TransferSent = EventOf<'transfer-sent'>;
export type TransferCompleted = EventOf<'transfer-completed'>;
export type TransferReceived = EventOf<'transfer-received'>;
export type TransferRefused = EventOf<'transfer-refused'>;
export type TransferReturned = EventOf<'transfer-returned'>;
export type EntryReversed = EventOf<'entry-reversed'>;
export type AssetRegistered = EventOf<'asset-registered'>;

/**
 * What stands in the place of an event that an operator has annulled because it could never be applied (it was written
 * past the ledger). Never stored under this type: reading puts it there. It has no effect but its revision.
 */
export interface Annulled {
  readonly type: 'annulled';
}
export type LedgerEvent = StoredEvent | Annulled;

/** The id of the payment that the event books, which counts once per account. An account's own externalId is none. */
export const paymentIdIn = (event: LedgerEvent): string | undefined =>
  event.type === 'deposited' || event.type === 'withdrawn' || event.type === 'transfer-sent' ? event.externalId : undefined;

export const TransportSchema = z.enum(['rest', 'amqp', 'internal']);
/** Who asked for it, when and by which command. `actor` is an opaque id: no name, no address. Times are RFC 3339 UTC. */
export const EventMetadataSchema = z.object({
  key: IdempotencyKeySchema,
  commandId: CommandIdSchema,
  commandHash: z.string().regex(/^[0-9a-f]{64}$/),
  correlationId: z.string(),
  causationId: z.string(),
  traceparent: z.string().optional(),
  actor: z.string(),
  transport: TransportSchema,
  occurredAt: z.iso.datetime(),
  effectiveAt: z.iso.datetime().optional(),
});
export type EventMetadata = Readonly<z.infer<typeof EventMetadataSchema>>;

/** What a stream belongs to: an account, or an asset. */
export type Subject = { readonly kind: 'account'; readonly accountId: AccountId } | { readonly kind: 'asset'; readonly code: AssetCode };

/** The prefixes of the ledger's streams; projections subscribe to exactly these. */
export const STREAM_PREFIXES = ['account-', 'asset-'] as const;

export const accountStream = (accountId: AccountId): string => `account-${accountId}`;
export const assetStream = (code: AssetCode): string => `asset-${code}`;

/** The subject of a stream, or undefined where the name is none the ledger writes. */
export function subjectOf(stream: string): Subject | undefined {
  if (stream.startsWith('account-')) {
    const accountId = AccountIdSchema.safeParse(stream.slice('account-'.length));
    // Only the lower-case spelling is the account's stream: one account, one stream.
    return accountId.success && accountStream(accountId.data) === stream ? { kind: 'account', accountId: accountId.data } : undefined;
  }
  if (!stream.startsWith('asset-')) return undefined;
  const code = AssetCodeSchema.safeParse(stream.slice('asset-'.length));
  return code.success ? { kind: 'asset', code: code.data } : undefined;
}

/** An event in its place in the log. Revisions count from 0 in the stream; positions rise strictly through the log. */
export interface RecordedEvent {
  readonly stream: string;
  readonly subject: Subject;
  readonly revision: bigint;
  readonly position: bigint;
  readonly eventId: string;
  readonly event: LedgerEvent;
  readonly metadata: EventMetadata;
}
