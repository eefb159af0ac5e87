// Transfers: each arrives once or comes back once, and money among the accounts of the bank neither comes nor goes.

import { amountFrom } from '../../scenarios/audit/decimals.ts';
import { movementsOf } from '../../scenarios/audit/money.ts';
import type { LogEvent } from '../../scenarios/log.ts';
import type { History } from '../history.ts';
import { accountOf, placed } from './balances.ts';
import type { Violation } from './violation.ts';
import { violation } from './violation.ts';

interface Sent {
  readonly from: string;
  readonly to: string;
  readonly amount: string;
  /** Until the money has arrived or come back. */
  isInTransit: boolean;
  isEnded: boolean;
}

const MONEY = 'USD';

export function checkTransfers({ bank }: History, log: readonly LogEvent[]): readonly Violation[] {
  const transfers = new Map<string, Sent>();
  const violations: Violation[] = [];
  const inBank = new Set(bank);
  /** In minor units: what came in from outside, what the accounts have, what was sent and has neither arrived nor come back. */
  let cameIn = 0n;
  let there = 0n;
  let inTransit = 0n;

  function book(event: LogEvent): void {
    const account = accountOf(event);
    if (!inBank.has(account)) return;
    for (const { asset, amount, from, to } of movementsOf({ ...event, account })) {
      if (asset !== MONEY) continue;
      const isOurs = (place: string): boolean => place === 'available' || place === 'held';
      const change = (isOurs(to) ? amount.minor : 0n) - (isOurs(from) ? amount.minor : 0n);
      there += change;
      if (event.type === 'deposited') cameIn += change;
    }
  }

  for (const event of log) {
    if (!event.stream.startsWith('account-')) continue;
    const before = there + inTransit - cameIn;
    follow(event);
    book(event);
    const now = there + inTransit - cameIn;
    if (now !== before) violations.push(violation('bank-sum-changed', `${placed(event)} by ${now - before} minor units`));
  }
  for (const [id, { isEnded, isInTransit }] of transfers)
    if (isInTransit || !isEnded) violations.push(violation('transfer-unfinished', id));
  return violations;

  function follow(event: LogEvent): void {
    const { type, data } = event;
    const id = String(data['transferId']);
    if (type === 'transfer-sent') {
      transfers.set(id, {
        from: accountOf(event),
        to: String(data['to']),
        amount: String(data['amount']),
        isInTransit: true,
        isEnded: false,
      });
      if (inBank.has(accountOf(event))) inTransit += amountFrom(data['amount']).minor;
      return;
    }
    if (!type.startsWith('transfer-')) return;
    const sent = transfers.get(id);
    const atRecipient = type === 'transfer-received' || type === 'transfer-refused';
    const isExpected =
      sent !== undefined &&
      (atRecipient ? sent.to : sent.from) === accountOf(event) &&
      amountFrom(sent.amount).minor === amountFrom(data['amount']).minor &&
      (type === 'transfer-completed' ? !sent.isInTransit && !sent.isEnded : sent.isInTransit);
    if (!isExpected) violations.push(violation('transfer-broken', `${placed(event)} of transfer ${id}`));
    if (sent === undefined) return;
    if (type === 'transfer-received' || type === 'transfer-returned') {
      if (sent.isInTransit && inBank.has(sent.from)) inTransit -= amountFrom(sent.amount).minor;
      sent.isInTransit = false;
    }
    if (type === 'transfer-completed' || type === 'transfer-returned') sent.isEnded = true;
  }
}
