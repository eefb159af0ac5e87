// Limits on what leaves an account: what counts, and whether it was within them.
import { assertNever } from '../../domain/assert-never.ts';
import type { StoredEvent } from '../../domain/events.ts';
import { absolute, amountFrom, decimalOf } from './decimals.ts';
import type { Observed, Tell } from './observation.ts';
import type { Papers } from './papers.ts';

interface Limits {
  readonly perWithdrawal?: string | undefined;
  readonly perDay?: string | undefined;
}

interface Spent {
  readonly asset: string;
  readonly amount: string;
}

/** What leaves the account as far as limits count it. */
function spentBy(event: StoredEvent): Spent | undefined {
  switch (event.type) {
    case 'withdrawn':
      return event;
    case 'coin-updated':
      return event.quantity.startsWith('-') ? { asset: event.asset, amount: event.quantity.slice(1) } : undefined;
    case 'coin-removed':
      return { asset: event.asset, amount: event.quantity };
    case 'transfer-sent':
      return event.reverses === undefined ? event : undefined;
    case 'hold-captured':
      return event.capturedBy === 'user' ? event : undefined;
    case 'account-opened':
    case 'account-frozen':
    case 'account-unfrozen':
    case 'account-closed':
    case 'limits-set':
    case 'deposited':
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
    case 'asset-registered':
    case 'command-rejected':
      return undefined;
    default:
      return assertNever(event);
  }
}

/** Sees that what leaves an account is within the limits that were set before, per command and per UTC day. */
export function makeSpendingLimits(papers: Papers, tell: Tell): { follow(observed: Observed): void } {
  const limits = papers.shelf<Limits>();
  const days = papers.shelf<{ readonly day: string; readonly spent: string }>();

  function follow({ at, accountId, event, occurredAt }: Observed): void {
    if (event.type === 'account-opened') for (const { asset, ...set } of event.limits) limits.put(`${accountId} ${asset}`, set);
    if (event.type === 'limits-set')
      limits.put(`${accountId} ${event.asset}`, { perWithdrawal: event.perWithdrawal, perDay: event.perDay });
    const spent = spentBy(event);
    if (spent === undefined) return;
    const key = `${accountId} ${spent.asset}`;
    const amount = amountFrom(spent.amount);
    const day = occurredAt.slice(0, 10);
    const before = days.get(key);
    const today = absolute(amount.minor) + (before?.day === day ? BigInt(before.spent) : 0n);
    days.put(key, { day, spent: `${today}` });
    const { perWithdrawal, perDay } = limits.get(key) ?? {};
    for (const [what, minor, limit] of [
      ['one command', amount.minor, perWithdrawal],
      [day, today, perDay],
    ] as const) {
      if (limit !== undefined && minor > amountFrom(limit).minor)
        tell(at, 'limit_exceeded', `More of ${spent.asset} leaves the account than the limit for ${what} allows.`, {
          expected: `${limit} at most`,
          found: decimalOf(minor, amount.scale),
        });
    }
  }

  return { follow };
}
