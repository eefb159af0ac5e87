import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/domain/events.ts';
import { nameOfFact } from '../../src/domain/facts.ts';
import type { OrderId } from '../../src/domain/ids.ts';
import { balancesOf, unequalBooks } from '../../src/projections/balances.ts';
import { findFacts } from '../../src/projections/facts.ts';
import { listOrderEvents } from '../../src/projections/order-events.ts';
import type { OrderFilter } from '../../src/projections/orders.ts';
import { findOrder, listOrders } from '../../src/projections/orders.ts';
import {
  assetCode,
  deposited,
  holdPlaced,
  newAccountId,
  newEvent,
  newHoldId,
  newOrderId,
  orderEnded,
  orderFilled,
  orderPlaced,
} from '../eventstore/new-events.ts';
import { annulWhereItHalts } from './annul-halted.ts';
import { dollarAccount } from './dollar-account.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';
import { startLedger } from './ledger-under-test.ts';

let ledger: LedgerUnderTest;
beforeAll(async () => {
  ledger = await startLedger();
  ledger.projector().start();
});
afterAll(() => ledger.close());

const account = (ownerId?: string) => dollarAccount(ledger, ownerId);
/** What two fills leave of an order of 10.00. */
const halfFilled = { filledIn: '4.00', filledOut: '0.00010000', orderStatus: 'pending' } as const;
const wholeFilled = { filledIn: '10.00', filledOut: '0.00025001', orderStatus: 'executed' } as const;
const firstHalf = (orderId: OrderId, fields = {}) => orderFilled(orderId, '4.00', '0.00010000', { ...halfFilled, ...fields });
const secondHalf = (orderId: OrderId, fields = {}) => orderFilled(orderId, '6.00', '0.00015001', { ...wholeFilled, ...fields });

describe('an order', () => {
  it('is filled in parts until it is executed, each event in a batch of its own', async () => {
    const { accountId, stream } = await account('owner-1');
    const orderId = newOrderId();
    const happens = async (event: StoredEvent, occurredAt: string): Promise<bigint> => {
      const position = await ledger.append(stream, newEvent(event, { occurredAt }));
      await ledger.caughtUp();
      return position;
    };
    const placedPosition = await happens(
      orderPlaced(orderId, '10.00', { orderType: 'LIMIT', targetPrice: '0.000025000', expiresAt: '2026-03-01T00:00:00Z' }),
      '2026-02-01T10:00:00Z',
    );
    const placed = {
      orderId,
      accountId,
      ownerId: 'owner-1',
      tokenIn: 'USD',
      tokenOut: 'BTC',
      amountIn: '10.00',
      filledIn: '0.00',
      filledOut: '0.00000000',
      targetPrice: '0.000025000',
      orderType: 'LIMIT',
      status: 'pending',
      createdAt: '2026-02-01T10:00:00.000Z',
      expiresAt: '2026-03-01T00:00:00.000Z',
      placedPosition,
    };
    expect(await findOrder(ledger.db, orderId)).toEqual(placed);
    const fee = { asset: assetCode('BTC'), amount: '0.00000001' };
    await happens(firstHalf(orderId, { fee }), '2026-02-01T11:00:00Z');
    const half = { ...placed, filledIn: '4.00', filledOut: '0.00010000' };
    expect(await findOrder(ledger.db, orderId)).toEqual(half);
    const last = await happens(secondHalf(orderId), '2026-02-01T12:00:00Z');
    const { filledIn, filledOut } = wholeFilled;
    const executed = { ...placed, filledIn, filledOut, status: 'executed', executedAt: '2026-02-01T12:00:00.000Z' };
    expect(await findOrder(ledger.db, orderId)).toEqual(executed);
    expect(await ledger.db.selectFrom('orders').select('position').where('order_id', '=', orderId).execute()).toEqual([{ position: last }]);
    expect(await balancesOf(ledger.db, accountId)).toMatchObject([
      { asset: 'BTC', available: '0.00025000', held: '0.00000000' },
      { asset: 'USD', available: '90.00', held: '0.00' },
    ]);
  });

  it('that is cancelled or expires keeps what was filled, in one batch with the whole of its life', async () => {
    const { accountId, append } = await account();
    const [cancelled, expired] = [newOrderId(), newOrderId()];
    const { filledIn, filledOut } = halfFilled;
    await append(
      orderPlaced(cancelled, '10.00'),
      orderPlaced(expired, '20.00'),
      firstHalf(cancelled),
      orderEnded('order-cancelled', cancelled, '6.00', { filledIn, filledOut }),
      orderEnded('order-expired', expired, '20.00'),
    );
    const one = await findOrder(ledger.db, cancelled);
    expect(one).toMatchObject({ status: 'cancelled', amountIn: '10.00', filledIn, filledOut, cancelledAt: one?.createdAt });
    for (const absent of ['ownerId', 'targetPrice', 'expiresAt', 'executedAt']) expect(one).not.toHaveProperty(absent);
    const other = await findOrder(ledger.db, expired);
    expect(other).toMatchObject({ status: 'expired', amountIn: '20.00', filledIn: '0.00', filledOut: '0.00000000' });
    for (const absent of ['cancelledAt', 'executedAt']) expect(other).not.toHaveProperty(absent);
    expect(await balancesOf(ledger.db, accountId)).toMatchObject([{ asset: 'BTC' }, { asset: 'USD', available: '96.00', held: '0.00' }]);
    expect(await unequalBooks(ledger.db)).toEqual([]);
  });

  it('keeps every digit of both its assets', async () => {
    const { append } = await account();
    const [tokenIn, tokenOut] = [assetCode('JPY'), assetCode('ETH')];
    const orderId = newOrderId();
    const huge = `${'9'.repeat(42)}.${'8'.repeat(17)}1`;
    const tokens = { tokenIn, tokenOut };
    await append(deposited('9007199254740993', { asset: tokenIn }));
    await append(
      orderPlaced(orderId, '9007199254740993', { ...tokens, filledIn: '0', filledOut: `0.${'0'.repeat(18)}` }),
      orderFilled(orderId, '9007199254740992', huge, {
        ...tokens,
        filledIn: '9007199254740992',
        filledOut: huge,
        orderStatus: 'pending',
      }),
    );
    expect(await findOrder(ledger.db, orderId)).toMatchObject({
      amountIn: '9007199254740993',
      filledIn: '9007199254740992',
      filledOut: huge,
      status: 'pending',
    });
  });

  it('is not found where there is none', async () => {
    expect(await findOrder(ledger.db, newOrderId())).toBeUndefined();
  });
});

