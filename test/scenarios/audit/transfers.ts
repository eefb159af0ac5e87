// Transfers over the two streams they live in, and reversals: each step once, in its order, of the very amount that was sent.
import type { Amount } from './decimals.ts';
import { decimalOf, isSame, minus, sum } from './decimals.ts';
import type { AccountEvent } from './reading.ts';
import { amount, insist, text, textOrNone } from './reading.ts';

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly asset: string;
  readonly amount: Amount;
  readonly state: string;
  /** The entry that the money is sent back for; empty for an ordinary transfer. */
  readonly reverses: string;
  /** What the recipient's stream says: the event of the receipt, or why there is none. */
  readonly receipt?: { readonly eventId: string } | { readonly refused: string };
}
interface Entry {
  readonly account: string;
  readonly type: string;
  readonly asset: string;
  /** Signed: what it changed in the account. */
  readonly change: Amount;
  /** The sender, of a received transfer. */
  readonly from: string;
}

/** Entries that can be reversed: the field that says how much, and whether that came in or went out. */
const REVERSIBLE: Readonly<Record<string, readonly [field: string, isIn: boolean]>> = {
  deposited: ['amount', true],
  withdrawn: ['amount', false],
  'coin-updated': ['quantity', true],
  'coin-removed': ['quantity', false],
  'transfer-received': ['amount', true],
};

export function makeTransfers() {
  const transfers = new Map<string, Transfer>();
  const entries = new Map<string, Entry>();
  /** Entries that were ever reversed, and whether they are now. */
  const reversed = new Map<string, boolean>();
  /** How many each account has sent that have not ended. */
  const underWayFrom = new Map<string, number>();

  const countUnderWay = (account: string, change: number): void =>
    void underWayFrom.set(account, (underWayFrom.get(account) ?? 0) + change);

  /** The transfer that the event is a step of, which must fit it. */
  function transferOf(event: AccountEvent, role: 'sender' | 'recipient'): Transfer & { readonly id: string } {
    const id = text(event, 'transferId');
    const transfer = transfers.get(id);
    insist(transfer !== undefined, event, `transfer ${id} was never sent`);
    const [mine, other, named] = role === 'sender' ? [transfer.from, transfer.to, 'to'] : [transfer.to, transfer.from, 'from'];
    insist(mine === event.account && other === text(event, named), event, `transfer ${id} is ${transfer.from}'s to ${transfer.to}`);
    const isFit = text(event, 'asset') === transfer.asset && isSame(amount(event, 'amount'), transfer.amount);
    insist(isFit && transfer.state === 'pending', event, `transfer ${id} is ${transfer.state}, of ${decimalOf(transfer.amount)}`);
    return { ...transfer, id };
  }

  function reverse(event: AccountEvent, isSentBack: boolean): void {
    const entry = entries.get(text(event, 'reverses'));
    const id = text(event, 'reverses');
    insist(entry?.account === event.account && entry.asset === text(event, 'asset'), event, `it has no entry ${id}`);
    insist(reversed.get(id) !== true, event, `entry ${id} is reversed already`);
    const taken = isSentBack ? minus(amount(event, 'amount')) : amount(event, 'amount');
    insist(isSame(taken, minus(entry.change)), event, `entry ${id} changed ${decimalOf(entry.change)}`);
    const isFit = isSentBack ? entry.from === text(event, 'to') : entry.type === text(event, 'reversedType');
    insist(isFit && isSentBack === (entry.type === 'transfer-received'), event, `entry ${id} is a ${entry.type} one`);
    reversed.set(id, true);
  }

  function send(event: AccountEvent): void {
    const { account, id } = event;
    insist(text(event, 'transferId') === id && !transfers.has(id), event, 'it has not the id of its event');
    const [to, asset, reverses] = [text(event, 'to'), text(event, 'asset'), textOrNone(event, 'reverses')];
    insist(to !== account, event, 'it goes where it came from');
    if (reverses !== '') reverse(event, true);
    transfers.set(id, { from: account, to, asset, amount: amount(event, 'amount'), state: 'pending', reverses });
    countUnderWay(account, 1);
  }

  function arrive(event: AccountEvent): void {
    const { id, ...transfer } = transferOf(event, 'recipient');
    insist(transfer.receipt === undefined, event, `transfer ${id} has come here before`);
    const receipt = event.type === 'transfer-received' ? { eventId: event.id } : { refused: text(event, 'reason') };
    transfers.set(id, { ...transfer, receipt });
  }

  function end(event: AccountEvent, state: 'completed' | 'returned'): void {
    const { id, ...transfer } = transferOf(event, 'sender');
    const { receipt, reverses } = transfer;
    if (state === 'completed') insist(receipt !== undefined && 'eventId' in receipt, event, `transfer ${id} was not received`);
    else {
      const refused = receipt !== undefined && 'refused' in receipt ? receipt.refused : undefined;
      insist(refused === text(event, 'reason'), event, `transfer ${id} was not refused so, but: ${refused}`);
      if (reverses !== '') reversed.set(reverses, false);
    }
    transfers.set(id, { ...transfer, state });
    countUnderWay(transfer.from, -1);
  }

  const steps: Readonly<Record<string, (event: AccountEvent) => void>> = {
    'transfer-sent': send,
    'transfer-received': arrive,
    'transfer-refused': arrive,
    'transfer-completed': (event) => end(event, 'completed'),
    'transfer-returned': (event) => end(event, 'returned'),
    'entry-reversed': (event) => reverse(event, false),
  };

  return {
    follow(event: AccountEvent): void {
      steps[event.type]?.(event);
      const reversible = REVERSIBLE[event.type];
      if (reversible === undefined) return;
      const [field, isIn] = reversible;
      const change = isIn ? amount(event, field) : minus(amount(event, field));
      const from = event.type === 'transfer-received' ? text(event, 'from') : '';
      entries.set(event.id, { account: event.account, type: event.type, asset: text(event, 'asset'), change, from });
    },
    /** How many that account has sent that have not ended. */
    underWayFrom: (account: string): number => underWayFrom.get(account) ?? 0,
    /** By asset: what was sent and is neither received nor returned. */
    inTransit(): Map<string, Amount> {
      const byAsset = new Map<string, Amount>();
      for (const { state, receipt, asset, amount: sent } of transfers.values()) {
        if (state !== 'pending' || (receipt !== undefined && 'eventId' in receipt)) continue;
        const before = byAsset.get(asset);
        byAsset.set(asset, before === undefined ? sent : sum(before, sent));
      }
      return byAsset;
    },
    transfers: (): string[] =>
      [...transfers].map(([id, { from, to, asset, amount: sent, state, reverses, receipt }]) => {
        const received = receipt !== undefined && 'eventId' in receipt ? receipt.eventId : '-';
        const reason = state === 'returned' && receipt !== undefined && 'refused' in receipt ? receipt.refused : '-';
        return [id, from, to, asset, decimalOf(sent), state, reason, reverses === '' ? '-' : reverses, received].join(' ');
      }),
    reversals: (): string[] => [...reversed].map(([id, isReversed]) => `${id} ${entries.get(id)?.account} ${isReversed}`),
  };
}
