import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/domain/events.ts';
import {
  closed,
  coinsAdded,
  coinsRemoved,
  command,
  deposited,
  event,
  eventIdAt,
  FILL,
  frozen,
  given,
  HOLD,
  holdPlaced,
  holdReleased,
  limitsSet,
  ORDER,
  opened,
  orderFilled,
  orderPlaced,
  RECIPIENT,
  TRANSFER,
  transferReceived,
  transferReturned,
  transferSent,
  withdrawn,
} from './given.ts';

const reason = 'booked twice';
const reverse = (eventId: string) => command('reverse', { eventId, reason });
const byOperator = { side: 'operator' } as const;
const rich = [opened(), deposited('100.00 USD')];
/** The entry at a revision, undone by `amount` (signed). */
const reversed = (revision: number, reversedType: string, money: string) => {
  const [amount, asset] = money.split(' ');
  return event('entry-reversed', { asset, amount, reverses: eventIdAt(revision), reversedType, reason });
};

describe('reverse', () => {
  it.each<[string, readonly StoredEvent[], Record<string, unknown>]>([
    [
      'a deposit is taken out',
      [deposited('7.00 USD')],
      { amount: '-7.00', reversedType: 'deposited', balances: [{ available: '100.00' }] },
    ],
    [
      'a withdrawal is put back',
      [withdrawn('7.00 USD')],
      { amount: '7.00', reversedType: 'withdrawn', balances: [{ available: '100.00' }] },
    ],
    ['a coin added is taken out', [coinsAdded('1.50000000 BTC')], { amount: '-1.50000000', reversedType: 'coin-updated' }],
  ])('%s', (_name, entries, expected) =>
    given(...rich, ...entries)
      .when(reverse(eventIdAt(2)), byOperator)
      .thenEvent({ type: 'entry-reversed', reverses: eventIdAt(2), reason, ...expected }),
  );

  it('puts back coins that were taken off or removed', () => {
    const btc = { asset: 'BTC', available: '1.50000000', held: '0.00000000' };
    given(opened(), coinsAdded('1.50000000 BTC'), coinsAdded('-0.50000000 BTC'))
      .when(reverse(eventIdAt(2)), byOperator)
      .thenEvent({ amount: '0.50000000', reversedType: 'coin-updated', balances: [btc] });
    given(opened(), coinsAdded('1.50000000 BTC'), coinsRemoved('1.50000000 BTC'))
      .when(reverse(eventIdAt(2)), byOperator)
      .thenEvent({ amount: '1.50000000', reversedType: 'coin-removed', balances: [btc] });
  });

  it('happens once', () => {
    given(...rich, deposited('7.00 USD'), reversed(2, 'deposited', '-7.00 USD'))
      .when(reverse(eventIdAt(2)), byOperator)
      .thenRejected('already_reversed');
    given(...rich, withdrawn('7.00 USD'), reversed(2, 'withdrawn', '7.00 USD'))
      .when(reverse(eventIdAt(2)), byOperator)
      .thenRejected('already_reversed');
  });

  it('of one entry leaves its twin reversible', () =>
    given(...rich, deposited('7.00 USD'), deposited('7.00 USD'), reversed(2, 'deposited', '-7.00 USD'))
      .when(reverse(eventIdAt(3)), byOperator)
      .thenEvent({ reverses: eventIdAt(3) }));

  it('needs what it takes to be available', () => {
    given(...rich, withdrawn('0.01 USD'))
      .when(reverse(eventIdAt(1)), byOperator)
      .thenRejected('insufficient_funds', { asset: 'USD', available: '99.99', requested: '100.00' });
    given(...rich, holdPlaced('0.01 USD'))
      .when(reverse(eventIdAt(1)), byOperator)
      .thenRejected('insufficient_funds', { available: '99.99' });
  });

  it('needs what it puts back to fit', () =>
    given(opened(), deposited('5 JPY'), withdrawn('5 JPY'), deposited(`${'9'.repeat(60)} JPY`))
      .when(reverse(eventIdAt(2)), byOperator)
      .thenRejected('amount_out_of_range', { asset: 'JPY' }));

  it('is nothing to the limits: neither stopped by them nor counted', () => {
    const limited = [...rich, limitsSet('USD', { perWithdrawal: '1.00', perDay: '1.00' })];
    given(...limited)
      .when(reverse(eventIdAt(1)), byOperator)
      .thenEvent({ amount: '-100.00' });
    given(...rich, deposited('50.00 USD'), reversed(2, 'deposited', '-50.00 USD'), limitsSet('USD', { perDay: '1.00' }))
      .when(command('withdraw', { asset: 'USD', amount: '1.00' }))
      .thenEvent({ type: 'withdrawn' });
  });

  it('does not free the payment’s externalId', () =>
    given(opened(), deposited('7.00 USD', { externalId: 'wire-1' }), reversed(1, 'deposited', '-7.00 USD'))
      .when(command('deposit', { asset: 'USD', amount: '7.00', externalId: 'wire-1' }))
      .thenRejected('already_exists'));

  it('finds no entry that is not in the account’s books', () => {
    given(...rich)
      .when(reverse(eventIdAt(9)), byOperator)
      .thenRejected('entry_not_found');
    given(...rich)
      .when(reverse(eventIdAt(0)), byOperator) // the account's opening moved nothing
      .thenRejected('entry_not_found');
  });

  it.each<[string, readonly StoredEvent[], string]>([
    ['a hold', [holdPlaced('5.00 USD')], HOLD],
    ['a release', [holdPlaced('5.00 USD'), holdReleased('5.00 USD')], eventIdAt(3)],
    ['an order', [orderPlaced('5.00 USD', 'BTC')], ORDER],
    ['a fill', [orderPlaced('5.00 USD', 'BTC'), orderFilled('1.00 USD', '1.00000000 BTC')], FILL],
    ['a sent transfer', [transferSent('5.00 USD')], TRANSFER],
    ['a returned transfer', [transferSent('5.00 USD'), transferReturned('5.00 USD')], eventIdAt(3)],
    ['a reversal', [reversed(1, 'deposited', '-100.00 USD')], eventIdAt(2)],
  ])('knows another way to undo %s', (_name, entries, eventId) => {
    const [type] = entries.slice(-1).map((last) => last.type);
    given(...rich, ...entries)
      .when(reverse(eventId), byOperator)
      .thenRejected('not_reversible', { entryType: type ?? '' });
  });

  it('is refused by a frozen and by a closed account', () => {
    given(...rich, frozen())
      .when(reverse(eventIdAt(1)), byOperator)
      .thenRejected('account_frozen');
    given(opened(), closed())
      .when(reverse(eventIdAt(1)), byOperator)
      .thenRejected('account_closed');
  });
});

