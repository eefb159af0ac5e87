// Commands: what may be asked of the ledger. One zod schema each is the shape, the type and the document.
import { z } from 'zod';
import { canonicalDecimal, MAX_MINOR_DIGITS, SIGNED_DECIMAL, UNSIGNED_DECIMAL } from './amounts.ts';
import { AssetSchema } from './assets.ts';
import type { AccountId, AssetCode } from './ids.ts';
import { AccountIdSchema, AssetCodeSchema, assetScopeOf } from './ids.ts';

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
  COMMANDS['freeze-account'],
  COMMANDS['unfreeze-account'],
  COMMANDS['close-account'],
  COMMANDS['set-limits'],
]);
export const RegisterAssetCommand = RegisterAssetBody.extend({ type: z.literal('register-asset') });

export type OpenAccount = z.infer<(typeof COMMANDS)['open-account']>;
export type Deposit = z.infer<(typeof COMMANDS)['deposit']>;
export type Withdraw = z.infer<(typeof COMMANDS)['withdraw']>;
export type UpdateCoin = z.infer<(typeof COMMANDS)['update-coin']>;
export type RemoveCoin = z.infer<(typeof COMMANDS)['remove-coin']>;
export type FreezeAccount = z.infer<(typeof COMMANDS)['freeze-account']>;
export type UnfreezeAccount = z.infer<(typeof COMMANDS)['unfreeze-account']>;
export type CloseAccount = z.infer<(typeof COMMANDS)['close-account']>;
export type SetLimits = z.infer<(typeof COMMANDS)['set-limits']>;
export type RegisterAsset = z.infer<typeof RegisterAssetCommand>;

/** Commands decided against an account's stream. */
export type AccountCommand = z.infer<typeof AccountCommandSchema>;
export type Command = AccountCommand | RegisterAsset;
export type CommandType = Command['type'];

/** The scope of the command's key, and what its id is derived from: the account addressed, or the asset's own scope. */
export const scopeOf = (command: Command): AccountId =>
  command.type === 'register-asset' ? assetScopeOf(command.code) : command.accountId;

/** The assets the command names by code; a coin named by its symbol is resolved apart (codesNamedBy). */
export function assetsNamedIn(command: Command): readonly AssetCode[] {
  return 'asset' in command ? [command.asset] : [];
}

const AMOUNT_FIELDS: ReadonlySet<string> = new Set(['amount', 'quantity', 'perWithdrawal', 'perDay']);

/** The command with every amount in its one spelling: two commands are the same if and only if these are equal as JSON. */
export function canonicalCommand(command: Command): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(command).map(([field, value]) => [
      field,
      AMOUNT_FIELDS.has(field) && typeof value === 'string' ? canonicalDecimal(value) : value,
    ]),
  );
}
