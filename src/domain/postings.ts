// The double entry behind every event. Postings of one event sum to zero per asset; the test that says so runs over every type.
import type { Decimal } from './amounts.ts';
import { parseDecimal } from './amounts.ts';
import { assertNever } from './assert-never.ts';
import type { LedgerEvent } from './events.ts';
import type { AccountId, AssetCode } from './ids.ts';

/** The other side of customer value. Their balances may be negative: @world is minus what it has paid in. */
export const SYSTEM_ACCOUNTS = ['@world', '@portfolio', '@venue', '@fees', '@transit'] as const;
export type SystemAccount = (typeof SYSTEM_ACCOUNTS)[number];
/** Held value is not available, and not lost. System accounts have only the first. */
export type Bucket = 'available' | 'held';

interface Place {
  readonly account: AccountId | SystemAccount;
  readonly bucket: Bucket;
}

/** One line of the journal: `amountMinor` (signed, minor units of 10^-scale) into a bucket of an account. */
export interface Posting extends Place {
  readonly asset: AssetCode;
  readonly amountMinor: bigint;
  readonly scale: number;
}

const available = (account: AccountId): Place => ({ account, bucket: 'available' });
const system = (account: SystemAccount): Place => ({ account, bucket: 'available' });

function move(asset: AssetCode, amount: Decimal, from: Place, to: Place): readonly Posting[] {
  const line = { asset, scale: amount.scale };
  return amount.minor === 0n
    ? []
    : [
        { ...from, ...line, amountMinor: -amount.minor },
        { ...to, ...line, amountMinor: amount.minor },
      ];
}

/** The postings of an event of that account. Pure, and the only place where value is given its two sides. */
export function postingsOf(event: LedgerEvent, accountId: AccountId): readonly Posting[] {
  switch (event.type) {
    case 'deposited':
      return move(event.asset, parseDecimal(event.amount), system('@world'), available(accountId));
    case 'withdrawn':
      return move(event.asset, parseDecimal(event.amount), available(accountId), system('@world'));
    case 'coin-updated': // a negative quantity moves the other way by itself
      return move(event.asset, parseDecimal(event.quantity), system('@portfolio'), available(accountId));
    case 'coin-removed':
      return move(event.asset, parseDecimal(event.quantity), available(accountId), system('@portfolio'));
    case 'account-opened':
    case 'account-frozen':
    case 'account-unfrozen':
    case 'account-closed':
    case 'limits-set':
    case 'asset-registered':
    case 'command-rejected':
    case 'annulled':
      return [];
    default:
      return assertNever(event);
  }
}
