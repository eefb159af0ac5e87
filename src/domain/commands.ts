// Commands: what may be asked of the ledger. One zod schema each is the shape, the type and the document.
import { z } from 'zod';
import { canonicalDecimal, MAX_MINOR_DIGITS, SIGNED_DECIMAL, UNSIGNED_DECIMAL } from './amounts.ts';
import { AssetSchema } from './assets.ts';
import { OrderTypeSchema, ReturnReasonSchema } from './events.ts';
import type { AccountId, AssetCode } from './ids.ts';
import { AccountIdSchema, AssetCodeSchema, assetScopeOf, HoldIdSchema, OrderIdSchema, TransferIdSchema, Uuid } from './ids.ts';

const isZero = (text: string): boolean => !/[1-9]/.test(text);
/** Longer texts are refused before they are looked at: 60 digits, a sign, a dot and 18 decimals always fit. */
const MAX_AMOUNT_TEXT = MAX_MINOR_DIGITS + 20;

/** An amount: a decimal string above zero. Whether it fits its asset's scale is decided where the asset is known. */
export const AmountSchema = z
  .string()
  .max(MAX_AMOUNT_TEXT)
  .regex(UNSIGNED_DECIMAL, 'a decimal string such as "90.00"')
  .refine((text) => !isZero(text), 'greater than zero')
  .meta({ amount: true, examples: ['90.00'] });

/** A signed quantity of a coin; not zero. */
export const QuantitySchema = z
  .string()
  .max(MAX_AMOUNT_TEXT)
  .regex(SIGNED_DECIMAL, 'a decimal string such as "-0.5"')
  .refine((text) => !isZero(text), 'not zero')
  .meta({ amount: true, examples: ['-0.5'] });

/** A price: how much tokenOut one tokenIn is worth. It has no asset, so no scale: every digit counts. */
export const PriceSchema = AmountSchema.meta({ amount: false, examples: ['0.000025'] });

/** RFC 3339 in UTC. The year 0 is left out: not every calendar has it, and Postgres could not keep it. */
export const TimestampSchema = z.iso
  .datetime({ precision: null })
  .refine((text) => !text.startsWith('0000'), 'from the year 1 on')
  .meta({ examples: ['2026-01-31T12:00:00Z'] });
