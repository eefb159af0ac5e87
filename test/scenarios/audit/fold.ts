// The auditor's fold of the whole log. It shares nothing with the ledger but what is written in the events, and stops where
// the log itself breaks a promise.
import { z } from 'zod';
import type { LogEvent } from '../log.ts';
import type { Amount } from './decimals.ts';
import { amountFrom, decimalOf, isAtLeast, isSame } from './decimals.ts';
import { makeMoney } from './money.ts';
import type { AccountEvent } from './reading.ts';
import { balancesSaidBy, insist, text, textOrNone } from './reading.ts';
import { makeSetAside } from './set-aside.ts';
import { makeTransfers } from './transfers.ts';

/** What the log says should be in Postgres. Lines of text, so that a difference can be read. */
export interface Books {
  /** A line an event, account and asset: position, account, asset, changes, balances after them, event. */
  readonly journal: readonly string[];
  /** Customers' and the system's. */
  readonly balances: readonly string[];
  /** Account, revision, status. */
  readonly accounts: readonly string[];
  readonly commandIds: readonly string[];
  readonly payments: readonly string[];
  readonly holds: readonly string[];
  readonly orders: readonly string[];
  readonly orderEvents: readonly string[];
  readonly fills: readonly string[];
  readonly transfers: readonly string[];
  readonly reversals: readonly string[];
  readonly lastPosition: bigint;
}

/** What may happen to an account that is not open. Whatever else happens to it is a breach. */
const WHILE_CLOSED = new Set(['command-rejected', 'transfer-refused', 'fill-repeated']);
const WHILE_FROZEN = new Set([
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
const STATUS_AFTER: Readonly<Record<string, string>> = {
  'account-opened': 'open',
  'account-frozen': 'frozen',
  'account-unfrozen': 'open',
  'account-closed': 'closed',
};
const PAYMENTS = new Set(['deposited', 'withdrawn', 'transfer-sent']);

/**
 * Folds the log.
 * @throws at the first event that breaks a promise: a gap, a command twice, a balance below zero or another than the event says,
 * money that moves in a closed account, a hold taken twice, a transfer that arrives and comes back, …
 */
export function foldLog(events: readonly LogEvent[], isAnnulled: (id: string) => boolean): Books {
  const [money, setAside, transfers] = [makeMoney(), makeSetAside(), makeTransfers()];
  const revisions = new Map<string, bigint>();
  const statuses = new Map<string, string>();
  const commandIds = new Set<string>();
  const payments = new Set<string>();

  function checkStatus(event: AccountEvent): void {
    const { type, account } = event;
    const status = statuses.get(account);
    insist((status === undefined) === (type === 'account-opened'), event, `the account is ${status ?? 'not there'}`);
    insist(status !== 'closed' || WHILE_CLOSED.has(type), event, 'the account is closed');
    insist(status !== 'frozen' || WHILE_FROZEN.has(type), event, 'the account is frozen');
    if (type === 'account-closed') {
      const left = money.assetsOf(account).map((asset) => money.balanceOf(account, asset));
      const isEmpty = left.every((balance) => balance?.available.minor === 0n && balance.held.minor === 0n);
      insist(isEmpty && transfers.underWayFrom(account) === 0, event, 'the account is not empty');
    }
    const after = STATUS_AFTER[type];
    if (after !== undefined) statuses.set(account, after);
  }

  /** A refusal for want of money, told with the figures of the moment. */
  function checkRefusal(event: AccountEvent): void {
    const { available, requested, asset } = z.record(z.string(), z.string()).parse(event.data['fields']);
    if (text(event, 'code') !== 'insufficient_funds' || asset === undefined) return;
    const [said, asked] = [amountFrom(available), amountFrom(requested)];
    const there: Amount = money.balanceOf(event.account, asset)?.available ?? { minor: 0n, scale: said.scale };
    insist(isSame(said, there) && !isAtLeast(there, asked), event, `${decimalOf(there)} ${asset} were available`);
  }

  function follow(event: AccountEvent): void {
    checkStatus(event);
    const payment = PAYMENTS.has(event.type) ? textOrNone(event, 'externalId') : '';
    insist(!payments.has(`${event.account} ${payment}`), event, `payment ${payment} is there already`);
    if (payment !== '') payments.add(`${event.account} ${payment}`);
    const left = money.book(event);
    const said = balancesSaidBy(event);
    if (said !== undefined && event.type !== 'fill-repeated')
      insist(left.join(', ') === said.join(', '), event, `it says it leaves ${said.join(', ')}, and leaves ${left.join(', ')}`);
    if (event.type === 'command-rejected') checkRefusal(event);
    setAside.follow(event);
    transfers.follow(event);
    for (const line of left) {
      const asset = line.slice(0, line.indexOf(' '));
      const held = setAside.heldOf(event.account, asset)?.minor ?? 0n;
      insist(
        money.balanceOf(event.account, asset)?.held.minor === held,
        event,
        `its holds and orders hold ${held} of ${asset} (minor units)`,
      );
    }
  }

  for (const event of events) {
    const { stream, revision, id, metadata } = event;
    insist(revision === (revisions.get(stream) ?? -1n) + 1n, event, `follows on revision ${revisions.get(stream)}`);
    revisions.set(stream, revision);
    if (isAnnulled(id)) continue;
    const commandId = z.string().parse(metadata['commandId']);
    insist(!commandIds.has(commandId), event, `a second outcome of command ${commandId}`);
    commandIds.add(commandId);
    if (stream.startsWith('account-')) follow({ ...event, account: stream.slice('account-'.length) });
    else insist(event.type === 'asset-registered' || event.type === 'command-rejected', event, 'no event of an asset');
  }

  checkTransit(money.lines(), transfers.inTransit());
  return {
    journal: money.journal,
    balances: money.lines(),
    accounts: [...statuses].map(([account, status]) => `${account} ${revisions.get(`account-${account}`)} ${status}`),
    commandIds: [...commandIds],
    payments: [...payments],
    holds: setAside.holds(),
    orders: setAside.orders(),
    orderEvents: setAside.orderEvents,
    fills: [...setAside.fills],
    transfers: transfers.transfers(),
    reversals: transfers.reversals(),
    lastPosition: events.at(-1)?.position ?? -1n,
  };
}

/** What stands in @transit is what was sent and has neither arrived nor come back. */
function checkTransit(balances: readonly string[], underWay: ReadonlyMap<string, Amount>): void {
  for (const line of balances.filter((balance) => balance.startsWith('@transit '))) {
    const [, asset = '', available] = line.split(' ');
    const expected = underWay.get(asset);
    if (!isSame(amountFrom(available), expected ?? amountFrom('0')))
      throw new Error(`${line}, and ${expected === undefined ? 'nothing' : decimalOf(expected)} is under way`);
  }
}
