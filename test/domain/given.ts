// Specs of the domain: given past events, when a command, then an event or a refusal.
import { expect } from 'vitest';
import type { Account } from '../../src/domain/account.ts';
import { emptyAccount, evolve } from '../../src/domain/account.ts';
import { INITIAL_ASSETS } from '../../src/domain/assets.ts';
import type { AccountCommand } from '../../src/domain/commands.ts';
import { AccountCommandSchema } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import type { DecisionContext } from '../../src/domain/decision.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { AccountIdSchema } from '../../src/domain/ids.ts';
import type { RejectionCode } from '../../src/domain/rejections.ts';
import { parseEvent } from '../../src/domain/upcast.ts';

export const ACCOUNT = AccountIdSchema.parse('7c9e6679-7425-40de-944b-e07fc1f90ae7');
export const NOON = '2026-03-01T12:00:00.000Z';

/** An event as the log would hold it; the schema says whether it could. */
export function event(type: StoredEvent['type'], data: Record<string, unknown>): StoredEvent {
  const parsed = parseEvent(type, { version: 1, ...data });
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.event;
}
export const command = (type: AccountCommand['type'], body: Record<string, unknown> = {}): AccountCommand =>
  AccountCommandSchema.parse({ type, accountId: ACCOUNT, ...body });

export const opened = (data: Record<string, unknown> = {}): StoredEvent => event('account-opened', { limits: [], ...data });
export const frozen = (): StoredEvent => event('account-frozen', { reason: 'a court order' });
export const closed = (): StoredEvent => event('account-closed', {});
/** `deposited('100.00 USD')`: the balances after are not looked at by the fold. */
export const deposited = (money: string): StoredEvent => event('deposited', { ...moneyOf(money), balances: [] });
export const withdrawn = (money: string): StoredEvent => event('withdrawn', { ...moneyOf(money), balances: [] });
export const coinsAdded = (coins: string): StoredEvent => {
  const { asset, amount } = moneyOf(coins);
  return event('coin-updated', { asset, quantity: amount, balances: [] });
};
export const limitsSet = (asset: string, limits: Record<string, string>): StoredEvent => event('limits-set', { asset, ...limits });

export function moneyOf(money: string): { asset: string; amount: string } {
  const [amount = '', asset = ''] = money.split(' ');
  return { asset, amount };
}

export function fold(events: readonly StoredEvent[], occurredAt = NOON): Account {
  return events.reduce<Account>(
    (account, happened) => evolve(account, { event: happened, revision: account.revision + 1n, occurredAt }),
    emptyAccount(ACCOUNT),
  );
}

const contextAt = (now: string, overrides: Partial<DecisionContext>): DecisionContext => ({
  asset: (code) => INITIAL_ASSETS.find((asset) => asset.code === code),
  isExternalIdUsed: () => false,
  occurredAt: now,
  inheritedLimits: [],
  ...overrides,
});

/** `given(opened(), deposited('100.00 USD')).when(command('withdraw', …)).thenEvent({…}).` */
export function given(...events: readonly StoredEvent[]) {
  const account = fold(events);
  return {
    when: (asked: AccountCommand, overrides: Partial<DecisionContext> & { at?: string } = {}) => {
      const decision = decide(asked, account, contextAt(overrides.at ?? NOON, overrides));
      return {
        thenEvent: (expected: Record<string, unknown>) => expect(decision).toMatchObject({ kind: 'accepted', event: expected }),
        thenRejected: (code: RejectionCode, fields: Record<string, string> = {}) =>
          expect(decision).toMatchObject({ kind: 'rejected', rejection: { code, fields } }),
      };
    },
  };
}
