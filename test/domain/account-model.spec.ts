import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Account } from '../../src/domain/account.ts';
import { emptyAccount, evolve } from '../../src/domain/account.ts';
import { INITIAL_ASSETS } from '../../src/domain/assets.ts';
import type { AccountCommand } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import { ACCOUNT, command, HOLD, NOON } from './given.ts';

/** The oracle: plain cents in plain numbers, a page of rules, nothing shared with the ledger. */
interface Oracle {
  status: 'none' | 'open' | 'frozen' | 'closed';
  cents: number;
  satoshi: number;
}

const cents = fc.integer({ min: 1, max: 500 });
const asDollars = (amount: number): string => (amount / 100).toFixed(2);
const asBitcoin = (amount: number): string => (amount / 1e8).toFixed(8);
const steps = fc.oneof(
  fc.constantFrom({ type: 'open-account' as const, amount: 0 }),
  fc.record({ type: fc.constantFrom('deposit' as const, 'withdraw' as const, 'add-coin' as const, 'reduce-coin' as const), amount: cents }),
  fc.constantFrom({ type: 'freeze-account' as const, amount: 0 }, { type: 'unfreeze-account' as const, amount: 0 }),
  fc.constantFrom({ type: 'remove-coin' as const, amount: 0 }, { type: 'close-account' as const, amount: 0 }),
);
interface ModelStep {
  readonly type: (typeof steps extends fc.Arbitrary<infer T extends { type: string }> ? T : never)['type'];
  readonly amount: number;
}

function commandFor({ type, amount }: ModelStep): AccountCommand {
  switch (type) {
    case 'deposit':
    case 'withdraw':
      return command(type, { asset: 'USD', amount: asDollars(amount) });
    case 'add-coin':
      return command('update-coin', { symbol: 'btcusdt', quantity: asBitcoin(amount) });
    case 'reduce-coin':
      return command('update-coin', { symbol: 'BTC', quantity: `-${asBitcoin(amount)}` });
    case 'remove-coin':
      return command(type, { symbol: 'BTC' });
    case 'freeze-account':
    case 'unfreeze-account':
      return command(type, { reason: 'r' });
    default:
      return command(type);
  }
}

/** What the oracle says of a step: 'applied', or the code of the refusal. Changes the oracle where it is applied. */
function judge(oracle: Oracle, { type, amount }: ModelStep): string {
  if (type === 'open-account') return oracle.status === 'none' ? set(oracle, { status: 'open' }) : 'already_exists';
  if (oracle.status === 'closed') return 'account_closed';
  if (type === 'unfreeze-account') return set(oracle, { status: 'open' });
  if (type === 'close-account') return oracle.cents + oracle.satoshi === 0 ? set(oracle, { status: 'closed' }) : 'account_not_empty';
  if (oracle.status === 'frozen') return 'account_frozen';
  if (type === 'freeze-account') return set(oracle, { status: 'frozen' });
  if (type === 'deposit') return set(oracle, { cents: oracle.cents + amount });
  if (type === 'withdraw') return amount <= oracle.cents ? set(oracle, { cents: oracle.cents - amount }) : 'insufficient_funds';
  if (type === 'add-coin') return set(oracle, { satoshi: oracle.satoshi + amount });
  if (type === 'reduce-coin') return amount <= oracle.satoshi ? set(oracle, { satoshi: oracle.satoshi - amount }) : 'insufficient_funds';
  return oracle.satoshi > 0 ? set(oracle, { satoshi: 0 }) : 'not_found';
}
function set(oracle: Oracle, change: Partial<Oracle>): string {
  Object.assign(oracle, change);
  return 'applied';
}

const minorOf = (account: Account, asset: string): bigint =>
  [...account.balances].filter(([code]) => code === asset).reduce((sum, [, balance]) => sum + balance.availableMinor, 0n);

describe('an account', () => {
  it('answers random programs as a small oracle does, and has its balances', () =>
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), (program) => {
        const oracle: Oracle = { status: 'none', cents: 0, satoshi: 0 };
        let account = emptyAccount(ACCOUNT);
        for (const step of [{ type: 'open-account' as const, amount: 0 }, ...program]) {
          const decision = decide(commandFor(step), account, {
            asset: (code) => INITIAL_ASSETS.find((asset) => asset.code === code),
            fact: () => undefined,
            accountExists: () => true,
            side: 'user',
            eventId: HOLD,
            occurredAt: NOON,
            inheritedLimits: [],
          });
          expect(decision.kind === 'accepted' ? 'applied' : decision.rejection.code).toBe(judge(oracle, step));
          if (decision.kind === 'accepted')
            account = evolve(account, { event: decision.event, revision: account.revision + 1n, occurredAt: NOON });
          expect(account.status).toBe(oracle.status);
          expect([minorOf(account, 'USD'), minorOf(account, 'BTC')]).toEqual([BigInt(oracle.cents), BigInt(oracle.satoshi)]);
        }
      }),
      { numRuns: 500 },
    ));
});
