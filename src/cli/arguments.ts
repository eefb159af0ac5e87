// What the arguments of several verbs look like.
import { InvalidArgumentError } from 'commander';
import { TimestampSchema } from '../domain/commands.ts';
import type { AccountId, AssetCode } from '../domain/ids.ts';
import { AccountIdSchema, AssetCodeSchema } from '../domain/ids.ts';

export function accountArgument(text: string): AccountId {
  const parsed = AccountIdSchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError('Give the id of an account, a UUID.');
  return parsed.data;
}

export function assetArgument(text: string): AssetCode {
  const parsed = AssetCodeSchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError('Give the code of an asset, such as USD.');
  return parsed.data;
}

/** A position in the log. */
export function positionArgument(text: string): bigint {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) throw new InvalidArgumentError('Give a position in the log, such as 48211.');
  return BigInt(text);
}

/** RFC 3339 in UTC; a date alone stands for its beginning. */
export function timeArgument(text: string): string {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  if (!TimestampSchema.safeParse(time).success)
    throw new InvalidArgumentError('Give a time in UTC such as 2026-01-31T12:00:00Z, or a date.');
  return time;
}
