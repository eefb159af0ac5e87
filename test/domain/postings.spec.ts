import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMinor, MAX_MINOR } from '../../src/domain/amounts.ts';
import type { Asset } from '../../src/domain/assets.ts';
import { INITIAL_ASSETS } from '../../src/domain/assets.ts';
import type { EventType, StoredEvent } from '../../src/domain/events.ts';
import { EVENTS, REVERSIBLE_IN_PLACE } from '../../src/domain/events.ts';
import type { Posting } from '../../src/domain/postings.ts';
import { postingsOf } from '../../src/domain/postings.ts';
import {
  ACCOUNT,
  closed,
  deposited,
  event,
  FILL,
  frozen,
  holdCaptured,
  holdExpired,
  holdPlaced,
  holdReleased,
  limitsSet,
  ORDER,
  opened,
  orderFilled,
  orderPlaced,
  RECIPIENT,
  TRANSFER,
  transferCompleted,
  transferReceived,
  transferReturned,
  transferSent,
  unfrozen,
  withdrawn,
} from './given.ts';

const anyAsset = fc.constantFrom(...INITIAL_ASSETS);
const text = (minor: bigint, { scale }: Asset): string => formatMinor(minor, scale);
/** `12.34 USD`: above zero. */
const money = fc.tuple(anyAsset, fc.bigInt({ min: 1n, max: MAX_MINOR })).map(([asset, minor]) => `${text(minor, asset)} ${asset.code}`);
const quantity = (min: bigint) =>
  fc.tuple(anyAsset, fc.bigInt({ min, max: MAX_MINOR })).map(([asset, minor]) => ({ asset: asset.code, quantity: text(minor, asset) }));
const twoAssets = fc.shuffledSubarray([...INITIAL_ASSETS], { minLength: 2, maxLength: 2 });
const anyOrder = fc
  .tuple(twoAssets, fc.bigInt({ min: 1n, max: MAX_MINOR }))
  .map(([[tokenIn, tokenOut], minor]) => [tokenIn && `${text(minor, tokenIn)} ${tokenIn.code}`, tokenOut?.code] as const);
const anyFill = fc
  .tuple(twoAssets, fc.bigInt({ min: 1n, max: MAX_MINOR }), fc.bigInt({ min: 1n, max: MAX_MINOR }), fc.bigInt({ min: 0n, max: MAX_MINOR }))
  .map(([[tokenIn, tokenOut], inMinor, outMinor, feeMinor]) => {
    if (tokenIn === undefined || tokenOut === undefined) throw new Error('two assets');
    const fee = feeMinor % (outMinor + 1n); // from nothing to all of the proceeds
    return orderFilled(`${text(inMinor, tokenIn)} ${tokenIn.code}`, `${text(outMinor, tokenOut)} ${tokenOut.code}`, {
      ...(fee === 0n ? {} : { fee: { asset: tokenOut.code, amount: text(fee, tokenOut) } }),
    });
  });
const orderEnded = (type: 'order-cancelled' | 'order-expired') =>
  fc
    .tuple(anyAsset, fc.bigInt({ min: 1n, max: MAX_MINOR }))
    .map(([asset, minor]) =>
      event(type, { orderId: ORDER, asset: asset.code, amount: text(minor, asset), filledIn: text(0n, asset), filledOut: '0' }),
    );

/** One arbitrary per event type: a type without one does not compile. */
const arbitraries: { readonly [Type in EventType]: fc.Arbitrary<StoredEvent> } = {
  'account-opened': fc.constant(opened()),
  'account-frozen': fc.constant(frozen()),
  'account-unfrozen': fc.constant(unfrozen()),
  'account-closed': fc.constant(closed()),
  'limits-set': fc.constant(limitsSet('USD', { perDay: '1.00' })),
  deposited: money.map((some) => deposited(some)),
  withdrawn: money.map((some) => withdrawn(some)),
  'coin-updated': quantity(-MAX_MINOR).map((some) => event('coin-updated', some)),
  'coin-removed': quantity(0n).map((some) => event('coin-removed', some)),
  'hold-placed': money.map((some) => holdPlaced(some)),
  'hold-captured': money.map((some) => holdCaptured(some, '0')),
  'hold-released': money.map((some) => holdReleased(some)),
  'hold-expired': money.map((some) => holdExpired(some)),
  'order-placed': anyOrder.map(([spent = '', tokenOut = '']) => orderPlaced(spent, tokenOut)),
  'order-filled': anyFill,
  'fill-repeated': fc.constant(event('fill-repeated', { orderId: ORDER, fillId: FILL, orderStatus: 'pending', firstRevision: '3' })),
  'order-cancelled': orderEnded('order-cancelled'),
  'order-expired': orderEnded('order-expired'),
  'transfer-sent': money.map((some) => transferSent(some)),
  'transfer-received': money.map((some) => transferReceived(some)),
  'transfer-refused': money.map((some) => {
    const [amount, asset] = some.split(' ');
    return event('transfer-refused', { transferId: TRANSFER, from: RECIPIENT, asset, amount, reason: 'recipient_closed' });
  }),
  'transfer-completed': money.map((some) => transferCompleted(some)),
  'transfer-returned': money.map((some) => transferReturned(some)),
  'entry-reversed': fc
    .tuple(quantity(-MAX_MINOR), fc.constantFrom(...REVERSIBLE_IN_PLACE))
    .map(([{ asset, quantity: amount }, reversedType]) =>
      event('entry-reversed', { asset, amount, reverses: FILL, reversedType, reason: 'r' }),
    ),
  'asset-registered': fc.constant(event('asset-registered', { code: 'XAU', name: 'Gold', kind: 'coin', scale: 3, active: true })),
  'command-rejected': fc.constant(
    event('command-rejected', { commandType: 'withdraw', code: 'insufficient_funds', detail: 'd', fields: {} }),
  ),
};
const MOVES_NOTHING: readonly EventType[] = [
  'account-opened',
  'account-frozen',
  'account-unfrozen',
  'account-closed',
  'limits-set',
  'fill-repeated',
  'transfer-refused',
  'transfer-completed',
  'asset-registered',
  'command-rejected',
];

