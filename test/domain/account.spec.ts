import { describe, expect, it } from 'vitest';
import { evolve } from '../../src/domain/account.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { InvariantViolated } from '../../src/domain/invariant.ts';
import {
  closed,
  deposited,
  event,
  fold,
  frozen,
  HOLD,
  holdCaptured,
  holdPlaced,
  holdReleased,
  NOON,
  opened,
  orderCancelled,
  orderFilled,
  orderPlaced,
  transferCompleted,
  transferReturned,
  transferSent,
  unfrozen,
  withdrawn,
} from './given.ts';

/** Streams that no decision could have written: whoever wrote them went past the ledger, and the fold stops there. */
const IMPOSSIBLE: Readonly<Record<string, readonly StoredEvent[]>> = {
  'more taken than there is': [deposited('1.00 USD'), withdrawn('1.01 USD')],
  'an amount at another scale': [deposited('1.00 USD'), deposited('1.000 USD')],
  'an account opened twice': [opened()],
  'an account frozen twice': [frozen(), frozen()],
  'a closed account unfrozen': [closed(), unfrozen()],
  'an asset registered in an account': [event('asset-registered', { code: 'XAU', name: 'Gold', kind: 'coin', scale: 3, active: true })],
  'more held than there is': [deposited('1.00 USD'), holdPlaced('1.01 USD')],
  'a hold placed twice': [deposited('1.00 USD'), holdPlaced('0.10 USD'), holdPlaced('0.10 USD')],
  'a capture of no hold': [deposited('1.00 USD'), holdCaptured('1.00 USD', '0.00')],
  'a capture above the hold': [deposited('1.00 USD'), holdPlaced('0.50 USD'), holdCaptured('0.60 USD', '0.00')],
  'a capture that leaves another rest': [deposited('1.00 USD'), holdPlaced('0.50 USD'), holdCaptured('0.10 USD', '0.30')],
  'a capture in another asset': [deposited('1.00 USD'), deposited('1.00 EUR'), holdPlaced('0.50 USD'), holdCaptured('0.50 EUR', '0.00')],
  'a release of a part': [deposited('1.00 USD'), holdPlaced('0.50 USD'), holdReleased('0.40 USD')],
  'a hold released twice': [deposited('1.00 USD'), holdPlaced('0.50 USD'), holdReleased('0.50 USD'), holdReleased('0.50 USD')],
  'a fill of no order': [deposited('1.00 USD'), orderFilled('1.00 USD', '1.00000000 BTC')],
  'a fill above the rest': [deposited('2.00 USD'), orderPlaced('1.00 USD', 'BTC'), orderFilled('1.01 USD', '1.00000000 BTC')],
  'a fill that forgets the one before': [
    deposited('2.00 USD'),
    orderPlaced('2.00 USD', 'BTC'),
    orderFilled('1.00 USD', '1.00000000 BTC'),
    orderFilled('0.50 USD', '1.00000000 BTC'),
  ],
  'a last fill that leaves the order pending': [
    deposited('1.00 USD'),
    orderPlaced('1.00 USD', 'BTC'),
    orderFilled('1.00 USD', '1.00000000 BTC', { orderStatus: 'pending' }),
  ],
  'a cancel that releases what was filled': [
    deposited('1.00 USD'),
    orderPlaced('1.00 USD', 'BTC'),
    orderFilled('0.40 USD', '1.00000000 BTC'),
    orderCancelled('1.00 USD', { filledIn: '0.40', filledOut: '1.00000000' }),
  ],
  'a cancel with other figures': [
    deposited('1.00 USD'),
    orderPlaced('1.00 USD', 'BTC'),
    orderCancelled('1.00 USD', { filledIn: '0.40', filledOut: '0.00000000' }),
  ],
  'a transfer that ends twice': [
    deposited('1.00 USD'),
    transferSent('1.00 USD'),
    transferCompleted('1.00 USD'),
    transferReturned('1.00 USD'),
  ],
  'a return of another amount': [deposited('1.00 USD'), transferSent('1.00 USD'), transferReturned('1.01 USD')],
};

describe('the fold of an account', () => {
  it.each(Object.keys(IMPOSSIBLE))('stops at %s', (name) =>
    expect(() => fold([opened(), ...(IMPOSSIBLE[name] ?? [])])).toThrow(InvariantViolated),
  );

  it('stops at a gap in the revisions', () =>
    expect(() => evolve(fold([opened()]), { event: deposited('1.00 USD'), revision: 2n, occurredAt: NOON })).toThrow(InvariantViolated));

  it('carries what is open, and forgets it at its end', () => {
    const held = fold([opened(), deposited('1.00 USD'), holdPlaced('0.50 USD'), holdCaptured('0.20 USD', '0.30')]);
    expect([...held.holds.values()]).toMatchObject([{ holdId: HOLD, remaining: { minor: 30n, scale: 2 } }]);
    const spent = fold([opened(), deposited('1.00 USD'), holdPlaced('0.50 USD'), holdCaptured('0.50 USD', '0.00')]);
    expect(spent.holds.size).toBe(0);
    const sent = [opened(), deposited('1.00 USD'), transferSent('0.70 USD')];
    expect([fold(sent).transfers.size, fold([...sent, transferReturned('0.70 USD')]).transfers.size]).toEqual([1, 0]);
  });

  it('passes over an annulled event but for its revision', () => {
    const before = fold([opened(), deposited('1.00 USD')]);
    expect(evolve(before, { event: { type: 'annulled' }, revision: 2n })).toEqual({ ...before, revision: 2n });
  });
});
