// Ids and names that identify things: branded strings, checked once where they enter.
import { v5 as uuidv5 } from 'uuid';
import { z } from 'zod';

/** A lower-case UUID that names an account; its stream is `account-{accountId}`. */
export type AccountId = string & z.$brand<'AccountId'>;
/** UUIDv5(namespace = account id, name = idempotency key): one per command, whatever transport carried it. */
export type CommandId = string & z.$brand<'CommandId'>;
/** An asset's code, e.g. `USD` or `BTC`; its stream is `asset-{code}`. */
export type AssetCode = string & z.$brand<'AssetCode'>;

/** A hold: money set aside in one account. */
export type HoldId = string & z.$brand<'HoldId'>;
/** An order, and the hold behind it. */
export type OrderId = string & z.$brand<'OrderId'>;
/** A transfer, in the streams of both its accounts. */
export type TransferId = string & z.$brand<'TransferId'>;

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** Any UUID of RFC 9562, in lower case after parsing. */
export const Uuid = z.uuid().toLowerCase();
export const AccountIdSchema = Uuid.brand<'AccountId'>();
export const CommandIdSchema = Uuid.brand<'CommandId'>();
export const HoldIdSchema = Uuid.brand<'HoldId'>();
export const OrderIdSchema = Uuid.brand<'OrderId'>();
export const TransferIdSchema = Uuid.brand<'TransferId'>();
export const AssetCodeSchema = z
  .string()
  .regex(/^[A-Z][A-Z0-9]{1,15}$/, 'two to sixteen capital letters and digits, a letter first')
  .brand<'AssetCode'>();

/** 1 to 255 printable ASCII characters, as the contract of the Idempotency-Key says. */
export const IdempotencyKeySchema = z.string().regex(/^[\x20-\x7e]{1,255}$/, '1 to 255 printable ASCII characters');

/** Keys that begin so are the ledger's own, for what it does on its own account; the edges refuse them. */
export const INTERNAL_KEY_PREFIX = 'sys:';

const brandAccount = (uuid: string): AccountId => AccountIdSchema.parse(uuid);

/** The id of the command that the key names at that account (or asset scope). Same key and scope: the same id, for ever. */
export function commandIdOf(scope: string, key: string): CommandId {
  return CommandIdSchema.parse(uuidv5(key, scope));
}

/** The scope of keys of commands addressed to an asset: UUIDv5(nil UUID, code). */
export function assetScopeOf(code: AssetCode): AccountId {
  return brandAccount(uuidv5(code, NIL_UUID));
}

/** The account opened without an id of its own: UUIDv5(principal's UUID, key). */
export function openedAccountIdOf(principalUuid: string, key: string): AccountId {
  return brandAccount(uuidv5(key, principalUuid));
}

/** The UUID that stands for a principal: its subject where that is a UUID, else UUIDv5(nil UUID, issuer + " " + subject). */
export function principalUuidOf(issuer: string, subject: string): string {
  const parsed = Uuid.safeParse(subject);
  return parsed.success ? parsed.data : uuidv5(`${issuer} ${subject}`, NIL_UUID);
}
