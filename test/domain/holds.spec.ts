import { describe, it } from 'vitest';
import {
  closed,
  coinsAdded,
  command,
  deposited,
  eventIdAt,
  frozen,
  given,
  HOLD,
  holdCaptured,
  holdExpired,
  holdPlaced,
  holdReleased,
  limitsSet,
  NOON,
  opened,
  withdrawn,
} from './given.ts';

const place = (amount: string, more: Record<string, unknown> = {}) => command('place-hold', { asset: 'USD', amount, ...more });
const capture = (amount?: string, holdId: string = HOLD) =>
  command('capture-hold', { holdId, ...(amount === undefined ? {} : { amount }) });
const release = (holdId: string = HOLD) => command('release-hold', { holdId });
const expire = (holdId: string = HOLD) => command('expire-hold', { holdId });
const byOperator = { side: 'operator' } as const;
const rich = [opened(), deposited('100.00 USD')];

describe('place-hold', () => {
  it('sets money aside: not available, and not gone', () =>
    given(...rich)
      .when(place('30', { reference: 'order 7' }))
      .thenEvent({
        type: 'hold-placed',
        holdId: eventIdAt(2),
        asset: 'USD',
        amount: '30.00',
        placedBy: 'user',
        reference: 'order 7',
        balances: [{ asset: 'USD', available: '70.00', held: '30.00' }],
      }));

  it('is the operator’s where an operator placed it', () =>
    given(...rich)
      .when(place('30.00'), byOperator)
      .thenEvent({ placedBy: 'operator' }));

  it('takes all that is available, and no cent more: what is held already is not', () => {
    given(...rich, holdPlaced('40.00 USD'))
      .when(place('60.00'))
      .thenEvent({ balances: [{ asset: 'USD', available: '0.00', held: '100.00' }] });
    given(...rich, holdPlaced('40.00 USD'))
      .when(place('60.01'))
      .thenRejected('insufficient_funds', { asset: 'USD', available: '60.00', requested: '60.01' });
  });

  it('is no spending: limits do not count it', () =>
    given(...rich, limitsSet('USD', { perWithdrawal: '1.00', perDay: '1.00' }))
      .when(place('50.00'))
      .thenEvent({ type: 'hold-placed' }));

  it('keeps its expiry in milliseconds; one in the past is due at once, and open until then', () => {
    given(...rich)
      .when(place('1.00', { expiresAt: '2026-03-02T00:00:00Z' }))
      .thenEvent({ expiresAt: '2026-03-02T00:00:00.000Z' });
    given(...rich)
      .when(place('1.00', { expiresAt: '2020-01-01T00:00:00Z' }))
      .thenEvent({ expiresAt: '2020-01-01T00:00:00.000Z' });
  });

  it('refuses an unknown asset, an amount that does not fit, a frozen and a closed account', () => {
    given(...rich)
      .when(place('1.00', { asset: 'XYZ' }))
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

describe('capture-hold', () => {
  const held = [...rich, holdPlaced('30.00 USD')];

  it('takes all of it where no amount is named', () =>
    given(...held)
      .when(capture())
      .thenEvent({
        type: 'hold-captured',
        holdId: HOLD,
        asset: 'USD',
        amount: '30.00',
        remaining: '0.00',
        capturedBy: 'user',
        balances: [{ asset: 'USD', available: '70.00', held: '0.00' }],
      }));

  it('takes a part, and the rest stays held', () =>
    given(...held)
      .when(capture('12.5'))
      .thenEvent({ amount: '12.50', remaining: '17.50', balances: [{ asset: 'USD', available: '70.00', held: '17.50' }] }));

  it('takes several parts, the last of them by no amount', () => {
    const twice = given(...held, holdCaptured('10.00 USD', '20.00'), holdCaptured('5.00 USD', '15.00'));
    twice.when(capture('15.00')).thenEvent({ remaining: '0.00' });
    twice.when(capture()).thenEvent({ amount: '15.00', remaining: '0.00' });
    twice.when(capture('15.01')).thenRejected('insufficient_held', { asset: 'USD', held: '15.00', requested: '15.01' });
  });

  it('takes from its own hold, not from another one', () => {
    const other = '11111111-0000-4000-8000-000000000002';
    const two = given(...held, holdPlaced('50.00 USD', { holdId: other }));
    two.when(capture('30.01')).thenRejected('insufficient_held', { held: '30.00' });
    two.when(capture('30.01', other)).thenEvent({ holdId: other, remaining: '19.99' });
  });

  it('is up to whoever placed it, and to operators', () => {
    const operators = given(...rich, holdPlaced('30.00 USD', { placedBy: 'operator' }));
    operators.when(capture()).thenRejected('forbidden');
    operators.when(capture(), byOperator).thenEvent({ capturedBy: 'operator' });
    given(...held)
      .when(capture(), byOperator)
      .thenEvent({ capturedBy: 'operator' });
  });

  it('by a user counts towards the limits, up to and including them', () => {
    const limited = given(...held, limitsSet('USD', { perWithdrawal: '20.00', perDay: '25.00' }), withdrawn('10.00 USD'));
    limited.when(capture('15.00')).thenEvent({ remaining: '15.00' });
    limited.when(capture('15.01')).thenRejected('limit_exceeded', { limit: 'perDay', spent: '10.00', requested: '15.01' });
    limited.when(capture('20.01')).thenRejected('limit_exceeded', { limit: 'perWithdrawal', maximum: '20.00' });
  });

  it('that was taken by a user is spent for the rest of that UTC day', () => {
    const spent = given(...held, limitsSet('USD', { perDay: '25.00' }), holdCaptured('20.00 USD', '10.00'));
    spent.when(capture('5.01')).thenRejected('limit_exceeded', { limit: 'perDay', spent: '20.00' });
    spent.when(command('withdraw', { asset: 'USD', amount: '5.01' })).thenRejected('limit_exceeded', { spent: '20.00' });
    spent.when(capture('10.00'), { at: '2026-03-02T00:00:00.000Z' }).thenEvent({ remaining: '0.00' });
  });

  it('by an operator is not the owner’s spending', () => {
    const limited = [...held, limitsSet('USD', { perWithdrawal: '1.00', perDay: '5.00' })];
    given(...limited)
      .when(capture('20.00'), byOperator)
      .thenEvent({ amount: '20.00' });
    given(...limited, holdCaptured('20.00 USD', '10.00', { capturedBy: 'operator' }), limitsSet('USD', { perDay: '5.00' }))
      .when(command('withdraw', { asset: 'USD', amount: '5.00' }))
      .thenEvent({ type: 'withdrawn' });
  });

  it('looks at no expiry: a hold is open until its expiry event', () =>
    given(...rich, holdPlaced('30.00 USD', { expiresAt: '2026-03-01T11:00:00.000Z' }))
      .when(capture())
      .thenEvent({ type: 'hold-captured' }));

  it('works on a coin to its last decimal', () =>
    given(opened(), coinsAdded('1.00000000 BTC'), holdPlaced('1.00000000 BTC'))
      .when(capture('0.99999999'))
      .thenEvent({ remaining: '0.00000001' }));

  it('finds no hold that never was, and none that is closed', () => {
    given(...rich)
      .when(capture())
      .thenRejected('hold_not_found');
    for (const end of [holdCaptured('30.00 USD', '0.00'), holdReleased('30.00 USD'), holdExpired('30.00 USD')])
      given(...held, end)
        .when(capture())
        .thenRejected('hold_not_open');
  });

  it('refuses an amount that does not fit the asset', () =>
    given(...held)
      .when(capture('1.001'))
      .thenRejected('invalid_amount', { asset: 'USD' }));

  it('is refused by a frozen account: nothing leaves it', () =>
    given(...held, frozen())
      .when(capture(), byOperator)
      .thenRejected('account_frozen'));
});

describe('release-hold', () => {
  const held = [...rich, holdPlaced('30.00 USD')];

  it('gives back what is left', () => {
    given(...held)
      .when(release())
      .thenEvent({ type: 'hold-released', holdId: HOLD, amount: '30.00', balances: [{ asset: 'USD', available: '100.00', held: '0.00' }] });
    given(...held, holdCaptured('10.00 USD', '20.00'))
      .when(release())
      .thenEvent({ amount: '20.00', balances: [{ asset: 'USD', available: '90.00', held: '0.00' }] });
  });

  it('is up to whoever placed it, and to operators', () => {
    const operators = given(...rich, holdPlaced('30.00 USD', { placedBy: 'operator' }));
    operators.when(release()).thenRejected('forbidden');
    operators.when(release(), byOperator).thenEvent({ type: 'hold-released' });
    given(...held)
      .when(release(), byOperator)
      .thenEvent({ type: 'hold-released' });
  });

  it('works while frozen: nothing leaves the account', () =>
    given(...held, frozen())
      .when(release())
      .thenEvent({ type: 'hold-released' }));

  it('finds no hold that never was, and none that is closed', () => {
    given(...rich)
      .when(release())
      .thenRejected('hold_not_found');
    given(...held, holdReleased('30.00 USD'))
      .when(release())
      .thenRejected('hold_not_open');
    given(opened(), closed()).when(release()).thenRejected('account_closed');
  });
});

describe('expire-hold', () => {
  const until = (expiresAt: string) => [...rich, holdPlaced('30.00 USD', { expiresAt })];

  it('gives back what is left once its time has come, to the millisecond', () => {
    given(...until(NOON))
      .when(expire())
      .thenEvent({ type: 'hold-expired', amount: '30.00', balances: [{ asset: 'USD', available: '100.00', held: '0.00' }] });
    given(...until('2026-03-01T12:00:00.001Z'))
      .when(expire())
      .thenNothing();
  });

  it('keeps what was captured', () =>
    given(...until(NOON), holdCaptured('12.00 USD', '18.00'))
      .when(expire())
      .thenEvent({ amount: '18.00', balances: [{ asset: 'USD', available: '88.00', held: '0.00' }] }));

  it('works while frozen', () =>
    given(...until(NOON), frozen())
      .when(expire())
      .thenEvent({ type: 'hold-expired' }));

  it('does nothing to a hold without a time, one that is closed, or none', () => {
    given(...rich, holdPlaced('30.00 USD'))
      .when(expire(), { at: '2999-01-01T00:00:00.000Z' })
      .thenNothing();
    given(...until(NOON), holdReleased('30.00 USD'))
      .when(expire())
      .thenNothing();
    given(...rich)
      .when(expire())
      .thenNothing();
  });
});
