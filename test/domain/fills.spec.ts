import { describe, expect, it } from 'vitest';
import {
  command,
  deposited,
  event,
  eventIdAt,
  FILL,
  frozen,
  given,
  moneyOf,
  ORDER,
  opened,
  orderCancelled,
  orderFilled,
  orderPlaced,
} from './given.ts';

const fill = (amountIn: string, amountOut: string, more: Record<string, unknown> = {}) =>
  command('fill-order', { orderId: ORDER, amountIn, amountOut, ...more });
const rich = [opened(), deposited('100.00 USD')];
const pending = [...rich, orderPlaced('100.00 USD', 'BTC')];
const partlyFilled = [...pending, orderFilled('40.00 USD', '0.00400000 BTC', { txHash: '0xabc', logIndex: 3 })];

describe('fill-order', () => {
  it('pays from the hold and credits the proceeds', () =>
    given(...pending)
      .when(fill('100', '0.01', { txHash: '0xabc', logIndex: 3 }))
      .thenEvent({
        type: 'order-filled',
        orderId: ORDER,
        fillId: eventIdAt(3),
        tokenIn: 'USD',
        tokenOut: 'BTC',
        amountIn: '100.00',
        amountOut: '0.01000000',
        filledIn: '100.00',
        filledOut: '0.01000000',
        orderStatus: 'executed',
        txHash: '0xabc',
        logIndex: 3,
        balances: [
          { asset: 'USD', available: '0.00', held: '0.00' },
          { asset: 'BTC', available: '0.01000000', held: '0.00000000' },
        ],
      }));

  it('in parts leaves it pending, and adds up', () => {
    given(...pending)
      .when(fill('40.00', '0.004'))
      .thenEvent({ filledIn: '40.00', orderStatus: 'pending', balances: [{ asset: 'USD', held: '60.00' }, { asset: 'BTC' }] });
    given(...partlyFilled)
      .when(fill('59.99', '0.006'))
      .thenEvent({ filledIn: '99.99', filledOut: '0.01000000', orderStatus: 'pending' });
    given(...partlyFilled)
      .when(fill('60.00', '0.006'))
      .thenEvent({ filledIn: '100.00', filledOut: '0.01000000', orderStatus: 'executed' });
  });

  it('takes no more than is left', () => {
    given(...pending)
      .when(fill('100.01', '1'))
      .thenRejected('insufficient_held', { asset: 'USD', held: '100.00', requested: '100.01' });
    given(...partlyFilled)
      .when(fill('60.01', '1'))
      .thenRejected('insufficient_held', { held: '60.00' });
  });

  it('works in an asset without decimals, on either side', () => {
    const yen = [opened(), deposited('1001 JPY'), orderPlaced('1001 JPY', 'USD', { targetPrice: '0.01' })];
    given(...yen)
      .when(fill('1000', '10.00'))
      .thenEvent({ amountIn: '1000', filledIn: '1000', balances: [{ asset: 'JPY', held: '1' }, { available: '10.00' }] });
    given(...yen)
      .when(fill('1001', '10.01'))
      .thenEvent({ orderStatus: 'executed' });
    given(...yen)
      .when(fill('1.0', '1.00'))
      .thenRejected('invalid_amount', { asset: 'JPY' });
    given(...rich, orderPlaced('100.00 USD', 'JPY'))
      .when(fill('100.00', '15001', { fee: { asset: 'JPY', amount: '1' } }))
      .thenEvent({ amountOut: '15001', balances: [{ asset: 'USD' }, { asset: 'JPY', available: '15000', held: '0' }] });
  });

  it('looks at no expiry: an order is pending until its expiry event', () =>
    given(...rich, orderPlaced('100.00 USD', 'BTC', { expiresAt: '2026-03-01T11:00:00.000Z' }))
      .when(fill('1.00', '1'))
      .thenEvent({ type: 'order-filled' }));

  it('refuses figures that do not fit their assets', () => {
    given(...pending)
      .when(fill('1.001', '1'))
      .thenRejected('invalid_amount', { asset: 'USD' });
    given(...pending)
      .when(fill('1.00', '0.000000001'))
      .thenRejected('invalid_amount', { asset: 'BTC' });
  });

  it('refuses proceeds that no balance can hold', () =>
    given(opened(), deposited('1.00 USD'), deposited(`${'9'.repeat(60)} JPY`), orderPlaced('1.00 USD', 'JPY'))
      .when(fill('1.00', '1'))
      .thenRejected('amount_out_of_range', { asset: 'JPY' }));

  it('finds no order that never was, and none that has ended', () => {
    given(...rich)
      .when(fill('1.00', '1'))
      .thenRejected('order_not_found');
    for (const end of [
      orderFilled('100.00 USD', '0.01000000 BTC', { orderStatus: 'executed' }),
      orderCancelled('100.00 USD', { filledIn: '0.00', filledOut: '0.00000000' }),
      event('order-expired', { orderId: ORDER, ...moneyOf('100.00 USD'), filledIn: '0.00', filledOut: '0.00000000' }),
    ])
      given(...pending, end)
        .when(fill('1.00', '1'))
        .thenRejected('order_not_open');
  });

  it('is refused by a frozen account', () =>
    given(...pending, frozen())
      .when(fill('1.00', '1'))
      .thenRejected('account_frozen'));
});