describe('orders', () => {
  it('are listed newest first, in pages both ways: all, an account’s, an owner’s, those of a status', async () => {
    const [one, two, stranger] = [await account('owner-2'), await account('owner-2'), await account('owner-3')];
    const ids = Array.from({ length: 7 }, () => newOrderId());
    for (const [at, orderId] of ids.entries()) await (at % 2 === 0 ? one : two).append(orderPlaced(orderId, '10.00'));
    const strangers = newOrderId();
    await stranger.append(orderPlaced(strangers, '10.00'));
    const [a, b, c, d, e, f, g] = ids;
    if (a === undefined || c === undefined || d === undefined) throw new Error('too few orders');
    await one.append(firstHalf(a), secondHalf(a), orderEnded('order-cancelled', c, '10.00'));
    await two.append(orderEnded('order-expired', d, '10.00'));
    const page = async (filter: OrderFilter, cursor?: string, limit = 3) => {
      const { data, ...rest } = await listOrders(ledger.db, filter, { limit, cursor });
      return { ...rest, ids: data.map(({ orderId }) => orderId) };
    };
    const ownerId = 'owner-2';
    const first = await page({ ownerId });
    const second = await page({ ownerId }, first.next);
    const third = await page({ ownerId }, second.next);
    expect([first.ids, second.ids, third.ids]).toEqual([[g, f, e], [d, c, b], [a]]);
    expect([first.hasMore, second.hasMore, third.hasMore]).toEqual([true, true, false]);
    expect((await page({ ownerId }, third.previous)).ids).toEqual(second.ids);
    expect((await page({ ownerId, status: 'pending' })).ids).toEqual([g, f, e]);
    expect((await page({ ownerId, status: 'executed' })).ids).toEqual([a]);
    expect((await page({ accountId: one.accountId }, undefined, 9)).ids).toEqual([g, e, c, a]);
    expect((await page({ accountId: one.accountId, status: 'pending' }, undefined, 9)).ids).toEqual([g, e]);
    expect((await page({ accountId: one.accountId, ownerId: 'owner-3' })).ids).toEqual([]);
    expect((await page({ accountId: newAccountId() })).ids).toEqual([]);
    expect((await page({})).ids).toEqual([strangers, g, f]);
    const pending = await page({ status: 'pending' });
    expect(pending.ids).toEqual([strangers, g, f]);
    expect((await page({ status: 'pending' }, pending.next)).ids.slice(0, 2)).toEqual([e, b]);
    expect((await page({ status: 'cancelled' })).ids[0]).toBe(c);
    expect((await page({ status: 'expired' })).ids[0]).toBe(d);
    expect((await page({ status: 'executed' })).ids[0]).toBe(a);
    const [newest] = (await listOrders(ledger.db, {}, { limit: 1 })).data;
    expect(newest).toEqual(await findOrder(ledger.db, strangers));
    await expect(page({ ownerId }, 'nonsense')).rejects.toMatchObject({ name: 'InvalidCursor' });
  });
});

