// The lives of accounts: opened once, frozen, closed for good; and what may happen to one that is not open.
import type { StoredEvent } from '../../domain/events.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { Observed, Tell } from './observation.ts';
import type { Papers, Shelf } from './papers.ts';

export interface Life {
  readonly status: 'none' | 'open' | 'frozen' | 'closed';
  readonly ownerId: string | null;
  readonly lastOccurredAt: string;
  readonly openedPosition: string;
}

export interface Lives {
  follow(observed: Observed, isEmpty: () => boolean): void;
  statusOf(accountId: AccountId): Life['status'];
  readonly accounts: Shelf<Life>;
}

const WHILE_CLOSED: ReadonlySet<StoredEvent['type']> = new Set(['command-rejected', 'transfer-refused', 'fill-repeated']);
const WHILE_FROZEN: ReadonlySet<StoredEvent['type']> = new Set([
  ...WHILE_CLOSED,
  'account-unfrozen',
  'account-closed',
  'limits-set',
  'hold-released',
  'hold-expired',
  'order-expired',
  'transfer-completed',
  'transfer-returned',
]);

function statusAfter(status: Life['status'], { type }: StoredEvent): Life['status'] {
  if (type === 'account-opened' || type === 'account-unfrozen') return 'open';
  if (type === 'account-frozen') return 'frozen';
  return type === 'account-closed' ? 'closed' : status;
}

/** Refusals that say what the account was. */
const REFUSED_FOR: Readonly<Record<string, Life['status']>> = { account_frozen: 'frozen', account_closed: 'closed' };

export function makeLives(papers: Papers, tell: Tell): Lives {
  const accounts = papers.shelf<Life>();

  function follow({ at, accountId, event, occurredAt }: Observed, isEmpty: () => boolean): void {
    const life = accounts.get(accountId);
    const status = life?.status ?? 'none';
    if ((status === 'none') !== (event.type === 'account-opened'))
      tell(at, 'wrong_status', `A ${event.type} event is of an account that is ${status === 'none' ? 'not opened' : status}.`);
    else if ((status === 'closed' && !WHILE_CLOSED.has(event.type)) || (status === 'frozen' && !WHILE_FROZEN.has(event.type)))
      tell(at, 'wrong_status', `A ${event.type} event is of an account that is ${status}.`);
    if (event.type === 'account-closed' && !isEmpty())
      tell(at, 'wrong_status', 'The account is closed with money in it, or under way from it.');
    const refusedFor = event.type === 'command-rejected' ? REFUSED_FOR[event.code] : undefined;
    if (refusedFor !== undefined && refusedFor !== status)
      tell(at, 'wrong_refusal', 'It is refused for what the account was not.', { expected: status, found: refusedFor });
    if (life !== undefined && occurredAt < life.lastOccurredAt)
      tell(at, 'time_went_back', 'It occurred before the event it follows on.', {
        expected: `${life.lastOccurredAt} or later`,
        found: occurredAt,
      });
    accounts.put(accountId, {
      status: statusAfter(status, event),
      ownerId: event.type === 'account-opened' ? (event.ownerId ?? null) : (life?.ownerId ?? null),
      lastOccurredAt: life !== undefined && life.lastOccurredAt > occurredAt ? life.lastOccurredAt : occurredAt,
      openedPosition: life?.openedPosition ?? `${at.position}`,
    });
  }

  return { follow, statusOf: (accountId) => accounts.get(accountId)?.status ?? 'none', accounts };
}