describe('reversing a received transfer', () => {
  const received = [opened(), transferReceived('30.00 USD', { transferId: eventIdAt(99) })];
  const sentBack = transferSent('30.00 USD', { reverses: eventIdAt(1), reason });

  it('sends the money back to its sender', () =>
    given(...received)
      .when(reverse(eventIdAt(1)), byOperator)
      .thenEvent({
        type: 'transfer-sent',
        transferId: eventIdAt(2),
        to: RECIPIENT,
        asset: 'USD',
        amount: '30.00',
        reverses: eventIdAt(1),
        reason,
        balances: [{ asset: 'USD', available: '0.00', held: '0.00' }],
      }));

  it('happens once', () =>
    given(...received, sentBack)
      .when(reverse(eventIdAt(1)), byOperator)
      .thenRejected('already_reversed'));

  it('can be asked again where the money came back', () => {
    const again = given(...received, sentBack, transferReturned('30.00 USD', { reverses: eventIdAt(1) }));
    again.when(reverse(eventIdAt(1)), byOperator).thenEvent({ type: 'transfer-sent', transferId: eventIdAt(4), reverses: eventIdAt(1) });
  });

  it('needs the money to be there', () =>
    given(...received, withdrawn('0.01 USD'))
      .when(reverse(eventIdAt(1)), byOperator)
      .thenRejected('insufficient_funds', { available: '29.99', requested: '30.00' }));

  it('is not the owner’s spending', () => {
    given(...received, limitsSet('USD', { perDay: '1.00' }))
      .when(reverse(eventIdAt(1)), byOperator)
      .thenEvent({ type: 'transfer-sent' });
    given(...received, deposited('1.00 USD'), sentBack, limitsSet('USD', { perDay: '1.00' }))
      .when(command('withdraw', { asset: 'USD', amount: '1.00' }))
      .thenEvent({ type: 'withdrawn' });
  });

  it('is no payment with an externalId', () => {
    const { decision } = given(...received).when(reverse(eventIdAt(1)), byOperator);
    expect(decision.kind === 'accepted' && 'externalId' in decision.event).toBe(false);
  });
});