describe('the price of a LIMIT order', () => {
  const limited = given(...rich, orderPlaced('100.00 USD', 'BTC', { targetPrice: '0.00002537' }));

  it('is met to the last digit, before the fee', () => {
    limited.when(fill('100.00', '0.002537')).thenEvent({ orderStatus: 'executed' });
    limited.when(fill('100.00', '0.00253701')).thenEvent({ orderStatus: 'executed' });
    limited
      .when(fill('100.00', '0.00253699'))
      .thenRejected('price_not_met', { targetPrice: '0.00002537', amountOut: '0.00253699', required: '0.002537' });
    limited.when(fill('1', '0.00002')).thenRejected('price_not_met', { amountOut: '0.00002000', required: '0.00002537' });
    limited.when(fill('100.00', '0.002537', { fee: { asset: 'BTC', amount: '0.00000001' } })).thenEvent({ orderStatus: 'executed' });
  });

  it('counts digits that the asset does not have: what is due is then rounded up by nobody but the market', () => {
    limited.when(fill('0.01', '0.00000025')).thenRejected('price_not_met', { amountOut: '0.00000025', required: '0.0000002537' });
    limited.when(fill('0.01', '0.00000026')).thenEvent({ orderStatus: 'pending' });
  });

  it('is asked of every fill by itself: a good one does not pay for a bad one', () =>
    given(...rich, orderPlaced('100.00 USD', 'JPY', { targetPrice: '150' }), orderFilled('50.00 USD', '9999 JPY'))
      .when(fill('50.00', '7499'))
      .thenRejected('price_not_met', { required: '7500' }));

  it('is nothing to a MARKET order', () =>
    given(...pending)
      .when(fill('100.00', '0.00000001'))
      .thenEvent({ orderStatus: 'executed' }));
});

describe('the fee of a fill', () => {
  const fee = (amount: string, asset = 'BTC') => ({ fee: { asset, amount } });

  it('is taken off the proceeds; filledOut is before fees', () =>
    given(...pending)
      .when(fill('40.00', '0.004', fee('0.0001')))
      .thenEvent({
        amountOut: '0.00400000',
        fee: { asset: 'BTC', amount: '0.00010000' },
        filledOut: '0.00400000',
        balances: [
          { asset: 'USD', held: '60.00' },
          { asset: 'BTC', available: '0.00390000', held: '0.00000000' },
        ],
      }));

  it('may be all of the proceeds, and no more', () => {
    given(...pending)
      .when(fill('40.00', '0.004', fee('0.004')))
      .thenEvent({ type: 'order-filled', balances: [{ asset: 'USD', available: '0.00', held: '60.00' }] });
    given(...pending)
      .when(fill('40.00', '0.004', fee('0.00400001')))
      .thenRejected('amount_out_of_range', { asset: 'BTC' });
  });

  it('is in the asset that the fill brings in', () => {
    given(...pending)
      .when(fill('40.00', '0.004', fee('0.01', 'USD')))
      .thenRejected('malformed_request');
    given(...pending)
      .when(fill('40.00', '0.004', fee('0.000000001')))
      .thenRejected('invalid_amount', { asset: 'BTC' });
  });
});

describe('a fill that is reported again', () => {
  const name = { txHash: '0xabc', logIndex: 3 };
  const first = { type: 'fill-repeated', orderId: ORDER, fillId: FILL, orderStatus: 'pending', firstRevision: '3' };

  it('with the same figures, however spelled, is the first one, and moves nothing', () => {
    given(...partlyFilled)
      .when(fill('40.00', '0.00400000', name))
      .thenEvent(first);
    given(...partlyFilled)
      .when(fill('40', '0.004', name))
      .thenEvent(first);
  });

  it('answers with the first one’s status and balances, whatever has become of the order since', () => {
    const balances = [{ asset: 'USD', available: '0.00', held: '60.00' }];
    const booked = orderFilled('40.00 USD', '0.00400000 BTC', { ...name, balances });
    const executed = orderFilled('60.00 USD', '0.006 BTC', {
      fillId: ORDER,
      filledIn: '100.00',
      filledOut: '0.01000000',
      orderStatus: 'executed',
    });
    const cancelled = orderCancelled('60.00 USD', { filledIn: '40.00', filledOut: '0.00400000' });
    for (const since of [[], [frozen()], [cancelled], [cancelled, frozen()], [{ ...executed, amountOut: '0.00600000' }]])
      given(...pending, booked, ...since)
        .when(fill('40.00', '0.004', name))
        .thenEvent({ ...first, balances });
  });

  it('with anything different is another fill under a name that is taken', () => {
    const again = given(...partlyFilled);
    for (const other of [
      fill('40.01', '0.004', name),
      fill('40.00', '0.00400001', name),
      fill('40.00', '0.004', { ...name, fee: { asset: 'BTC', amount: '0.00000001' } }),
      { ...fill('40.00', '0.004', name), orderId: eventIdAt(9) },
    ])
      again.when(command('fill-order', withoutType(other))).thenRejected('already_exists', { fillId: FILL });
  });

  it('is another one under another log index, or under none', () => {
    given(...partlyFilled)
      .when(fill('40.00', '0.004', { ...name, logIndex: 4 }))
      .thenEvent({ type: 'order-filled', filledIn: '80.00' });
    given(...partlyFilled)
      .when(fill('40.00', '0.004', { txHash: '0xabc' }))
      .thenEvent({ type: 'order-filled', filledIn: '80.00' });
  });

  it('is known by its txHash alone where it has no log index', () =>
    given(...pending, orderFilled('40.00 USD', '0.00400000 BTC', { txHash: '0xabc' }))
      .when(fill('40.00', '0.004', { txHash: '0xabc' }))
      .thenEvent(first));

  it('is never known without a txHash', () => {
    given(...pending, orderFilled('40.00 USD', '0.00400000 BTC'))
      .when(fill('40.00', '0.004'))
      .thenEvent({ type: 'order-filled', filledIn: '80.00' });
    expect(() => fill('40.00', '0.004', { logIndex: 3 })).toThrow();
  });
});

function withoutType({ type: _type, ...fields }: object & { readonly type: string }): Record<string, unknown> {
  return fields;
}
