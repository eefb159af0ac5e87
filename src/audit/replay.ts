// One account, event by event, as its stream tells it: the fold that every balance is.
import type { Account } from '../domain/account.ts';
import { balanceAfter, emptyAccount, evolve } from '../domain/account.ts';
import { formatMinor } from '../domain/amounts.ts';
import type { RecordedEvent } from '../domain/events.ts';
import { accountStream } from '../domain/events.ts';
import type { AccountId } from '../domain/ids.ts';
import { filledOf, heldMinorOf } from '../domain/open-orders.ts';
import { canonicalTime } from '../domain/time.ts';
import type { EventStore } from '../eventstore/client.ts';
import { folded } from '../projections/errors.ts';

/** An event, and the account before it and after it. */
export interface Step {
  readonly recorded: RecordedEvent;
  readonly before: Account;
  readonly after: Account;
}

/** Where to stop: behind a position in the log, or behind what had happened at a time (RFC 3339). Both are included. */
export type ReplayEnd = { readonly position: bigint } | { readonly time: string };

const isBeyond = ({ position, metadata, event }: RecordedEvent, end: ReplayEnd): boolean => {
  if ('position' in end) return position > end.position;
  // An annulled event has no time of its own. An account's times never go back, so the next one decides.
  return event.type !== 'annulled' && canonicalTime(metadata.occurredAt) > canonicalTime(end.time);
};

/**
 * The account's events, oldest first, each with what it makes of the account. Memory does not grow with their number. No event: no such account.
 * @throws UnreadableEvent or UnappliableEvent at the first event that cannot be read or cannot follow, after everything before it; StoreUnavailable
 */
export async function* replayAccount(
  { streams, annulments }: Pick<EventStore, 'streams' | 'annulments'>,
  accountId: AccountId,
  end?: ReplayEnd,
): AsyncGenerator<Step, void, undefined> {
  await annulments.load();
  let account = emptyAccount(accountId);
  for await (const recorded of streams.read(accountStream(accountId), 0n)) {
    if (end !== undefined && isBeyond(recorded, end)) return;
    const { event, revision, metadata } = recorded;
    const before = account;
    const occurredAt = event.type === 'annulled' ? {} : { occurredAt: metadata.occurredAt };
    account = folded(recorded, () => evolve(before, { event, revision, ...occurredAt }));
    yield { recorded, before, after: account };
  }
}

/** What is open is kept without an order; ids that the ledger makes rise with time. */
const by =
  <Name extends string>(id: Name) =>
  (one: Readonly<Record<Name, string>>, other: Readonly<Record<Name, string>>): number =>
    one[id] < other[id] ? -1 : 1;

/** What an account has and what is open in it, amounts as decimal strings: plain values, for printing. */
export function stateOf({ status, balances, holds, orders, transfers }: Account) {
  return {
    status,
    balances: [...balances].map(([asset, balance]) => ({
      ...balanceAfter(asset, balance),
      total: formatMinor(balance.availableMinor + balance.heldMinor, balance.scale),
    })),
    holds: [...holds.values()]
      .sort(by('holdId'))
      .map(({ remaining, ...hold }) => ({ ...hold, remaining: formatMinor(remaining.minor, remaining.scale) })),
    orders: [...orders.values()].sort(by('orderId')).map(({ amountIn, filledIn, filledOut, ...order }) => ({
      ...order,
      amountIn: formatMinor(amountIn.minor, amountIn.scale),
      ...filledOf({ filledIn, filledOut }),
      held: formatMinor(heldMinorOf({ ...order, amountIn, filledIn, filledOut }), amountIn.scale),
    })),
    transfers: [...transfers.values()]
      .sort(by('transferId'))
      .map(({ amount, ...transfer }) => ({ ...transfer, amount: formatMinor(amount.minor, amount.scale) })),
  };
}
