// Specs of the domain: given past events, when a command, then an event or a refusal.
import { expect } from 'vitest';
import { z } from 'zod';
import type { Account } from '../../src/domain/account.ts';
import { balanceAfter, balanceOf, emptyAccount, evolve } from '../../src/domain/account.ts';
import { parseDecimal } from '../../src/domain/amounts.ts';
import { INITIAL_ASSETS } from '../../src/domain/assets.ts';
import type { AccountCommand } from '../../src/domain/commands.ts';
import { AccountCommandSchema, INTERNAL_COMMANDS } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import type { DecisionContext } from '../../src/domain/decision.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { EVENTS } from '../../src/domain/events.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { factsIn, lookupIn, nameOfFact } from '../../src/domain/facts.ts';
import { AccountIdSchema, commandIdOf } from '../../src/domain/ids.ts';
import type { RejectionCode } from '../../src/domain/rejections.ts';
import { isStored } from '../../src/domain/rejections.ts';
import { parseEvent } from '../../src/domain/upcast.ts';

export const ACCOUNT = AccountIdSchema.parse('7c9e6679-7425-40de-944b-e07fc1f90ae7');
/** Another account that exists. */
export const RECIPIENT = AccountIdSchema.parse('5f0c1a9e-3c56-4d0b-8a3e-2f6d1f0a9b11');
export const NOON = '2026-03-01T12:00:00.000Z';
/** The id of the event at that revision, where the event makes nothing that has an id of its own. */
export const eventIdAt = (revision: number): string => `00000000-0000-4000-8000-${revision.toString(16).padStart(12, '0')}`;
export const HOLD = '11111111-0000-4000-8000-000000000001';
export const ORDER = '22222222-0000-4000-8000-000000000001';
export const FILL = '33333333-0000-4000-8000-000000000001';
export const TRANSFER = '44444444-0000-4000-8000-000000000001';

type Data = Readonly<Record<string, unknown>>;
/** An event as the log would hold it; the schema says whether it could. The balances after are not looked at by the fold. */
export function event(type: StoredEvent['type'], data: Data): StoredEvent {
  const touched = 'balances' in EVENTS[type].shape ? { balances: [] } : {};
  const parsed = parseEvent(type, { version: 1, ...touched, ...data });
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.event;
}
const AnyCommand = z.discriminatedUnion('type', [
  AccountCommandSchema,
  INTERNAL_COMMANDS['expire-hold'],
  INTERNAL_COMMANDS['expire-order'],
  INTERNAL_COMMANDS['receive-transfer'],
  INTERNAL_COMMANDS['complete-transfer'],
  INTERNAL_COMMANDS['return-transfer'],
]);
export const command = (type: AccountCommand['type'], body: Data = {}): AccountCommand =>
  AnyCommand.parse({ type, accountId: ACCOUNT, ...body });

export const opened = (data: Data = {}): StoredEvent => event('account-opened', { limits: [], ...data });
export const frozen = (): StoredEvent => event('account-frozen', { reason: 'a court order' });
export const unfrozen = (): StoredEvent => event('account-unfrozen', { reason: 'lifted' });
export const closed = (): StoredEvent => event('account-closed', {});
export const deposited = (money: string, data: Data = {}): StoredEvent => event('deposited', { ...moneyOf(money), ...data });
export const withdrawn = (money: string, data: Data = {}): StoredEvent => event('withdrawn', { ...moneyOf(money), ...data });
export const coinsAdded = (coins: string): StoredEvent => {
  const { asset, amount } = moneyOf(coins);
  return event('coin-updated', { asset, quantity: amount });
};
export const coinsRemoved = (coins: string): StoredEvent => {
  const { asset, amount } = moneyOf(coins);
  return event('coin-removed', { asset, quantity: amount });
};
export const limitsSet = (asset: string, limits: Record<string, string>): StoredEvent => event('limits-set', { asset, ...limits });

/** Placed by the user, unless it says otherwise. */
export const holdPlaced = (money: string, data: Data = {}): StoredEvent =>
  event('hold-placed', { holdId: HOLD, placedBy: 'user', ...moneyOf(money), ...data });
export const holdCaptured = (money: string, remaining: string, data: Data = {}): StoredEvent =>
  event('hold-captured', { holdId: HOLD, capturedBy: 'user', remaining, ...moneyOf(money), ...data });
export const holdReleased = (money: string, data: Data = {}): StoredEvent =>
  event('hold-released', { holdId: HOLD, ...moneyOf(money), ...data });
export const holdExpired = (money: string, data: Data = {}): StoredEvent =>
  event('hold-expired', { holdId: HOLD, ...moneyOf(money), ...data });

