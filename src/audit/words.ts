// What an event says, in words: for those who read an account's history or statement without knowing the ledger's own names.
import { assertNever } from '../domain/assert-never.ts';
import type { EventType, LedgerEvent } from '../domain/events.ts';

/** The name of an entry on a statement, by the event that made it; undefined for events that move nothing. */
export const ENTRY_NAMES: Readonly<Partial<Record<EventType, string>>> = {
  deposited: 'Deposit',
  withdrawn: 'Withdrawal',
  'coin-updated': 'Coins changed',
  'coin-removed': 'Coins removed',
  'hold-placed': 'Hold placed',
  'hold-captured': 'Hold paid out',
  'hold-released': 'Hold released',
  'hold-expired': 'Hold expired',
  'order-placed': 'Order placed',
  'order-filled': 'Order filled',
  'order-cancelled': 'Order cancelled',
  'order-expired': 'Order expired',
  'transfer-sent': 'Transfer sent',
  'transfer-received': 'Transfer received',
  'transfer-returned': 'Transfer returned',
  'entry-reversed': 'Entry reversed',
};

/** Words of others stand in quotes, so that nobody takes them for the ledger's. */
const quoted = (text: string): string => JSON.stringify(text);
const said = (before: string, text: string | undefined): string => (text === undefined ? '' : `${before}${quoted(text)}`);

interface Payment {
  readonly reference?: string | undefined;
  readonly externalId?: string | undefined;
}
const payment = ({ reference, externalId }: Payment): string => `${said(', reference ', reference)}${said(', external id ', externalId)}`;

interface WrittenLimits {
  readonly asset: string;
  readonly perWithdrawal?: string | undefined;
  readonly perDay?: string | undefined;
}
export const noLimitIn = (asset: string): string => `no limit in ${asset}`;

/** What may leave an account in one asset. */
export function limitsInWords({ asset, perWithdrawal, perDay }: WrittenLimits): string {
  const parts = [
    ...(perWithdrawal === undefined ? [] : [`${perWithdrawal} ${asset} per withdrawal`]),
    ...(perDay === undefined ? [] : [`${perDay} ${asset} per day`]),
  ];
  return parts.length === 0 ? noLimitIn(asset) : parts.join(' and ');
}

/** What happened, as one sentence without its full stop. */
export function inWords(event: LedgerEvent): string {
  switch (event.type) {
    case 'account-opened': {
      const owner = event.ownerId === undefined ? '' : ` for ${event.ownerId}`;
      const limits = event.limits.length === 0 ? '' : `, with limits of ${event.limits.map(limitsInWords).join('; ')}`;
      return `Opened${owner}${said(', label ', event.label)}${said(', external id ', event.externalId)}${limits}`;
    }
    case 'account-frozen':
      return `Frozen${said(': ', event.reason)}`;
    case 'account-unfrozen':
      return `Unfrozen${said(': ', event.reason)}`;
    case 'account-closed':
      return 'Closed for good';
    case 'limits-set':
      return `Limits set: ${limitsInWords(event)}`;
    case 'deposited':
      return `Deposited ${event.amount} ${event.asset}${payment(event)}`;
    case 'withdrawn':
      return `Withdrew ${event.amount} ${event.asset}${payment(event)}`;
    case 'coin-updated':
      return `Changed ${event.asset} by ${event.quantity}`;
    case 'coin-removed':
      return `Took all ${event.asset} out: ${event.quantity}`;
    case 'hold-placed': {
      const until = event.expiresAt === undefined ? '' : ` until ${event.expiresAt}`;
      return `Set ${event.amount} ${event.asset} aside${until} (hold ${event.holdId}, placed by the ${sideInWords[event.placedBy]})${payment(event)}`;
    }
    case 'hold-captured':
      return `Paid ${event.amount} ${event.asset} out of hold ${event.holdId}, ${event.remaining} left in it (by the ${sideInWords[event.capturedBy]})`;
    case 'hold-released':
      return `Released hold ${event.holdId}: ${event.amount} ${event.asset} available again`;
    case 'hold-expired':
      return `Hold ${event.holdId} expired: ${event.amount} ${event.asset} available again`;
    case 'order-placed': {
      const price = event.targetPrice === undefined ? '' : ` at ${event.targetPrice} ${event.tokenOut} per ${event.tokenIn} or better`;
      const until = event.expiresAt === undefined ? '' : ` until ${event.expiresAt}`;
      return `Placed ${event.orderType} order ${event.orderId}: ${event.amountIn} ${event.tokenIn} for ${event.tokenOut}${price}${until}`;
    }
    case 'order-filled': {
      const fee = event.fee === undefined ? '' : `, fee ${event.fee.amount} ${event.fee.asset}`;
      const chain = `${said(', transaction ', event.txHash)}${event.logIndex === undefined ? '' : ` log ${event.logIndex}`}`;
      const order = `order ${event.orderId}, ${event.orderStatus === 'executed' ? 'executed' : 'still pending'}`;
      return `Filled: ${event.amountIn} ${event.tokenIn} for ${event.amountOut} ${event.tokenOut}${fee}${chain} (${order})`;
    }
    case 'fill-repeated':
      return `A fill of order ${event.orderId} was reported again; it counts once (fill ${event.fillId})`;
    case 'order-cancelled':
      return `Cancelled order ${event.orderId}: ${event.amount} ${event.asset} available again`;
    case 'order-expired':
      return `Order ${event.orderId} expired: ${event.amount} ${event.asset} available again`;
    case 'transfer-sent': {
      const why = event.reverses === undefined ? '' : `, to undo entry ${event.reverses}${said(': ', event.reason)}`;
      return `Sent ${event.amount} ${event.asset} to ${event.to}${payment(event)} (transfer ${event.transferId})${why}`;
    }
    case 'transfer-received':
      return `Received ${event.amount} ${event.asset} from ${event.from}${payment(event)} (transfer ${event.transferId})`;
    case 'transfer-refused':
      return `Did not take ${event.amount} ${event.asset} from ${event.from}: ${event.reason} (transfer ${event.transferId})`;
    case 'transfer-completed':
      return `The ${event.amount} ${event.asset} sent to ${event.to} arrived (transfer ${event.transferId})`;
    case 'transfer-returned':
      return `The ${event.amount} ${event.asset} sent to ${event.to} came back: ${event.reason} (transfer ${event.transferId})`;
    case 'entry-reversed':
      return `Reversed entry ${event.reverses} (${event.reversedType}): ${event.amount} ${event.asset}${said(', ', event.reason)}`;
    case 'asset-registered':
      return `Registered ${event.code}, ${event.name}, with ${event.scale} decimals`;
    case 'command-rejected':
      return `Refused to ${event.commandType}: ${event.code}. ${quoted(event.detail)}`;
    case 'annulled':
      return 'Annulled by an operator: written past the ledger, and without effect';
    default:
      return assertNever(event);
  }
}

const sideInWords = { user: 'owner', operator: 'house' } as const;
