// The double entry behind every event. Postings of one event sum to zero per asset; the test that says so runs over every type.
import type { Decimal } from './amounts.ts';
import { parseDecimal } from './amounts.ts';
import { assertNever } from './assert-never.ts';
import type { EntryReversed, LedgerEvent, OrderFilled } from './events.ts';
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
const heldBy = (account: AccountId): Place => ({ account, bucket: 'held' });
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

/** What a fill takes from the hold goes to the venue; what the venue gives goes to the account, less the fee. */
function filled({ tokenIn, tokenOut, amountIn, amountOut, fee }: OrderFilled, accountId: AccountId): readonly Posting[] {
  const out = parseDecimal(amountOut);
  const feeMinor = fee === undefined ? 0n : parseDecimal(fee.amount).minor;
  return [
    ...move(tokenIn, parseDecimal(amountIn), heldBy(accountId), system('@venue')),
    ...move(tokenOut, { minor: out.minor - feeMinor, scale: out.scale }, system('@venue'), available(accountId)),
    ...move(tokenOut, { minor: feeMinor, scale: out.scale }, system('@venue'), system('@fees')),
  ];
}

function otherSideOf(reversedType: EntryReversed['reversedType']): Place {
  switch (reversedType) {
    case 'deposited':
    case 'withdrawn':
      return system('@world');
    case 'coin-updated':
    case 'coin-removed':
      return system('@portfolio');
    default:
      return assertNever(reversedType);
  }
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
    case 'hold-placed':
      return move(event.asset, parseDecimal(event.amount), available(accountId), heldBy(accountId));
    case 'hold-captured':
      return move(event.asset, parseDecimal(event.amount), heldBy(accountId), system('@world'));
    case 'order-placed':
      return move(event.tokenIn, parseDecimal(event.amountIn), available(accountId), heldBy(accountId));
    case 'order-filled':
      return filled(event, accountId);
    case 'hold-released':
    case 'hold-expired':
    case 'order-cancelled':
    case 'order-expired':
      return move(event.asset, parseDecimal(event.amount), heldBy(accountId), available(accountId));
    case 'transfer-sent':
      return move(event.asset, parseDecimal(event.amount), available(accountId), system('@transit'));
    case 'transfer-received':
    case 'transfer-returned':
      return move(event.asset, parseDecimal(event.amount), system('@transit'), available(accountId));
    case 'entry-reversed': // the amount is signed: what it changes in the account
      return move(event.asset, parseDecimal(event.amount), otherSideOf(event.reversedType), available(accountId));
    case 'fill-repeated':
    case 'transfer-refused':
    case 'transfer-completed':
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
