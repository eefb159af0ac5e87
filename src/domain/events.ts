// Events: what happened, in the past tense, for ever. Amounts are decimal strings at exactly the asset's scale. Each event
// carries the balances it touched, after it, and what its answer needs, so an answer can be repeated from the event alone.
import { z } from 'zod';
import { AssetSchema } from './assets.ts';
import type { AccountId, AssetCode } from './ids.ts';
import { AccountIdSchema, AssetCodeSchema, CommandIdSchema, IdempotencyKeySchema } from './ids.ts';

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
export type Withdrawn = EventOf<'withdrawn'>;
export type CoinUpdated = EventOf<'coin-updated'>;
export type CoinRemoved = EventOf<'coin-removed'>;
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
  event.type === 'deposited' || event.type === 'withdrawn' ? event.externalId : undefined;

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