const MAX_METADATA_JSON = 4096;
/** Control characters and halves of surrogate pairs have no place in books, and not every store can keep them. */
const isPlainText = (text: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(text);
const textUpTo = (longest: number) => z.string().min(1).max(longest).refine(isPlainText, 'no control characters');
const Text = textUpTo(255);
/** A payment's own id, unique per account. */
const ExternalId = Text;
const Reason = textUpTo(500);
/** Whether every name and text in it can be written as UTF-8: canonical JSON, and so a command's hash, knows no others. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, inner]) => name.isWellFormed() && isWellFormed(inner));
}
const Metadata = z
  .record(z.string().min(1).max(64), z.json())
  .refine(isWellFormed, 'no halves of surrogate pairs')
  .refine((value) => JSON.stringify(value).length <= MAX_METADATA_JSON, `at most ${MAX_METADATA_JSON} characters of JSON`);

export const OpenAccountBody = z.strictObject({
  accountId: AccountIdSchema.optional(),
  ownerId: z.uuid().toLowerCase().optional(),
  externalId: ExternalId.optional(),
  label: Text.optional(),
});
export const MoneyBody = z.strictObject({
  asset: AssetCodeSchema,
  amount: AmountSchema,
  reference: Text.optional(),
  externalId: ExternalId.optional(),
  effectiveAt: TimestampSchema.optional(),
  metadata: Metadata.optional(),
});
export const TransferBody = z.strictObject({
  to: AccountIdSchema,
  asset: AssetCodeSchema,
  amount: AmountSchema,
  reference: Text.optional(),
  externalId: ExternalId.optional(),
  metadata: Metadata.optional(),
});
export const PlaceHoldBody = z.strictObject({
  asset: AssetCodeSchema,
  amount: AmountSchema,
  expiresAt: TimestampSchema.optional(),
  reference: Text.optional(),
});
/** Without an amount: all that is left of the hold. */
export const CaptureBody = z.strictObject({ amount: AmountSchema.optional() });
const OrderFields = z.strictObject({
  tokenIn: AssetCodeSchema,
  tokenOut: AssetCodeSchema,
  amountIn: AmountSchema,
  orderType: OrderTypeSchema,
  targetPrice: PriceSchema.optional(),
  expiresAt: TimestampSchema.optional(),
});
type OrderFields = z.infer<typeof OrderFields>;
/** What a schema of single fields cannot say of an order. */
function checkOrder(check: z.core.ParsePayload<OrderFields>): void {
  const { tokenIn, tokenOut, orderType, targetPrice } = check.value;
  const fault = (field: keyof OrderFields, message: string): void =>
    void check.issues.push({ code: 'custom', message, path: [field], input: check.value });
  if (tokenIn === tokenOut) fault('tokenOut', 'another asset than tokenIn');
  if (orderType === 'LIMIT' && targetPrice === undefined) fault('targetPrice', 'a LIMIT order has a price');
  if (orderType === 'MARKET' && targetPrice !== undefined) fault('targetPrice', 'a MARKET order has no price: none would be looked at');
}
export const PlaceOrderBody = OrderFields.check(checkOrder);
const FillFields = z.strictObject({
  amountIn: AmountSchema,
  amountOut: AmountSchema,
  fee: z.strictObject({ asset: AssetCodeSchema, amount: AmountSchema }).optional(),
  txHash: Text.optional(),
  logIndex: z.int().min(0).optional(),
});
type FillFields = z.infer<typeof FillFields>;
function checkFill(check: z.core.ParsePayload<FillFields>): void {
  const { txHash, logIndex } = check.value;
  if (logIndex === undefined || txHash !== undefined) return;
  check.issues.push({ code: 'custom', message: 'a logIndex belongs to a txHash', path: ['txHash'], input: check.value });
}
export const FillOrderBody = FillFields.check(checkFill);
export const ReverseBody = z.strictObject({ eventId: Uuid, reason: Reason });
export const UpdateCoinBody = z.strictObject({ symbol: z.string().min(2).max(32), quantity: QuantitySchema });
export const ReasonBody = z.strictObject({ reason: Reason });
export const EmptyBody = z.strictObject({});
export const LimitsBody = z.strictObject({
  asset: AssetCodeSchema,
  perWithdrawal: AmountSchema.optional(),
  perDay: AmountSchema.optional(),
});
export const RegisterAssetBody = AssetSchema.omit({ active: true }).extend({ name: textUpTo(100) });

const account = { accountId: AccountIdSchema };
/** Every command by its type, as producers send it: the body's fields and the account addressed. */
export const COMMANDS = {
  'open-account': OpenAccountBody.extend({ type: z.literal('open-account'), ...account }),
  deposit: MoneyBody.extend({ type: z.literal('deposit'), ...account }),
  withdraw: MoneyBody.extend({ type: z.literal('withdraw'), ...account }),
  'update-coin': UpdateCoinBody.extend({ type: z.literal('update-coin'), ...account }),
  'remove-coin': z.strictObject({ type: z.literal('remove-coin'), ...account, symbol: UpdateCoinBody.shape.symbol }),
  transfer: TransferBody.extend({ type: z.literal('transfer'), ...account }),
  'place-hold': PlaceHoldBody.extend({ type: z.literal('place-hold'), ...account }),
  'capture-hold': CaptureBody.extend({ type: z.literal('capture-hold'), ...account, holdId: HoldIdSchema }),
  'release-hold': z.strictObject({ type: z.literal('release-hold'), ...account, holdId: HoldIdSchema }),
  'place-order': OrderFields.extend({ type: z.literal('place-order'), ...account }).check(checkOrder),
  'fill-order': FillFields.extend({ type: z.literal('fill-order'), ...account, orderId: OrderIdSchema }).check(checkFill),
  'cancel-order': z.strictObject({ type: z.literal('cancel-order'), ...account, orderId: OrderIdSchema }),
  reverse: ReverseBody.extend({ type: z.literal('reverse'), ...account }),
  'freeze-account': ReasonBody.extend({ type: z.literal('freeze-account'), ...account }),
  'unfreeze-account': ReasonBody.extend({ type: z.literal('unfreeze-account'), ...account }),
  'close-account': z.strictObject({ type: z.literal('close-account'), ...account }),
  'set-limits': LimitsBody.extend({ type: z.literal('set-limits'), ...account }),
} as const;

export const AccountCommandSchema = z.discriminatedUnion('type', [
  COMMANDS['open-account'],
  COMMANDS.deposit,
  COMMANDS.withdraw,
  COMMANDS['update-coin'],
  COMMANDS['remove-coin'],
  COMMANDS.transfer,
  COMMANDS['place-hold'],
  COMMANDS['capture-hold'],
  COMMANDS['release-hold'],
  COMMANDS['place-order'],
  COMMANDS['fill-order'],
  COMMANDS['cancel-order'],
  COMMANDS.reverse,
  COMMANDS['freeze-account'],
  COMMANDS['unfreeze-account'],
  COMMANDS['close-account'],
  COMMANDS['set-limits'],
]);
/** What the ledger asks of itself: the edges know none of these. They leave an event only where they have an effect. */
export const INTERNAL_COMMANDS = {
  'expire-hold': z.strictObject({ type: z.literal('expire-hold'), ...account, holdId: HoldIdSchema }),
  'expire-order': z.strictObject({ type: z.literal('expire-order'), ...account, orderId: OrderIdSchema }),
  /** To the recipient: the money of a sent transfer, to be taken or refused. */
  'receive-transfer': z.strictObject({
    type: z.literal('receive-transfer'),
    ...account,
    transferId: TransferIdSchema,
    from: AccountIdSchema,
    asset: AssetCodeSchema,
    amount: AmountSchema,
    reference: Text.optional(),
  }),
  /** To the sender, once the recipient's stream says how it ended. */
  'complete-transfer': z.strictObject({ type: z.literal('complete-transfer'), ...account, transferId: TransferIdSchema }),
  'return-transfer': z.strictObject({
    type: z.literal('return-transfer'),
    ...account,
    transferId: TransferIdSchema,
    reason: ReturnReasonSchema,
  }),
} as const;
export const RegisterAssetCommand = RegisterAssetBody.extend({ type: z.literal('register-asset') });

export type OpenAccount = z.infer<(typeof COMMANDS)['open-account']>;
export type Deposit = z.infer<(typeof COMMANDS)['deposit']>;
export type Withdraw = z.infer<(typeof COMMANDS)['withdraw']>;
export type UpdateCoin = z.infer<(typeof COMMANDS)['update-coin']>;
export type RemoveCoin = z.infer<(typeof COMMANDS)['remove-coin']>;
export type Transfer = z.infer<(typeof COMMANDS)['transfer']>;
export type PlaceHold = z.infer<(typeof COMMANDS)['place-hold']>;
export type CaptureHold = z.infer<(typeof COMMANDS)['capture-hold']>;
export type ReleaseHold = z.infer<(typeof COMMANDS)['release-hold']>;
export type PlaceOrder = z.infer<(typeof COMMANDS)['place-order']>;
export type FillOrder = z.infer<(typeof COMMANDS)['fill-order']>;
export type CancelOrder = z.infer<(typeof COMMANDS)['cancel-order']>;
export type Reverse = z.infer<(typeof COMMANDS)['reverse']>;
export type ExpireHold = z.infer<(typeof INTERNAL_COMMANDS)['expire-hold']>;
export type ExpireOrder = z.infer<(typeof INTERNAL_COMMANDS)['expire-order']>;
export type ReceiveTransfer = z.infer<(typeof INTERNAL_COMMANDS)['receive-transfer']>;
export type CompleteTransfer = z.infer<(typeof INTERNAL_COMMANDS)['complete-transfer']>;
export type ReturnTransfer = z.infer<(typeof INTERNAL_COMMANDS)['return-transfer']>;
export type FreezeAccount = z.infer<(typeof COMMANDS)['freeze-account']>;
export type UnfreezeAccount = z.infer<(typeof COMMANDS)['unfreeze-account']>;
export type CloseAccount = z.infer<(typeof COMMANDS)['close-account']>;
export type SetLimits = z.infer<(typeof COMMANDS)['set-limits']>;
export type RegisterAsset = z.infer<typeof RegisterAssetCommand>;

/** Commands that a client may send to an account. */
export type ClientCommand = z.infer<typeof AccountCommandSchema>;
export type InternalCommand = ExpireHold | ExpireOrder | ReceiveTransfer | CompleteTransfer | ReturnTransfer;
/** Commands decided against an account's stream. */
export type AccountCommand = ClientCommand | InternalCommand;
export type Command = AccountCommand | RegisterAsset;
/** The types of commands that clients send. */
export type CommandType = (ClientCommand | RegisterAsset)['type'];

export const isInternal = (command: Command): command is InternalCommand => Object.hasOwn(INTERNAL_COMMANDS, command.type);

/** The scope of the command's key, and what its id is derived from: the account addressed, or the asset's own scope. */
export const scopeOf = (command: Command): AccountId =>
  command.type === 'register-asset' ? assetScopeOf(command.code) : command.accountId;

/** The assets the command names by code; a coin named by its symbol is resolved apart (codesNamedBy). */
export function assetsNamedIn(command: Command): readonly AssetCode[] {
  if ('asset' in command) return [command.asset];
  return command.type === 'place-order' ? [command.tokenIn, command.tokenOut] : [];
}

const AMOUNT_FIELDS: ReadonlySet<string> = new Set([
  'amount',
  'amountIn',
  'amountOut',
  'perDay',
  'perWithdrawal',
  'quantity',
  'targetPrice',
]);

const canonicalFields = (fields: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [
      field,
      AMOUNT_FIELDS.has(field) && typeof value === 'string' ? canonicalDecimal(value) : value,
    ]),
  );

/** The command with every amount in its one spelling: two commands are the same if and only if these are equal as JSON. */
export function canonicalCommand(command: Command): Readonly<Record<string, unknown>> {
  const canonical = canonicalFields(command);
  return command.type === 'fill-order' && command.fee !== undefined ? { ...canonical, fee: canonicalFields(command.fee) } : canonical;
}