/** `orderPlaced('100.00 USD', 'BTC')`: MARKET, unless the data name a targetPrice. */
export function orderPlaced(spent: string, tokenOut: string, data: Data = {}): StoredEvent {
  const { asset: tokenIn, amount: amountIn } = moneyOf(spent);
  const scaleOut = INITIAL_ASSETS.find(({ code }) => code === tokenOut)?.scale ?? 0;
  return event('order-placed', {
    orderId: ORDER,
    orderType: data.targetPrice === undefined ? 'MARKET' : 'LIMIT',
    tokenIn,
    tokenOut,
    amountIn,
    filledIn: zeroLike(amountIn),
    filledOut: scaleOut === 0 ? '0' : `0.${'0'.repeat(scaleOut)}`,
    ...data,
  });
}
/** A first fill that leaves something, unless the data say otherwise. */
export function orderFilled(paid: string, got: string, data: Data = {}): StoredEvent {
  const { asset: tokenIn, amount: amountIn } = moneyOf(paid);
  const { asset: tokenOut, amount: amountOut } = moneyOf(got);
  const sums = { filledIn: amountIn, filledOut: amountOut };
  return event('order-filled', {
    orderId: ORDER,
    fillId: FILL,
    tokenIn,
    tokenOut,
    amountIn,
    amountOut,
    orderStatus: 'pending',
    ...sums,
    ...data,
  });
}
/** `rest` is what was still held; the data say what was filled before, where anything was. */
export const orderCancelled = (rest: string, filled: { filledIn: string; filledOut: string }): StoredEvent =>
  event('order-cancelled', { orderId: ORDER, ...moneyOf(rest), ...filled });

export const transferSent = (money: string, data: Data = {}): StoredEvent =>
  event('transfer-sent', { transferId: TRANSFER, to: RECIPIENT, ...moneyOf(money), ...data });
export const transferCompleted = (money: string, data: Data = {}): StoredEvent =>
  event('transfer-completed', { transferId: TRANSFER, to: RECIPIENT, ...moneyOf(money), ...data });
export const transferReturned = (money: string, data: Data = {}): StoredEvent =>
  event('transfer-returned', { transferId: TRANSFER, to: RECIPIENT, reason: 'recipient_frozen', ...moneyOf(money), ...data });
export const transferReceived = (money: string, data: Data = {}): StoredEvent =>
  event('transfer-received', { transferId: TRANSFER, from: RECIPIENT, ...moneyOf(money), ...data });

export function moneyOf(money: string): { asset: string; amount: string } {
  const [amount = '', asset = ''] = money.split(' ');
  return { asset, amount };
}
const zeroLike = (amount: string): string => amount.replace(/\d/g, '0').replace(/^0+(?=0)/, '');

/** What an event makes has the event's id. */
function eventIdOf(happened: StoredEvent, revision: number): string {
  switch (happened.type) {
    case 'hold-placed':
      return happened.holdId;
    case 'order-placed':
      return happened.orderId;
    case 'order-filled':
      return happened.fillId;
    case 'transfer-sent':
      return happened.transferId;
    default:
      return eventIdAt(revision);
  }
}

export function fold(events: readonly StoredEvent[], occurredAt = NOON): Account {
  return events.reduce<Account>(
    (account, happened) => evolve(account, { event: happened, revision: account.revision + 1n, occurredAt }),
    emptyAccount(ACCOUNT),
  );
}

/** What the events make known, each written by the command with the key `key <revision>`. */
function factsAfter(events: readonly StoredEvent[]): ReadonlyMap<string, Fact> {
  const facts = events.flatMap((happened, index) =>
    factsIn({
      event: happened,
      eventId: eventIdOf(happened, index),
      revision: BigInt(index),
      commandId: commandIdOf(ACCOUNT, `key ${index}`),
      accountId: ACCOUNT,
    }),
  );
  return new Map(facts.map((fact) => [nameOfFact(fact), fact]));
}

/** What is so while the command is decided; unsaid, its owner asks for it at noon, and one other account exists. */
interface Circumstances extends Partial<Pick<DecisionContext, 'side' | 'inheritedLimits'>> {
  readonly at?: string;
}

/** The event must be one that the log could hold, that the fold takes, and whose balances are those it leaves. */
function expectItFits(account: Account, decided: StoredEvent, occurredAt: string): void {
  expect(parseEvent(decided.type, decided)).toMatchObject({ ok: true });
  const after = evolve(account, { event: decided, revision: account.revision + 1n, occurredAt });
  if (decided.type === 'fill-repeated' || !('balances' in decided)) return;
  const shown = decided.balances.map(({ asset, available }) =>
    balanceAfter(asset, balanceOf(after, { code: asset, scale: parseDecimal(available).scale })),
  );
  expect(decided.balances).toEqual(shown);
}

/** `given(opened(), deposited('100.00 USD')).when(command('withdraw', …)).thenEvent({…})`; the event's id is eventIdAt(its revision). */
export function given(...events: readonly StoredEvent[]) {
  const account = fold(events);
  const facts = factsAfter(events);
  return {
    when: (asked: AccountCommand, { at = NOON, ...circumstances }: Circumstances = {}) => {
      const decision = decide(asked, account, {
        asset: (code) => INITIAL_ASSETS.find((asset) => asset.code === code),
        fact: lookupIn(facts),
        accountExists: (accountId) => accountId === ACCOUNT || accountId === RECIPIENT,
        side: 'user',
        eventId: eventIdAt(events.length),
        occurredAt: at,
        inheritedLimits: [],
        ...circumstances,
      });
      return {
        decision,
        thenEvent: (expected: Data) => {
          expect(decision).toMatchObject({ kind: 'accepted', event: expected });
          if (decision.kind === 'accepted') expectItFits(account, decision.event, at);
        },
        thenRejected: (code: RejectionCode, fields: Record<string, string> = {}) =>
          expect(decision).toMatchObject({ kind: 'rejected', rejection: { code, fields } }),
        /** Refused without an event: the same may be asked again. */
        thenNothing: () => {
          expect(decision).toMatchObject({ kind: 'rejected', rejection: { code: 'not_found' } });
          expect(decision.kind === 'rejected' && isStored(decision.rejection)).toBe(false);
        },
      };
    },
  };
}
