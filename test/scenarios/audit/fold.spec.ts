import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { LogEvent } from '../log.ts';
import { foldLog } from './fold.ts';

const [ANN, BOB] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
const left = (available: string, held = '0.00', asset = 'USD') => ({ balances: [{ asset, available, held }] });

type Written = readonly [account: string, id: string, type: string, data: Record<string, unknown>];
/** A log in which all is well: money comes in, is held, ordered with, sent, refused, taken back. */
const LOG: readonly Written[] = [
  [ANN, 'a0', 'account-opened', {}],
  [BOB, 'b0', 'account-opened', {}],
  [ANN, 'paid', 'deposited', { asset: 'USD', amount: '100.00', externalId: 'payment', ...left('100.00') }],
  [
    ANN,
    'hold',
    'hold-placed',
    {
      holdId: 'hold',
      asset: 'USD',
      amount: '30.00',
      placedBy: 'operator',
      expiresAt: '2026-01-01T00:00:00.000Z',
      ...left('70.00', '30.00'),
    },
  ],
  [ANN, 'captured', 'hold-captured', { holdId: 'hold', asset: 'USD', amount: '10.00', remaining: '20.00', ...left('70.00', '20.00') }],
  [ANN, 'expired', 'hold-expired', { holdId: 'hold', asset: 'USD', amount: '20.00', ...left('90.00') }],
  [
    ANN,
    'order',
    'order-placed',
    {
      orderId: 'order',
      tokenIn: 'USD',
      tokenOut: 'BTC',
      amountIn: '40.00',
      filledOut: '0.0',
      targetPrice: '0.05',
      ...left('50.00', '40.00'),
    },
  ],
  [
    ANN,
    'fill',
    'order-filled',
    {
      orderId: 'order',
      tokenIn: 'USD',
      tokenOut: 'BTC',
      amountIn: '10.00',
      amountOut: '0.5',
      filledIn: '10.00',
      filledOut: '0.5',
      orderStatus: 'pending',
      txHash: '0x1',
      fee: { asset: 'BTC', amount: '0.1' },
      balances: [
        { asset: 'BTC', available: '0.4', held: '0.0' },
        { asset: 'USD', available: '50.00', held: '30.00' },
      ],
    },
  ],
  [ANN, 'cancelled', 'order-cancelled', { orderId: 'order', asset: 'USD', amount: '30.00', ...left('80.00') }],
  [ANN, 'sent', 'transfer-sent', { transferId: 'sent', to: BOB, asset: 'USD', amount: '80.00', ...left('0.00') }],
  [BOB, 'received', 'transfer-received', { transferId: 'sent', from: ANN, asset: 'USD', amount: '80.00', ...left('80.00') }],
  [ANN, 'completed', 'transfer-completed', { transferId: 'sent', to: BOB, asset: 'USD', amount: '80.00' }],
  [ANN, 'frozen', 'account-frozen', {}],
  [BOB, 'back', 'transfer-sent', { transferId: 'back', to: ANN, asset: 'USD', amount: '80.00', reverses: 'received', ...left('0.00') }],
  [ANN, 'refused', 'transfer-refused', { transferId: 'back', from: BOB, asset: 'USD', amount: '80.00', reason: 'recipient_frozen' }],
  [
    BOB,
    'returned',
    'transfer-returned',
    { transferId: 'back', to: ANN, asset: 'USD', amount: '80.00', reason: 'recipient_frozen', reverses: 'received', ...left('80.00') },
  ],
  [BOB, 'poor', 'command-rejected', { code: 'insufficient_funds', fields: { asset: 'USD', available: '80.00', requested: '80.01' } }],
  [BOB, 'withdrawn', 'withdrawn', { asset: 'USD', amount: '80.00', ...left('0.00') }],
  [BOB, 'undone', 'entry-reversed', { asset: 'USD', amount: '80.00', reverses: 'withdrawn', reversedType: 'withdrawn', ...left('80.00') }],
];

/** The events in their places, with a command each. */
function logOf(written: readonly Written[]): LogEvent[] {
  const revisions = new Map<string, bigint>();
  return written.map(([account, id, type, data], n) => {
    const stream = `account-${account}`;
    const revision = (revisions.get(stream) ?? -1n) + 1n;
    revisions.set(stream, revision);
    const metadata = { commandId: randomUUID(), occurredAt: '2026-01-01T00:00:00.000Z' };
    return { stream, revision, position: BigInt(n), id, type, data, metadata };
  });
}
const audit = (log: readonly LogEvent[]) => foldLog(log, () => false);

/** Events added at the end, or one of them said otherwise. */
const and = (...more: readonly Written[]): LogEvent[] => logOf([...LOG, ...more]);
const told = (id: string, as: string | undefined, said: Record<string, unknown>): LogEvent[] =>
  logOf(LOG.map((event) => (event[1] === id ? [event[0], id, as ?? event[2], { ...event[3], ...said }] : event)));
const but = (id: string, said: Record<string, unknown>): LogEvent[] => told(id, undefined, said);

