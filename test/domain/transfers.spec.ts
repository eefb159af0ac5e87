import { describe, it } from 'vitest';
import {
  ACCOUNT,
  closed,
  command,
  deposited,
  event,
  eventIdAt,
  frozen,
  given,
  holdPlaced,
  limitsSet,
  opened,
  RECIPIENT,
  TRANSFER,
  transferCompleted,
  transferReceived,
  transferReturned,
  transferSent,
} from './given.ts';

const send = (amount: string, more: Record<string, unknown> = {}) => command('transfer', { to: RECIPIENT, asset: 'USD', amount, ...more });
const receive = (amount: string, asset = 'USD') =>
  command('receive-transfer', { transferId: TRANSFER, from: RECIPIENT, asset, amount, reference: 'rent' });
const complete = () => command('complete-transfer', { transferId: TRANSFER });
const giveBack = () => command('return-transfer', { transferId: TRANSFER, reason: 'recipient_frozen' });
const rich = [opened(), deposited('100.00 USD')];
const underWay = [...rich, transferSent('30.00 USD')];
const MOST_YEN = '9'.repeat(60);

describe('transfer', () => {
  it('takes the money out; it is then on its way', () =>
    given(...rich)
      .when(send('30', { reference: 'rent', externalId: 'wire-1', metadata: { month: 3 } }))
      .thenEvent({
        type: 'transfer-sent',
        transferId: eventIdAt(2),
        to: RECIPIENT,
        asset: 'USD',
        amount: '30.00',
        reference: 'rent',
        externalId: 'wire-1',
        metadata: { month: 3 },
        balances: [{ asset: 'USD', available: '70.00', held: '0.00' }],
      }));

  it('takes what is available, and nothing that is held', () => {
    const held = given(...rich, holdPlaced('30.00 USD'));
    held.when(send('70.00')).thenEvent({ balances: [{ asset: 'USD', available: '0.00', held: '30.00' }] });
    held.when(send('70.01')).thenRejected('insufficient_funds', { asset: 'USD', available: '70.00', requested: '70.01' });
  });

  it('goes to another account, and to one that exists', () => {
    given(...rich)
      .when(send('1.00', { to: ACCOUNT }))
      .thenRejected('same_account');
    given(...rich)
      .when(send('1.00', { to: eventIdAt(9) }))
      .thenRejected('recipient_not_found', { to: eventIdAt(9) });
  });

  it('counts towards the limits', () => {
    const limited = given(...underWay, limitsSet('USD', { perWithdrawal: '50.00', perDay: '60.00' }));
    limited.when(send('30.00')).thenEvent({ type: 'transfer-sent' });
    limited.when(send('30.01')).thenRejected('limit_exceeded', { limit: 'perDay', spent: '30.00', maximum: '60.00' });
    limited.when(send('50.01')).thenRejected('limit_exceeded', { limit: 'perWithdrawal' });
    limited.when(send('50.00'), { at: '2026-03-02T00:00:00.000Z' }).thenEvent({ type: 'transfer-sent' });
  });

  it('that came back is spent all the same', () =>
    given(...underWay, transferReturned('30.00 USD'), limitsSet('USD', { perDay: '60.00' }))
      .when(send('30.01'))
      .thenRejected('limit_exceeded', { spent: '30.00' }));

  it('has an externalId of its own among all payments of the account', () => {
    for (const paid of [deposited('1.00 USD', { externalId: 'wire-1' }), transferSent('1.00 USD', { externalId: 'wire-1' })])
      given(...rich, paid)
        .when(send('1.00', { externalId: 'wire-1' }))
        .thenRejected('already_exists', { externalId: 'wire-1' });
    given(...rich, transferSent('1.00 USD', { externalId: 'wire-1' }))
      .when(command('deposit', { asset: 'USD', amount: '1.00', externalId: 'wire-1' }))
      .thenRejected('already_exists');
  });

  it('refuses an unknown asset, an amount that does not fit, a frozen and a closed account', () => {
    given(...rich)
      .when(send('1.00', { asset: 'XYZ' }))
      .thenRejected('unknown_asset');
    given(...rich)
      .when(send('1.001'))
      .thenRejected('invalid_amount');
    given(...rich, frozen())
      .when(send('1.00'))
      .thenRejected('account_frozen');
    given(opened(), closed()).when(send('1.00')).thenRejected('account_closed');
  });

  it('says that the account is frozen before anything about the recipient', () =>
    given(...rich, frozen())
      .when(send('1.00', { to: eventIdAt(9) }))
      .thenRejected('account_frozen'));
});

