import { describe, expect, it } from 'vitest';
import {
  closed,
  coinsAdded,
  command,
  deposited,
  eventIdAt,
  frozen,
  given,
  limitsSet,
  NOON,
  ORDER,
  opened,
  orderCancelled,
  orderFilled,
  orderPlaced,
} from './given.ts';

const market = { tokenIn: 'USD', tokenOut: 'BTC', orderType: 'MARKET' };
const place = (amountIn: string, more: Record<string, unknown> = {}) => command('place-order', { ...market, amountIn, ...more });
const fill = (amountIn: string, amountOut: string, more: Record<string, unknown> = {}) =>
  command('fill-order', { orderId: ORDER, amountIn, amountOut, ...more });
const cancel = () => command('cancel-order', { orderId: ORDER });
const expire = () => command('expire-order', { orderId: ORDER });
const rich = [opened(), deposited('100.00 USD')];
const pending = [...rich, orderPlaced('100.00 USD', 'BTC')];
const partlyFilled = [...pending, orderFilled('40.00 USD', '0.00400000 BTC', { txHash: '0xabc', logIndex: 3 })];

describe('place-order', () => {
  it('holds what it may pay', () =>
    given(...rich)
      .when(place('40', { orderType: 'LIMIT', targetPrice: '0.000100', expiresAt: '2026-03-02T00:00:00Z' }))
      .thenEvent({
        type: 'order-placed',
        orderId: eventIdAt(2),
        orderType: 'LIMIT',
        amountIn: '40.00',
        filledIn: '0.00',
        filledOut: '0.00000000',
        targetPrice: '0.0001',
        expiresAt: '2026-03-02T00:00:00.000Z',
        balances: [{ asset: 'USD', available: '60.00', held: '40.00' }],
      }));

  it('has a price if and only if it is a LIMIT order', () => {
    given(...rich)
      .when(place('40.00'))
      .thenEvent({ orderType: 'MARKET' });
    expect(() => place('40.00', { targetPrice: '1' })).toThrow();
    expect(() => place('40.00', { orderType: 'LIMIT' })).toThrow();
    expect(() => place('40.00', { tokenOut: 'USD' })).toThrow();
  });

  it('holds what is available and no more', () => {
    given(...rich)
      .when(place('100.01'))
      .thenRejected('insufficient_funds', { asset: 'USD', available: '100.00', requested: '100.01' });
    given(...pending)
      .when(place('0.01'))
      .thenRejected('insufficient_funds', { available: '0.00' });
  });

  it('is no spending: limits do not count it, nor its fills', () => {
    const limited = [opened(), deposited('100.00 USD'), limitsSet('USD', { perWithdrawal: '1.00', perDay: '1.00' })];
    given(...limited)
      .when(place('100.00'))
      .thenEvent({ type: 'order-placed' });
    given(...limited, orderPlaced('100.00 USD', 'BTC'))
      .when(fill('100.00', '1'))
      .thenEvent({ type: 'order-filled' });
  });

  it('refuses unknown assets on either side, an amount that does not fit, a frozen and a closed account', () => {
    given(...rich)
      .when(place('1.00', { tokenIn: 'XYZ' }))
      .thenRejected('unknown_asset', { asset: 'XYZ' });
    given(...rich)
      .when(place('1.00', { tokenOut: 'XYZ' }))
      .thenRejected('unknown_asset', { asset: 'XYZ' });
    given(...rich)
      .when(place('1.001'))
      .thenRejected('invalid_amount');
    given(...rich, frozen())
      .when(place('1.00'))
      .thenRejected('account_frozen');
    given(opened(), closed()).when(place('1.00')).thenRejected('account_closed');
  });
});

describe('cancel-order', () => {
  it('gives back what no fill has taken, and keeps what was filled', () => {
    given(...pending)
      .when(cancel())
      .thenEvent({
        type: 'order-cancelled',
        orderId: ORDER,
        asset: 'USD',
        amount: '100.00',
        filledIn: '0.00',
        filledOut: '0.00000000',
        balances: [{ asset: 'USD', available: '100.00', held: '0.00' }],
      });
    given(...partlyFilled)
      .when(cancel())
      .thenEvent({
        amount: '60.00',
        filledIn: '40.00',
        filledOut: '0.00400000',
        balances: [{ asset: 'USD', available: '60.00', held: '0.00' }],
      });
  });

  it('finds no order that never was, and none that has ended', () => {
    given(...rich)
      .when(cancel())
      .thenRejected('order_not_found');
    given(...pending, orderCancelled('100.00 USD', { filledIn: '0.00', filledOut: '0.00000000' }))
      .when(cancel())
      .thenRejected('order_not_open');
  });

  it('is refused by a frozen and by a closed account', () => {
    given(...pending, frozen())
      .when(cancel())
      .thenRejected('account_frozen');
    given(opened(), closed()).when(cancel()).thenRejected('account_closed');
  });
});

describe('expire-order', () => {
  const until = (expiresAt: string) => [...rich, orderPlaced('100.00 USD', 'BTC', { expiresAt })];

  it('gives back the rest once its time has come, to the millisecond, also while frozen', () => {
    const released = { type: 'order-expired', amount: '100.00', balances: [{ asset: 'USD', available: '100.00', held: '0.00' }] };
    given(...until(NOON))
      .when(expire())
      .thenEvent(released);
    given(...until(NOON), frozen())
      .when(expire())
      .thenEvent(released);
    given(...until('2026-03-01T12:00:00.001Z'))
      .when(expire())
      .thenNothing();
  });

  it('keeps what was filled', () =>
    given(...until(NOON), orderFilled('40.00 USD', '0.00400000 BTC'))
      .when(expire())
      .thenEvent({ amount: '60.00', filledIn: '40.00', filledOut: '0.00400000' }));

  it('does nothing to an order without a time, one that has ended, or none', () => {
    given(...pending)
      .when(expire(), { at: '2999-01-01T00:00:00.000Z' })
      .thenNothing();
    given(...until(NOON), orderCancelled('100.00 USD', { filledIn: '0.00', filledOut: '0.00000000' }))
      .when(expire())
      .thenNothing();
    given(opened(), coinsAdded('1.00000000 BTC')).when(expire()).thenNothing();
  });
});