/** `@world -1234 USD`, one a line of the journal; the account itself by its bucket. */
const lines = (happened: StoredEvent): readonly string[] => postingsOf(happened, ACCOUNT).map(lineOf);
const lineOf = ({ account, bucket, asset, amountMinor }: Posting): string =>
  `${account === ACCOUNT ? bucket : account} ${amountMinor} ${asset}`;

describe('postings', () => {
  it.each(Object.keys(EVENTS).filter((type): type is EventType => type in EVENTS))('of %s sum to zero per asset', (type) =>
    fc.assert(
      fc.property(arbitraries[type], (happened) => {
        const sums = new Map<string, bigint>();
        for (const { asset, amountMinor } of postingsOf(happened, ACCOUNT)) sums.set(asset, (sums.get(asset) ?? 0n) + amountMinor);
        expect([...sums.values()].every((sum) => sum === 0n)).toBe(true);
        if (MOVES_NOTHING.includes(type)) expect(sums.size).toBe(0);
        else if (type !== 'coin-updated' && type !== 'coin-removed' && type !== 'entry-reversed') expect(sums.size).toBeGreaterThan(0);
      }),
    ),
  );

  const fee = { asset: 'BTC', amount: '0.00000005' };
  const inPlace = (reversedType: string, asset: string, amount: string) =>
    event('entry-reversed', { asset, amount, reverses: FILL, reversedType, reason: 'r' });
  const ended = { orderId: ORDER, asset: 'USD', amount: '12.34', filledIn: '0.00', filledOut: '0' };
  it.each<[string, StoredEvent, readonly string[]]>([
    ['a deposit comes from the world', deposited('12.34 USD'), ['@world -1234 USD', 'available 1234 USD']],
    ['a withdrawal goes there', withdrawn('12.34 USD'), ['available -1234 USD', '@world 1234 USD']],
    [
      'a coin comes from the portfolio',
      event('coin-updated', { asset: 'BTC', quantity: '0.00000007' }),
      ['@portfolio -7 BTC', 'available 7 BTC'],
    ],
    ['a hold is set aside', holdPlaced('12.34 USD'), ['available -1234 USD', 'held 1234 USD']],
    ['a capture pays the world', holdCaptured('12.34 USD', '0.00'), ['held -1234 USD', '@world 1234 USD']],
    ['a release gives back', holdReleased('12.34 USD'), ['held -1234 USD', 'available 1234 USD']],
    ['an expiry too', holdExpired('12.34 USD'), ['held -1234 USD', 'available 1234 USD']],
    ['an order sets aside what it pays', orderPlaced('12.34 USD', 'BTC'), ['available -1234 USD', 'held 1234 USD']],
    [
      'a fill is an exchange with the venue, and its fee goes apart',
      orderFilled('12.34 USD', '0.00000100 BTC', { fee }),
      ['held -1234 USD', '@venue 1234 USD', '@venue -95 BTC', 'available 95 BTC', '@venue -5 BTC', '@fees 5 BTC'],
    ],
    ['a cancelled order gives back', event('order-cancelled', ended), ['held -1234 USD', 'available 1234 USD']],
    ['an expired one too', event('order-expired', ended), ['held -1234 USD', 'available 1234 USD']],
    ['a transfer is on its way', transferSent('12.34 USD'), ['available -1234 USD', '@transit 1234 USD']],
    ['and arrives', transferReceived('12.34 USD'), ['@transit -1234 USD', 'available 1234 USD']],
    ['or comes back', transferReturned('12.34 USD'), ['@transit -1234 USD', 'available 1234 USD']],
    ['a reversed deposit goes back to the world', inPlace('deposited', 'USD', '-12.34'), ['@world 1234 USD', 'available -1234 USD']],
    ['a reversed coin change to the portfolio', inPlace('coin-removed', 'BTC', '0.00000007'), ['@portfolio -7 BTC', 'available 7 BTC']],
  ])('%s', (_name, happened, expected) => expect(lines(happened)).toEqual(expected));
});