describe('receive-transfer', () => {
  const refusedBecause = (reason: string) => ({
    type: 'transfer-refused',
    transferId: TRANSFER,
    from: RECIPIENT,
    asset: 'USD',
    amount: '30.00',
    reason,
  });

  it('credits the recipient', () =>
    given(...rich)
      .when(receive('30.00'))
      .thenEvent({
        type: 'transfer-received',
        transferId: TRANSFER,
        from: RECIPIENT,
        amount: '30.00',
        reference: 'rent',
        balances: [{ asset: 'USD', available: '130.00', held: '0.00' }],
      }));

  it('is noted as refused where the recipient is frozen or closed', () => {
    given(opened(), frozen()).when(receive('30.00')).thenEvent(refusedBecause('recipient_frozen'));
    given(opened(), closed()).when(receive('30.00')).thenEvent(refusedBecause('recipient_closed'));
  });

  it('is noted as refused where no balance can hold it, what is under way from here included', () => {
    given(opened(), deposited(`${MOST_YEN} JPY`))
      .when(receive('1', 'JPY'))
      .thenEvent({ type: 'transfer-refused', reason: 'recipient_out_of_range' });
    given(opened(), deposited(`${MOST_YEN} JPY`), transferSent('1 JPY', { transferId: eventIdAt(9) }))
      .when(receive('1', 'JPY'))
      .thenEvent({ type: 'transfer-refused', reason: 'recipient_out_of_range' });
  });
});

describe('complete-transfer', () => {
  it('notes that the money has arrived', () =>
    given(...underWay)
      .when(complete())
      .thenEvent({ type: 'transfer-completed', transferId: TRANSFER, to: RECIPIENT, asset: 'USD', amount: '30.00' }));

  it('works while frozen', () =>
    given(...underWay, frozen())
      .when(complete())
      .thenEvent({ type: 'transfer-completed' }));

  it('does nothing where none is under way', () => {
    given(...rich)
      .when(complete())
      .thenNothing();
    for (const end of [transferCompleted('30.00 USD'), transferReturned('30.00 USD')])
      given(...underWay, end)
        .when(complete())
        .thenNothing();
  });
});

describe('return-transfer', () => {
  const back = {
    type: 'transfer-returned',
    transferId: TRANSFER,
    to: RECIPIENT,
    amount: '30.00',
    reason: 'recipient_frozen',
    balances: [{ asset: 'USD', available: '100.00', held: '0.00' }],
  };

  it('gives the money back, also to a frozen sender', () => {
    given(...underWay)
      .when(giveBack())
      .thenEvent(back);
    given(...underWay, frozen())
      .when(giveBack())
      .thenEvent(back);
  });

  it('does nothing where none is under way', () => {
    given(...rich)
      .when(giveBack())
      .thenNothing();
    for (const end of [transferCompleted('30.00 USD'), transferReturned('30.00 USD')])
      given(...underWay, end)
        .when(giveBack())
        .thenNothing();
  });

  it('always fits: until then its money counts as if it were still here', () => {
    const away = [opened(), deposited(`${MOST_YEN} JPY`), transferSent(`${MOST_YEN} JPY`)];
    given(...away)
      .when(command('deposit', { asset: 'JPY', amount: '1' }))
      .thenRejected('amount_out_of_range', { asset: 'JPY' });
    given(...away)
      .when(giveBack())
      .thenEvent({ balances: [{ asset: 'JPY', available: MOST_YEN, held: '0' }] });
    given(...away, transferCompleted(`${MOST_YEN} JPY`))
      .when(command('deposit', { asset: 'JPY', amount: MOST_YEN }))
      .thenEvent({ type: 'deposited' });
  });

  it('of a transfer back says which entry was to be reversed', () =>
    given(
      opened(),
      transferReceived('30.00 USD', { transferId: eventIdAt(8) }),
      transferSent('30.00 USD', { reverses: eventIdAt(1), reason: 'a mistake' }),
    )
      .when(giveBack())
      .thenEvent({ type: 'transfer-returned', reverses: eventIdAt(1) }));
});

describe('an account with a transfer under way', () => {
  const away = [opened(), deposited('30.00 USD'), transferSent('30.00 USD')];

  it('cannot be closed, though it is empty: the money may come back', () => {
    given(...away)
      .when(command('close-account'))
      .thenRejected('account_not_empty');
    given(...away, frozen())
      .when(command('close-account'))
      .thenRejected('account_not_empty');
  });

  it('can be closed once it has ended', () => {
    given(...away, transferCompleted('30.00 USD'))
      .when(command('close-account'))
      .thenEvent({ type: 'account-closed' });
    given(...away, transferReturned('30.00 USD'))
      .when(command('close-account'))
      .thenRejected('account_not_empty');
  });

  it('as its recipient can', () =>
    given(
      opened(),
      event('transfer-refused', { transferId: TRANSFER, from: RECIPIENT, asset: 'USD', amount: '1.00', reason: 'recipient_frozen' }),
    )
      .when(command('close-account'))
      .thenEvent({ type: 'account-closed' }));
});
