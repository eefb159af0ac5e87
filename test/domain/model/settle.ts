// Settles what a step of a program comes to: which hold, which transfer, how much. It looks at what the ledger has shown
// so far, and decides nothing: whatever it settles on is asked of the ledger and of the oracle alike.

import type { Account } from '../../../src/domain/account.ts';
import { assertNever } from '../../../src/domain/assert-never.ts';
import type { Done } from './ledger-in-memory.ts';
import type { Proceeds, Size, Step } from './programs.ts';
import type { AssetName, Request, RequestBody, RequestOf, ReturnReason, UnitPrice } from './requests.ts';
import { ACCOUNTS, ASSET_NAMES, idText, MOST, NOBODY } from './requests.ts';

interface Thing {
  readonly id: number;
  readonly account: number;
}
type SentTransfer = Thing & {
  readonly to: number;
  readonly asset: AssetName;
  readonly units: bigint;
  state: 'sent' | 'taken' | 'ended' | ReturnReason;
};
/** An order that was never placed: what is asked of it is about these. */
const NO_ORDER = { tokenIn: 'USD', tokenOut: 'BTC', price: undefined } as const;
const REVERSIBLE: readonly string[] = ['deposited', 'withdrawn', 'coin-updated', 'coin-removed', 'transfer-received'];
/** The number of nothing. */
const NEVER = 0xffff;

interface Aim {
  readonly pick: number;
  readonly isStray: boolean;
}
interface Aimed<T> extends Thing {
  readonly thing?: T;
}
type OrderThing = Thing & { readonly tokenIn: AssetName; readonly tokenOut: AssetName; readonly price: UnitPrice | undefined };