test('a log in which all is well is folded to its figures', () => {
  const books = audit(and());
  expect([...books.balances].sort()).toEqual([
    `${ANN} BTC 0.4 0.0`,
    `${ANN} USD 0.00 0.00`,
    `${BOB} USD 80.00 0.00`,
    '@fees BTC 0.1 0.0',
    '@transit USD 0.00 0.00',
    '@venue BTC -0.5 0.0',
    '@venue USD 10.00 0.00',
    '@world USD -90.00 0.00',
  ]);
  expect(books.holds).toEqual([`hold ${ANN} USD 30.00 0.00 10.00 expired operator`]);
  expect(books.orders).toEqual([`order ${ANN} USD BTC 40.00 10.00 0.5 cancelled`]);
  expect(books.transfers).toEqual([
    `sent ${ANN} ${BOB} USD 80.00 completed - - received`,
    `back ${BOB} ${ANN} USD 80.00 returned recipient_frozen received -`,
  ]);
  expect(books.reversals).toEqual([`received ${BOB} false`, `withdrawn ${BOB} true`]);
  expect(books.accounts).toEqual([`${ANN} 11 frozen`, `${BOB} 6 open`]);
});

const usd = (amount: string) => ({ asset: 'USD', amount });
const breaches: readonly (readonly [what: string, log: readonly LogEvent[], says: RegExp])[] = [
  ['a gap in a stream', and().filter(({ id }) => id !== 'cancelled'), /follows on revision/],
  ['a command twice', and().map((event) => ({ ...event, metadata: { ...event.metadata, commandId: 'the same' } })), /second outcome/],
  ['an event of no known type', and([BOB, 'x', 'points-granted', {}]), /type is unknown/],
  ['a balance below zero', and([BOB, 'x', 'withdrawn', usd('80.01')]), /takes USD to -0\.01/],
  ['another balance than is said', but('withdrawn', left('0.01')), /says it leaves/],
  [
    'a payment twice',
    and([ANN, 'y', 'account-unfrozen', {}], [ANN, 'x', 'deposited', { ...usd('1.00'), externalId: 'payment' }]),
    /is there already/,
  ],
  ['a frozen account that moves', and([ANN, 'x', 'deposited', usd('1.00')]), /is frozen/],
  ['an account closed with money in it', and([BOB, 'x', 'account-closed', {}]), /not empty/],
  [
    'an account closed with money of its under way',
    and([BOB, 'x', 'transfer-sent', { transferId: 'x', to: ANN, ...usd('80.00') }], [BOB, 'y', 'account-closed', {}]),
    /not empty/,
  ],
  ['a refusal with wrong figures', but('poor', { fields: { asset: 'USD', available: '79.00', requested: '80.01' } }), /were available/],
  ['a refusal of what there was', but('poor', { fields: { asset: 'USD', available: '80.00', requested: '80.00' } }), /were available/],
  ['a hold that ends twice', and([ANN, 'x', 'hold-expired', { holdId: 'hold', ...usd('20.00') }]), /takes USD to|is expired/],
  ['a capture that says another rest', but('captured', { remaining: '21.00' }), /has 20\.00 left/],
  ['a hold that gives back more than it has', but('expired', { ...usd('21.00'), balances: undefined }), /held/],
  ['an expiry before its time', but('hold', { expiresAt: '2026-01-01T00:00:00.001Z' }), /its time is over at/],
  ['an expiry of what has no end', but('hold', { expiresAt: undefined }), /its time is over at/],
  ['a fill under the price', but('order', { targetPrice: '0.0500000001' }), /price is not met/],
  ['a fill that says another status', but('fill', { orderStatus: 'executed' }), /is pending/],
  ['a fee in another asset', but('fill', { fee: { asset: 'USD', amount: '0.1' } }), /fee is in another asset/],
  [
    'a transfer that arrives twice',
    and([BOB, 'x', 'transfer-received', { transferId: 'sent', from: ANN, ...usd('80.00') }]),
    /is completed/,
  ],
  ['a transfer that was never sent', and([BOB, 'x', 'transfer-received', { transferId: 'x', from: ANN, ...usd('80.00') }]), /never sent/],
  ['a transfer that arrives with another amount', but('received', { ...usd('80.01'), ...left('80.01') }), /of 80\.00/],
  ['a transfer completed that was refused', told('returned', 'transfer-completed', { balances: undefined }), /not received/],
  [
    'a transfer that comes back though it arrived',
    told('completed', 'transfer-returned', { reason: 'recipient_frozen', ...left('80.00') }),
    /was not refused so/,
  ],
  ['a transfer returned for another reason', but('returned', { reason: 'recipient_closed' }), /was not refused so/],
  [
    'an entry reversed twice',
    and([BOB, 'x', 'entry-reversed', { ...usd('80.00'), reverses: 'withdrawn', reversedType: 'withdrawn' }]),
    /reversed already/,
  ],
  ['an entry reversed by another amount', but('undone', { ...usd('79.00'), ...left('79.00') }), /changed -80\.00/],
  ['an entry of another account reversed', but('undone', { reverses: 'paid' }), /has no entry/],
];
test.each(breaches)('the audit finds %s', (_what, log, says) => {
  expect(() => audit(log)).toThrow(says);
});
