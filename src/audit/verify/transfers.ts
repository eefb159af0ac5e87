// Transfers over the streams of both their accounts: sent, then taken or refused, then completed or returned; and no money is at two
// places, or at none.
import type { StoredEvent } from '../../domain/events.ts';
import type { AccountId } from '../../domain/ids.ts';
import { amountFrom } from './decimals.ts';
import type { Observed, Tell } from './observation.ts';
import type { Papers, Shelf } from './papers.ts';

/** A transfer, with what it is at the end of what was read. */
export interface Transfer {
  readonly from: AccountId;
  readonly to: AccountId;
  readonly asset: string;
  readonly amount: string;
  readonly state: 'pending' | 'completed' | 'returned';
  /** Of the event in the recipient's stream that took it. */
  readonly receivedEventId: string | null;
  /** Why the recipient refused it. */
  readonly refusedFor: string | null;
  readonly reverses: string | null;
  /** Of the last event of the transfer, in either stream. */
  readonly position: string;
}

type TransferEvent = Extract<StoredEvent, { readonly transferId: unknown }>;

export interface Transfers {
  follow(observed: Observed, exists: (accountId: AccountId) => boolean): void;
  underWayFrom(accountId: AccountId): number;
  readonly all: Shelf<Transfer>;
  /** What was sent and has neither been taken nor come back, in minor units by asset. */
  inTransit(): ReadonlyMap<string, bigint>;
}

export function makeTransfers(papers: Papers, tell: Tell): Transfers {
  const all = papers.shelf<Transfer>();
  const underWay = papers.shelf<{ readonly count: number }>();
  const count = (accountId: AccountId): number => underWay.get(accountId)?.count ?? 0;

  function send(
    { at, accountId, event }: Observed<Extract<StoredEvent, { type: 'transfer-sent' }>>,
    exists: (id: AccountId) => boolean,
  ): void {
    const { transferId, to, asset, amount, reverses = null } = event;
    const none = { state: 'pending', receivedEventId: null, refusedFor: null } as const;
    const transfer: Transfer = { from: accountId, to, asset, amount, ...none, reverses, position: `${at.position}` };
    if (all.add(transferId, transfer) !== undefined) tell(at, 'transfer', `Transfer ${transferId} is sent again.`);
    if (transferId !== at.eventId)
      tell(at, 'transfer', 'The transfer has not the id of the event that sends it.', { expected: at.eventId, found: transferId });
    if (to === accountId || !exists(to))
      tell(at, 'transfer', `It is sent to ${to === accountId ? 'its own account' : `account ${to}, which was never opened`}.`);
    underWay.put(accountId, { count: count(accountId) + 1 });
  }

  /** What is wrong with the event, by what the transfer is; undefined where nothing. */
  function faultOf(
    event: Exclude<TransferEvent, { type: 'transfer-sent' }>,
    { state, receivedEventId, refusedFor, reverses }: Transfer,
  ): string | undefined {
    const place = receivedEventId !== null ? 'taken' : refusedFor !== null ? `refused for ${refusedFor}` : 'neither taken nor refused';
    if (state !== 'pending') return `it is ${state} already`;
    if (event.type === 'transfer-received' || event.type === 'transfer-refused')
      return receivedEventId === null && refusedFor === null ? undefined : `it was ${place} before`;
    if (event.type === 'transfer-completed') return receivedEventId === null ? `it was ${place}` : undefined;
    if (receivedEventId !== null || refusedFor !== event.reason) return `it was ${place}`;
    return (event.reverses ?? null) === reverses ? undefined : `it was sent to reverse ${reverses ?? 'nothing'}`;
  }

  function step({ at, accountId, event }: Observed<Exclude<TransferEvent, { type: 'transfer-sent' }>>): void {
    const { transferId, asset, amount } = event;
    const transfer = all.get(transferId);
    const [from, to] = 'from' in event ? [event.from, accountId] : [accountId, event.to];
    if (transfer === undefined) {
      tell(at, 'transfer', `Transfer ${transferId} was never sent.`);
      return;
    }
    const said = `${amount} ${asset} from ${from} to ${to}`;
    const was = `${transfer.amount} ${transfer.asset} from ${transfer.from} to ${transfer.to}`;
    if (said !== was) tell(at, 'transfer', `It is about another transfer than ${transferId} is.`, { expected: was, found: said });
    const fault = faultOf(event, transfer);
    if (fault !== undefined) tell(at, 'transfer', `A ${event.type} event is of transfer ${transferId}, and ${fault}.`);
    const isEnd = event.type === 'transfer-completed' || event.type === 'transfer-returned';
    if (isEnd && transfer.state === 'pending') underWay.put(transfer.from, { count: count(transfer.from) - 1 });
    all.put(transferId, {
      ...transfer,
      state: event.type === 'transfer-completed' ? 'completed' : event.type === 'transfer-returned' ? 'returned' : transfer.state,
      receivedEventId: event.type === 'transfer-received' ? at.eventId : transfer.receivedEventId,
      refusedFor: event.type === 'transfer-refused' ? event.reason : transfer.refusedFor,
      position: `${at.position}`,
    });
  }

  return {
    follow: (observed, exists) => {
      const { event } = observed;
      if (event.type === 'transfer-sent') send({ ...observed, event }, exists);
      else if ('transferId' in event) step({ ...observed, event });
    },
    underWayFrom: count,
    all,
    inTransit: () => {
      const sums = new Map<string, bigint>();
      for (const [, { asset, amount, state, receivedEventId }] of all.entries())
        if (state === 'pending' && receivedEventId === null) sums.set(asset, (sums.get(asset) ?? 0n) + amountFrom(amount).minor);
      return sums;
    },
  };
}
