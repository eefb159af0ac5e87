import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMinor, MAX_MINOR } from '../../src/domain/amounts.ts';
import { INITIAL_ASSETS } from '../../src/domain/assets.ts';
import type { EventType, StoredEvent } from '../../src/domain/events.ts';
import { EVENTS } from '../../src/domain/events.ts';
import { postingsOf } from '../../src/domain/postings.ts';
import { ACCOUNT, event } from './given.ts';

const anyAsset = fc.constantFrom(...INITIAL_ASSETS);
const amountOf = (min: bigint) =>
  fc
    .tuple(anyAsset, fc.bigInt({ min, max: MAX_MINOR }))
    .map(([asset, minor]) => ({ asset: asset.code, text: formatMinor(minor, asset.scale) }));

/** One arbitrary per event type: a type without one does not compile. */
const arbitraries: { readonly [Type in EventType]: fc.Arbitrary<StoredEvent> } = {
  'account-opened': fc.constant(event('account-opened', { limits: [] })),
  'account-frozen': fc.constant(event('account-frozen', { reason: 'r' })),
  'account-unfrozen': fc.constant(event('account-unfrozen', { reason: 'r' })),
  'account-closed': fc.constant(event('account-closed', {})),
  'limits-set': fc.constant(event('limits-set', { asset: 'USD', perDay: '1.00' })),
  deposited: amountOf(1n).map(({ asset, text }) => event('deposited', { asset, amount: text, balances: [] })),
  withdrawn: amountOf(1n).map(({ asset, text }) => event('withdrawn', { asset, amount: text, balances: [] })),
  'coin-updated': amountOf(-MAX_MINOR).map(({ asset, text }) => event('coin-updated', { asset, quantity: text, balances: [] })),
  'coin-removed': amountOf(0n).map(({ asset, text }) => event('coin-removed', { asset, quantity: text, balances: [] })),
  'asset-registered': fc.constant(event('asset-registered', { code: 'XAU', name: 'Gold', kind: 'coin', scale: 3, active: true })),
  'command-rejected': fc.constant(
    event('command-rejected', { commandType: 'withdraw', code: 'insufficient_funds', detail: 'd', fields: {} }),
  ),
};

describe('postings', () => {
  it.each(Object.keys(EVENTS) as EventType[])('of %s sum to zero per asset', (type) =>
    fc.assert(
      fc.property(arbitraries[type], (happened) => {
        const sums = new Map<string, bigint>();
        for (const { asset, amountMinor } of postingsOf(happened, ACCOUNT)) sums.set(asset, (sums.get(asset) ?? 0n) + amountMinor);
        expect([...sums.values()].every((sum) => sum === 0n)).toBe(true);
      }),
    ),
  );

  it('credit the customer and debit the world for a deposit', () => {
    const lines = postingsOf(event('deposited', { asset: 'USD', amount: '12.34', balances: [] }), ACCOUNT);
    expect(lines).toEqual([
      { account: '@world', bucket: 'available', asset: 'USD', amountMinor: -1234n, scale: 2 },
      { account: ACCOUNT, bucket: 'available', asset: 'USD', amountMinor: 1234n, scale: 2 },
    ]);
  });
});