export function makeSettler(accountState: (account: number) => Account) {
  const holds: (Thing & { readonly asset: AssetName })[] = [];
  const orders: OrderThing[] = [];
  const fills: RequestOf<'fill-order'>[] = [];
  const transfers: SentTransfer[] = [];
  const events: (Thing & { readonly isReversible: boolean })[] = [];

  /** A thing of those, counted from the newest; none where there are none. */
  const picked = <T>(things: readonly T[], pick: number): T | undefined => things[things.length - 1 - (pick % things.length)];
  /** Every other time one of those that are open. Asked astray, it is another account's, or none that ever was. */
  function aimed<T extends Thing>(things: readonly T[], isOpen: (thing: T) => boolean, { pick, isStray }: Aim): Aimed<T> | undefined {
    const thing = picked(pick % 2 === 0 ? things.filter(isOpen) : things, pick >> 1);
    if (thing === undefined) return isStray ? { account: 0, id: NEVER } : undefined;
    return { account: isStray ? (thing.account + 1) % ACCOUNTS.length : thing.account, id: thing.id, thing };
  }
  /** At least one unit and no more than a balance may have: an amount that could be written down. */
  function unitsOf(size: Size, all: bigint): bigint {
    const units = typeof size === 'bigint' ? size : size === 'all' ? all : all + 1n;
    return units < 1n ? 1n : units > MOST ? MOST : units;
  }
  function availableIn(account: number, asset: AssetName): bigint {
    for (const [code, balance] of accountState(account).balances) if (code === asset) return balance.availableMinor;
    return 0n;
  }
  const leftInHold = ({ account, id }: Thing): bigint => {
    for (const hold of accountState(account).holds.values()) if (hold.holdId === idText(id)) return hold.remaining.minor;
    return 0n;
  };
  const leftInOrder = ({ account, id }: Thing): bigint => {
    for (const order of accountState(account).orders.values())
      if (order.orderId === idText(id)) return order.amountIn.minor - order.filledIn.minor;
    return 0n;
  };
  const aimedHold = (aim: Aim) => aimed(holds, (hold) => leftInHold(hold) > 0n, aim);
  const aimedOrder = (aim: Aim) => aimed(orders, (order) => leftInOrder(order) > 0n, aim);
  function proceedsOf(proceeds: Proceeds, paid: bigint, price: UnitPrice | undefined): bigint {
    if (typeof proceeds === 'bigint') return proceeds;
    const { n, d } = price ?? { n: 1n, d: 0 };
    const least = (paid * n + 10n ** BigInt(d) - 1n) / 10n ** BigInt(d);
    return unitsOf(proceeds === 'least' ? least : least - 1n, 0n);
  }

  function fillOf(step: Extract<Step, { type: 'fill-order' }>): RequestBody | undefined {
    const aim = aimedOrder(step);
    if (aim === undefined) return undefined;
    const { tokenIn, tokenOut, price } = aim.thing ?? NO_ORDER;
    const paid = unitsOf(step.size, aim.thing === undefined ? 0n : leftInOrder(aim.thing));
    const got = proceedsOf(step.proceeds, paid, price);
    const fee = step.fee === undefined ? undefined : { asset: step.isFeeInTokenIn ? tokenIn : tokenOut, units: unitsOf(step.fee, got) };
    return { type: 'fill-order', account: aim.account, order: aim.id, tokenIn, tokenOut, paid, got, fee, ...step.name };
  }
  function fillAgain({ pick, change }: Extract<Step, { type: 'fill-again' }>): RequestBody | undefined {
    const fill = picked(fills, pick);
    if (fill === undefined) return undefined;
    if (change === 'amount') return { ...fill, got: unitsOf(fill.got + 1n, 0n) };
    return change === 'fee' ? { ...fill, fee: fill.fee === undefined ? { asset: fill.tokenOut, units: 1n } : undefined } : fill;
  }
  function managersNext(transfer: SentTransfer): RequestBody | undefined {
    const { id, account, to, asset, units, state } = transfer;
    switch (state) {
      case 'sent':
        return { type: 'receive-transfer', account: to, transfer: id, from: account, asset, units };
      case 'taken':
        return { type: 'complete-transfer', account, transfer: id };
      case 'recipient_frozen':
      case 'recipient_closed':
      case 'recipient_out_of_range':
        return { type: 'return-transfer', account, transfer: id, reason: state };
      case 'ended':
        return undefined;
      default:
        return assertNever(state);
    }
  }

  function settled(step: Step): RequestBody | undefined {
    switch (step.type) {
      case 'open-account':
      case 'remove-coin':
      case 'freeze-account':
      case 'close-account':
        return { type: step.type, account: step.account };
      case 'unfreeze-account': // whoever is frozen comes first, or programs would stand still
        return { type: step.type, account: ACCOUNTS.find((n) => accountState(n).status === 'frozen') ?? step.account };
      case 'set-limits': {
        const { type, account, asset, perWithdrawal, perDay } = step;
        return { type, account, asset, perWithdrawal, perDay };
      }
      case 'deposit':
      case 'withdraw': {
        const { type, account, asset, externalId } = step;
        return { type, account, asset, externalId, units: unitsOf(step.size, availableIn(account, asset)) };
      }
      case 'transfer': {
        const { type, account, towards, asset, externalId } = step;
        const to = towards === NOBODY ? NOBODY : (account + towards) % ACCOUNTS.length;
        return { type, account, to, asset, externalId, units: unitsOf(step.size, availableIn(account, asset)) };
      }
      case 'update-coin': {
        const units = unitsOf(step.size, availableIn(step.account, 'BTC'));
        return { type: step.type, account: step.account, units: step.isNegative ? -units : units };
      }
      case 'place-hold': {
        const { type, account, asset } = step;
        return { type, account, asset, units: unitsOf(step.size, availableIn(account, asset)), expiresMs: after(step.expiresIn) };
      }
      case 'capture-hold': {
        const aim = aimedHold(step);
        const units = step.size === undefined ? undefined : unitsOf(step.size, aim?.thing === undefined ? 0n : leftInHold(aim.thing));
        return aim && { type: step.type, account: aim.account, hold: aim.id, asset: aim.thing?.asset ?? 'USD', units };
      }
      case 'release-hold':
      case 'expire-hold': {
        const aim = aimedHold(step);
        return aim && { type: step.type, account: aim.account, hold: aim.id };
      }
      case 'place-order': {
        const { type, account, price } = step;
        const [tokenIn = NO_ORDER.tokenIn, tokenOut = NO_ORDER.tokenOut] = step.pair;
        return {
          type,
          account,
          tokenIn,
          tokenOut,
          price,
          units: unitsOf(step.size, availableIn(account, tokenIn)),
          expiresMs: after(step.expiresIn),
        };
      }
      case 'fill-order':
        return fillOf(step);
      case 'fill-again':
        return fillAgain(step);
      case 'cancel-order':
      case 'expire-order': {
        const aim = aimedOrder(step);
        return aim && { type: step.type, account: aim.account, order: aim.id };
      }
      case 'reverse': {
        const aim = aimed(events, ({ isReversible }) => isReversible, step);
        return aim && { type: step.type, account: aim.account, entry: aim.id };
      }
      case 'manager': {
        const transfer = picked(
          transfers.filter(({ state }) => state !== 'ended'),
          step.pick,
        );
        return transfer && managersNext(transfer);
      }
      case 'late-manager': {
        const transfer = picked(
          transfers.filter(({ state }) => state === 'ended'),
          step.pick,
        );
        if (transfer === undefined) return undefined;
        const { account, id } = transfer;
        return step.isReturn
          ? { type: 'return-transfer', account, transfer: id, reason: 'recipient_frozen' }
          : { type: 'complete-transfer', account, transfer: id };
      }
      default:
        return assertNever(step);
    }
  }
  let clockMs = Date.UTC(2026, 2, 1, 12);
  const after = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : clockMs + ms);

  return {
    /** What to ask; nothing where there is nothing to do. */
    request(step: Step, id: number): Request | undefined {
      clockMs += step.waitMs;
      const body = settled(step);
      return body && { ...body, id, side: step.side, isShort: step.isShort, clockMs };
    },
    /** The manager's next request, so that in the end every transfer has ended. */
    nextOfManager(id: number): Request | undefined {
      const transfer = transfers.find(({ state }) => state !== 'ended');
      const body = transfer && managersNext(transfer);
      return body && { ...body, id, side: 'operator', isShort: false, clockMs };
    },
    /** Takes note of what came of it. */
    note(asked: Request, done: Done): void {
      const { id, account } = asked;
      if (!('event' in done)) return;
      const { event } = done;
      events.push({ id, account, isReversible: REVERSIBLE.includes(event.type) });
      if (asked.type === 'place-hold') holds.push({ id, account, asset: asked.asset });
      if (asked.type === 'place-order') orders.push({ id, account, tokenIn: asked.tokenIn, tokenOut: asked.tokenOut, price: asked.price });
      if (asked.type === 'fill-order') fills.push(asked);
      if (event.type === 'transfer-sent') {
        const to = ACCOUNTS.find((n) => accountState(n).accountId === event.to) ?? 0;
        const asset = ASSET_NAMES.find((name) => name === event.asset) ?? 'USD';
        transfers.push({ id, account, to, asset, units: BigInt(event.amount.replace('.', '')), state: 'sent' });
      }
      if ('transfer' in asked) {
        const transfer = transfers.find((sent) => sent.id === asked.transfer);
        if (transfer)
          transfer.state = event.type === 'transfer-received' ? 'taken' : event.type === 'transfer-refused' ? event.reason : 'ended';
      }
    },
    /** What was sent and is neither taken by its recipient nor back. */
    inTransit: (asset: AssetName): bigint =>
      transfers.reduce(
        (sum, sent) => (sent.asset === asset && sent.state !== 'taken' && sent.state !== 'ended' ? sum + sent.units : sum),
        0n,
      ),
  };
}
export type Settler = ReturnType<typeof makeSettler>;