describe('the events of an order', () => {
  it('are its own alone, oldest first, in pages, as they are in the log; a repeated fill is none', async () => {
    const { stream } = await account();
    const [orderId, other] = [newOrderId(), newOrderId()];
    const fillId = newOrderId();
    const at = { occurredAt: '2026-01-31T09:00:00Z' }; // before what was recorded last
    const reported = { txHash: '0x\u0000ff', logIndex: 7, fee: { asset: assetCode('BTC'), amount: '0.00000001' } };
    const placed = newEvent(orderPlaced(orderId, '10.00', { targetPrice: '0.1' }), at);
    const filled = newEvent(firstHalf(orderId, { ...reported, fillId }), at);
    const last = newEvent(
      orderEnded('order-cancelled', orderId, '6.00', { filledIn: halfFilled.filledIn, filledOut: halfFilled.filledOut }),
      at,
    );
    await ledger.append(stream, placed, newEvent(orderPlaced(other, '10.00')), filled);
    await ledger.append(
      stream,
      newEvent({ type: 'fill-repeated', version: 1, balances: [], orderId, fillId, orderStatus: 'pending', firstRevision: '4' }),
    );
    const position = await ledger.append(stream, last);
    await ledger.caughtUp();
    const first = await listOrderEvents(ledger.db, orderId, { limit: 2 });
    const second = await listOrderEvents(ledger.db, orderId, { limit: 2, cursor: first.next });
    expect([first.hasMore, second.hasMore]).toEqual([true, false]);
    const { type: _, ...filledData } = filled.event;
    expect(first.data).toMatchObject([
      { eventId: placed.eventId, type: 'order-placed', revision: 2n, data: { orderId, targetPrice: '0.1' } },
      { eventId: filled.eventId, type: 'order-filled', revision: 4n, data: filledData },
    ]);
    expect(second.data).toMatchObject([
      {
        eventId: last.eventId,
        type: 'order-cancelled',
        revision: 6n,
        position,
        occurredAt: '2026-01-31T09:00:00.000Z',
        recordedAt: '2026-02-01T12:00:00.000Z',
        data: { amount: '6.00' },
      },
    ]);
    expect((await listOrderEvents(ledger.db, orderId, { limit: 2, cursor: second.previous })).data).toEqual(first.data);
    expect((await listOrderEvents(ledger.db, newOrderId(), { limit: 2 })).data).toEqual([]);
    await expect(listOrderEvents(ledger.db, orderId, { limit: 2, cursor: 'nonsense' })).rejects.toMatchObject({ name: 'InvalidCursor' });
  });
});

describe('a fill that the chain has a name for', () => {
  it('is known under it, with or without a log index, with all that its repeat is answered with', async () => {
    const { accountId, stream } = await account();
    const orderId = newOrderId();
    const far = 9_007_199_254_740_991;
    const balances = [{ asset: assetCode('USD'), available: '90.00', held: '6.00' }];
    const first = newEvent(firstHalf(orderId, { txHash: '0xab', balances }));
    const second = newEvent(secondHalf(orderId, { txHash: '0xab', logIndex: far }));
    await ledger.append(stream, newEvent(orderPlaced(orderId, '10.00')), first, second);
    await ledger.caughtUp();
    const keys = [
      { kind: 'fill', txHash: '0xab' },
      { kind: 'fill', txHash: '0xab', logIndex: far },
      { kind: 'fill', txHash: '0xab', logIndex: 0 },
    ] as const;
    const found = (await findFacts(ledger.db, [{ accountId, commandIds: [], keys }])).get(accountId)?.facts;
    const facts = keys.map((key) => found?.get(nameOfFact(key)));
    expect(facts).toEqual([
      {
        kind: 'fill',
        txHash: '0xab',
        commandId: first.metadata.commandId,
        fill: expect.objectContaining({
          orderId,
          amountIn: '4.00',
          amountOut: '0.00010000',
          orderStatus: 'pending',
          revision: 3n,
          balances,
        }),
      },
      {
        kind: 'fill',
        txHash: '0xab',
        logIndex: far,
        commandId: second.metadata.commandId,
        fill: expect.objectContaining({ amountIn: '6.00', orderStatus: 'executed', revision: 4n }),
      },
      undefined,
    ]);
  });
});

