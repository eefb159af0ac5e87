import { describe, it } from 'vitest';
import { closed, command, deposited, frozen, given, limitsSet, opened, withdrawn } from './given.ts';

const usd = (type: 'deposit' | 'withdraw', amount: string, more: Record<string, unknown> = {}) =>
  command(type, { asset: 'USD', amount, ...more });
const SIXTY_DIGITS = '9'.repeat(60);

describe('deposit', () => {
  it('adds to what is available', () =>
    given(opened(), deposited('60.00 USD'))
      .when(usd('deposit', '40.00'))
      .thenEvent({ type: 'deposited', amount: '40.00', balances: [{ asset: 'USD', available: '100.00', held: '0.00' }] }));

  it('writes the amount at the asset’s scale, however it was spelled', () =>
    given(opened()).when(usd('deposit', '7')).thenEvent({ amount: '7.00' }));

  it('keeps what a double would lose', () =>
    given(opened())
      .when(command('deposit', { asset: 'JPY', amount: '9007199254740993' }))
      .thenEvent({ balances: [{ asset: 'JPY', available: '9007199254740993', held: '0' }] }));

  it('takes 60 digits of the smallest unit', () =>
    given(opened())
      .when(command('deposit', { asset: 'JPY', amount: SIXTY_DIGITS }))
      .thenEvent({ amount: SIXTY_DIGITS }));

  it('refuses a balance beyond 60 digits', () =>
    given(opened(), deposited(`${SIXTY_DIGITS} JPY`))
      .when(command('deposit', { asset: 'JPY', amount: '1' }))
      .thenRejected('amount_out_of_range', { asset: 'JPY' }));

  it('refuses decimals that the asset does not have', () => {
    given(opened()).when(usd('deposit', '1.234')).thenRejected('invalid_amount');
    given(opened())
      .when(command('deposit', { asset: 'JPY', amount: '1.0' }))
      .thenRejected('invalid_amount');
  });

  it('refuses an asset that is not registered', () =>
    given(opened())
      .when(command('deposit', { asset: 'XYZ', amount: '1' }))
      .thenRejected('unknown_asset', { asset: 'XYZ' }));

  it('refuses a payment that is in the books already', () =>
    given(opened(), deposited('1.00 USD', { externalId: 'wire-1' }))
      .when(usd('deposit', '1.00', { externalId: 'wire-1' }))
      .thenRejected('already_exists', { externalId: 'wire-1' }));

  it('may be backdated, never postdated', () => {
    given(opened())
      .when(usd('deposit', '1.00', { effectiveAt: '2025-12-31T00:00:00Z' }))
      .thenEvent({ type: 'deposited' });
    given(opened())
      .when(usd('deposit', '1.00', { effectiveAt: '2026-03-01T12:00:01Z' }))
      .thenRejected('malformed_request');
  });

  it('is refused by a frozen and by a closed account', () => {
    given(opened(), frozen()).when(usd('deposit', '1.00')).thenRejected('account_frozen');
    given(opened(), closed()).when(usd('deposit', '1.00')).thenRejected('account_closed');
  });
});

describe('withdraw', () => {
  it('takes what is available, down to zero', () =>
    given(opened(), deposited('100.00 USD'))
      .when(usd('withdraw', '100.00'))
      .thenEvent({ type: 'withdrawn', balances: [{ asset: 'USD', available: '0.00', held: '0.00' }] }));

  it('takes no cent more', () =>
    given(opened(), deposited('100.00 USD'))
      .when(usd('withdraw', '100.01'))
      .thenRejected('insufficient_funds', { asset: 'USD', available: '100.00', requested: '100.01' }));

  it('takes nothing from an account that never had any', () =>
    given(opened()).when(usd('withdraw', '0.01')).thenRejected('insufficient_funds', { available: '0.00' }));

  it('is refused by a frozen and by a closed account', () => {
    given(opened(), deposited('1.00 USD'), frozen()).when(usd('withdraw', '1.00')).thenRejected('account_frozen');
    given(opened(), closed()).when(usd('withdraw', '1.00')).thenRejected('account_closed');
  });
});

describe('limits', () => {
  const rich = [opened(), deposited('1000.00 USD')];

  it('per withdrawal: up to and including the limit', () => {
    const limited = given(...rich, limitsSet('USD', { perWithdrawal: '50.00' }));
    limited.when(usd('withdraw', '50.00')).thenEvent({ type: 'withdrawn' });
    limited.when(usd('withdraw', '50.01')).thenRejected('limit_exceeded', { limit: 'perWithdrawal', maximum: '50.00', requested: '50.01' });
  });

  it('per UTC day: what was spent that day counts, also from before the limit was set', () => {
    const spent = given(...rich, withdrawn('80.00 USD'), limitsSet('USD', { perDay: '100.00' }));
    spent.when(usd('withdraw', '20.00')).thenEvent({ type: 'withdrawn' });
    spent.when(usd('withdraw', '20.01')).thenRejected('limit_exceeded', { limit: 'perDay', spent: '80.00' });
  });

  it('a new day starts from nothing', () =>
    given(...rich, withdrawn('100.00 USD'), limitsSet('USD', { perDay: '100.00' }))
      .when(usd('withdraw', '100.00'), { at: '2026-03-02T00:00:00.000Z' })
      .thenEvent({ type: 'withdrawn' }));

  it('count coins that leave, and not those that come', () => {
    const limited = given(opened(), limitsSet('BTC', { perWithdrawal: '1.00000000' }));
    limited.when(command('update-coin', { symbol: 'BTC', quantity: '5' })).thenEvent({ type: 'coin-updated' });
    limited.when(command('update-coin', { symbol: 'BTC', quantity: '-5' })).thenRejected('limit_exceeded', { asset: 'BTC' });
  });

  it('set without a value are lifted', () =>
    given(...rich, limitsSet('USD', { perWithdrawal: '1.00' }), limitsSet('USD', {}))
      .when(usd('withdraw', '2.00'))
      .thenEvent({ type: 'withdrawn' }));
});
