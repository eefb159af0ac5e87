import { describe, it } from 'vitest';
import { closed, coinsAdded, command, frozen, given, opened } from './given.ts';

const change = (symbol: string, quantity: string) => command('update-coin', { symbol, quantity });

describe('update-coin', () => {
  it('adds a coin that is named by its trading pair', () =>
    given(opened())
      .when(change('btcusdt', '+1.5'))
      .thenEvent({
        type: 'coin-updated',
        asset: 'BTC',
        quantity: '1.50000000',
        balances: [{ asset: 'BTC', available: '1.50000000', held: '0.00000000' }],
      }));

  it('takes the exact code before a pair', () => given(opened()).when(change('USDT', '1')).thenEvent({ asset: 'USDT' }));

  it('reduces down to zero', () =>
    given(opened(), coinsAdded('0.50000000 BTC'))
      .when(change('BTC', '-0.5'))
      .thenEvent({ quantity: '-0.50000000', balances: [{ asset: 'BTC', available: '0.00000000', held: '0.00000000' }] }));

  it('and no further', () =>
    given(opened(), coinsAdded('0.50000000 BTC'))
      .when(change('BTC', '-0.50000001'))
      .thenRejected('insufficient_funds', { available: '0.50000000', requested: '0.50000001' }));

  it('knows no coin of that name, and money is no coin', () => {
    given(opened()).when(change('dogeusdt', '1')).thenRejected('unknown_asset', { asset: 'dogeusdt' });
    given(opened()).when(change('EUR', '1')).thenRejected('unknown_asset');
  });

  it('reads no letter of another alphabet as one of its own', () =>
    given(opened()).when(change('\u017Folusdt', '1')).thenRejected('unknown_asset', { asset: '\u017Folusdt' }));

  it('is refused by a frozen and by a closed account', () => {
    given(opened(), frozen()).when(change('BTC', '1')).thenRejected('account_frozen');
    given(opened(), closed()).when(change('BTC', '1')).thenRejected('account_closed');
  });
});

describe('remove-coin', () => {
  it('takes all of it', () =>
    given(opened(), coinsAdded('0.50000000 BTC'))
      .when(command('remove-coin', { symbol: 'btcusd' }))
      .thenEvent({
        type: 'coin-removed',
        asset: 'BTC',
        quantity: '0.50000000',
        balances: [{ asset: 'BTC', available: '0.00000000', held: '0.00000000' }],
      }));

  it('finds nothing where the account holds none', () =>
    given(opened())
      .when(command('remove-coin', { symbol: 'BTC' }))
      .thenRejected('not_found', { asset: 'BTC' }));

  it('is refused by a frozen and by a closed account', () => {
    given(opened(), coinsAdded('1.00000000 BTC'), frozen())
      .when(command('remove-coin', { symbol: 'BTC' }))
      .thenRejected('account_frozen');
    given(opened(), closed())
      .when(command('remove-coin', { symbol: 'BTC' }))
      .thenRejected('account_closed');
  });
});