describe('the projector halts at exactly', () => {
  type Case = (own: OrderId, others: OrderId) => readonly [misfit: StoredEvent, reason: string, ...before: StoredEvent[]];
  const chain = { txHash: '0xcd', logIndex: 1 };
  it.each<[string, Case]>([
    ['a fill of an order that was never placed', () => [firstHalf(newOrderId()), 'what is not there']],
    [
      'a fill of more than is left',
      (own) => [
        orderFilled(own, '10.01', '0.00010000', { filledIn: '10.01', filledOut: '0.00010000', orderStatus: 'pending' }),
        'does not fit',
      ],
    ],
    ['a fill that says it is the last, and is not', (own) => [firstHalf(own, { orderStatus: 'executed' }), 'does not fit']],
    ['a last fill that says the order is pending', (own) => [secondHalf(own, { orderStatus: 'pending' }), 'does not fit', firstHalf(own)]],
    ['a fill of another asset', (own) => [firstHalf(own, { tokenOut: assetCode('ETH') }), 'does not fit']],
    ['a fill after which less is filled than it says', (own) => [firstHalf(own, { filledIn: '5.00' }), 'is at 4.00 for 0.00010000']],
    ['a fill that has brought other than it says', (own) => [firstHalf(own, { filledOut: '0.00010001' }), 'is at 4.00 for 0.00010000']],
    ['a cancellation that releases less than is left', (own) => [orderEnded('order-cancelled', own, '9.99'), 'does not hold']],
    ['an expiry that releases more than is left', (own) => [orderEnded('order-expired', own, '10.01'), 'does not hold']],
    [
      'a cancellation that forgets what was filled',
      (own) => [orderEnded('order-cancelled', own, '6.00'), 'is at 4.00 for 0.00010000', firstHalf(own)],
    ],
    ['an order that is placed again', (own) => [orderPlaced(own, '10.00'), 'what is pending']],
    [
      'an order that is placed with something filled',
      () => [orderPlaced(newOrderId(), '10.00', { filledIn: '1.00' }), 'placed with 1.00 filled'],
    ],
    ['a fill of an order that was cancelled', (own) => [firstHalf(own), 'what is cancelled', orderEnded('order-cancelled', own, '10.00')]],
    [
      'a cancellation of an order that was executed',
      (own) => [orderEnded('order-cancelled', own, '1.00'), 'what is executed', firstHalf(own), secondHalf(own)],
    ],
    [
      'an order that is placed again after it expired',
      (own) => [orderPlaced(own, '10.00'), 'what is expired', orderEnded('order-expired', own, '10.00')],
    ],
    ['a fill of another account’s order', (_, others) => [firstHalf(others), 'another account']],
    ['a second fill under the same name', (own) => [secondHalf(own, chain), 'order_fills_once', firstHalf(own, chain)]],
    [
      'a second fill under the same name, where the chain has no log index',
      (own) => [secondHalf(own, { txHash: '0xcd' }), 'order_fills_once', firstHalf(own, { txHash: '0xcd' })],
    ],
  ])('%s, in the midst of a batch; annulled, it is as if it had never been', async (_, make) => {
    const [first, second] = [await account(), await account()];
    const [own, others, follows] = [newOrderId(), newOrderId(), newOrderId()];
    const [misfit, reason, ...before] = make(own, others);
    await first.append(orderPlaced(others, '10.00'));
    // So much is held besides that the balances alone would not give any of these away.
    await second.append(holdPlaced(newHoldId(), '50.00'));
    const events = [orderPlaced(own, '10.00'), ...before, misfit, orderPlaced(follows, '1.00')].map((event) => newEvent(event));
    await ledger.append(second.stream, ...events);
    const halt = await annulWhereItHalts(ledger);
    expect(halt).toMatchObject({ stream: second.stream, eventId: events.at(-2)?.eventId, reason: expect.stringContaining(reason) });
    expect(await findOrder(ledger.db, follows)).toMatchObject({ status: 'pending' });
    expect(await findOrder(ledger.db, others)).toMatchObject({ status: 'pending', filledIn: '0.00' });
    const life = await listOrderEvents(ledger.db, own, { limit: 10 });
    expect(life.data.map(({ type }) => type)).toEqual(['order-placed', ...before.map(({ type }) => type)]);
  });
});
