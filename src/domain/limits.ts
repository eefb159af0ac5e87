// Limits on what leaves an account: per command, and per UTC day.
import type { Decimal } from './amounts.ts';
import { formatMinor, parseDecimal } from './amounts.ts';
import { assertNever } from './assert-never.ts';
import type { LedgerEvent } from './events.ts';
import type { AssetCode } from './ids.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';

/** In minor units; absent: no limit. */
export interface Limits {
  readonly perWithdrawalMinor?: bigint;
  readonly perDayMinor?: bigint;
}

/** What has left the account on one UTC day (YYYY-MM-DD), in minor units. Only the newest day counts. */
export interface Spending {
  readonly day: string;
  readonly byAsset: ReadonlyMap<AssetCode, bigint>;
}
export const NOTHING_SPENT: Spending = { day: '', byAsset: new Map() };

interface Spent {
  readonly asset: AssetCode;
  /** Above zero, or zero where all of nothing was removed. */
  readonly amount: Decimal;
}

/** The UTC day of a RFC 3339 UTC time. */
export const dayOf = (time: string): string => time.slice(0, 'YYYY-MM-DD'.length);

export const limitsFrom = (written: { readonly perWithdrawal?: string | undefined; readonly perDay?: string | undefined }): Limits => ({
  ...(written.perWithdrawal === undefined ? {} : { perWithdrawalMinor: parseDecimal(written.perWithdrawal).minor }),
  ...(written.perDay === undefined ? {} : { perDayMinor: parseDecimal(written.perDay).minor }),
});

/**
 * What the event takes out of the account as far as limits count it: withdrawals, outgoing transfers, captures by the
 * owner and negative coin changes. What comes back (a returned transfer, a reversal) is not taken off it again.
 */
export function spendingIn(event: LedgerEvent): Spent | undefined {
  switch (event.type) {
    case 'withdrawn':
      return { asset: event.asset, amount: parseDecimal(event.amount) };
    case 'coin-updated': {
      const { minor, scale } = parseDecimal(event.quantity);
      return minor < 0n ? { asset: event.asset, amount: { minor: -minor, scale } } : undefined;
    }
    case 'coin-removed':
      return { asset: event.asset, amount: parseDecimal(event.quantity) };
    case 'transfer-sent': // money sent back by an operator's reversal is not the owner's spending
      return event.reverses === undefined ? { asset: event.asset, amount: parseDecimal(event.amount) } : undefined;
    case 'hold-captured':
      return event.capturedBy === 'user' ? { asset: event.asset, amount: parseDecimal(event.amount) } : undefined;
    case 'hold-placed':
    case 'hold-released':
    case 'hold-expired':
    case 'order-placed':
    case 'order-filled':
    case 'fill-repeated':
    case 'order-cancelled':
    case 'order-expired':
    case 'transfer-received':
    case 'transfer-refused':
    case 'transfer-completed':
    case 'transfer-returned':
    case 'entry-reversed':
    case 'account-opened':
    case 'account-frozen':
    case 'account-unfrozen':
    case 'account-closed':
    case 'limits-set':
    case 'deposited':
    case 'asset-registered':
    case 'command-rejected':
    case 'annulled':
      return undefined;
    default:
      return assertNever(event);
  }
}

export const spentOn = (spending: Spending, day: string, asset: AssetCode): bigint =>
  spending.day === day ? (spending.byAsset.get(asset) ?? 0n) : 0n;

/** The spending after one more amount at that time. A new day starts from nothing. */
export function spend(spending: Spending, occurredAt: string, { asset, amount }: Spent): Spending {
  const day = dayOf(occurredAt);
  const byAsset = new Map(spending.day === day ? spending.byAsset : []);
  byAsset.set(asset, (byAsset.get(asset) ?? 0n) + amount.minor);
  return { day, byAsset };
}

/** The refusal where an amount is above a limit, per command first; undefined where it is within both. */
export function limitRefusal(
  limits: Limits | undefined,
  spentMinor: bigint,
  amountMinor: bigint,
  asset: { readonly code: AssetCode; readonly scale: number },
): Rejection | undefined {
  const shown = (minor: bigint): string => formatMinor(minor, asset.scale);
  const requested = shown(amountMinor);
  if (limits?.perWithdrawalMinor !== undefined && amountMinor > limits.perWithdrawalMinor) {
    const maximum = shown(limits.perWithdrawalMinor);
    return rejection('limit_exceeded', `${requested} ${asset.code} is above the limit of ${maximum} per withdrawal.`, {
      asset: asset.code,
      limit: 'perWithdrawal',
      maximum,
      requested,
    });
  }
  if (limits?.perDayMinor !== undefined && spentMinor + amountMinor > limits.perDayMinor) {
    const [maximum, spent] = [shown(limits.perDayMinor), shown(spentMinor)];
    return rejection(
      'limit_exceeded',
      `${requested} ${asset.code} is above what is left of the daily limit of ${maximum}; ${spent} is spent.`,
      {
        asset: asset.code,
        limit: 'perDay',
        maximum,
        spent,
        requested,
      },
    );
  }
  return undefined;
}
