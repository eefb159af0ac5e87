import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/domain/events.ts';
import type { HoldId } from '../../src/domain/ids.ts';
import type { HoldStatus } from '../../src/domain/lifecycles.ts';
import { balancesOf, unequalBooks } from '../../src/projections/balances.ts';
import { findHold, listHolds } from '../../src/projections/holds.ts';
import {
  assetCode,
  BTC,
  coinUpdated,
  deposited,
  holdCaptured,
  holdEnded,
  holdPlaced,
  newEvent,
  newHoldId,
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
const held = async (holdId: HoldId) => {
  const { status, amount, remaining, captured } = (await findHold(ledger.db, holdId)) ?? {};
  return { status, amount, remaining, captured };
};

describe('a hold', () => {
  it('is captured in parts until nothing remains, each event in a batch of its own', async () => {
    const { accountId, stream } = await account('owner-1');
    const holdId = newHoldId();
    const happens = async (event: StoredEvent, occurredAt: string): Promise<bigint> => {
      const position = await ledger.append(stream, newEvent(event, { occurredAt }));
      await ledger.caughtUp();
      return position;
    };
    const placedPosition = await happens(
      holdPlaced(holdId, '10.00', { reference: 'taxi', expiresAt: '2026-03-01T00:00:00.5Z' }),
      '2026-02-01T10:00:00Z',
    );
    const placed = {
      holdId,
      accountId,
      ownerId: 'owner-1',
      asset: 'USD',
      amount: '10.00',
      remaining: '10.00',
      captured: '0.00',
      status: 'open',
      placedBy: 'user',
      reference: 'taxi',
      expiresAt: '2026-03-01T00:00:00.500Z',
      placedAt: '2026-02-01T10:00:00.000Z',
      placedPosition,
    };
    expect(await findHold(ledger.db, holdId)).toEqual(placed);
    await happens(holdCaptured(holdId, '4.00', '6.00'), '2026-02-01T11:00:00Z');
    expect(await findHold(ledger.db, holdId)).toEqual({ ...placed, remaining: '6.00', captured: '4.00' });
    const last = await happens(holdCaptured(holdId, '6.00', '0.00'), '2026-02-01T12:00:00Z');
    const closed = { ...placed, remaining: '0.00', captured: '10.00', status: 'captured', closedAt: '2026-02-01T12:00:00.000Z' };
    expect(await findHold(ledger.db, holdId)).toEqual(closed);
    expect(await ledger.db.selectFrom('holds').select('position').where('hold_id', '=', holdId).execute()).toEqual([{ position: last }]);
    expect(await balancesOf(ledger.db, accountId)).toMatchObject([{ available: '90.00', held: '0.00' }]);
  });

  it('is released or expires with what remains, in one batch with the whole of its life', async () => {
    const { append, accountId } = await account();
    const [released, expired] = [newHoldId(), newHoldId()];
    await append(
      holdPlaced(released, '10.00'),
      holdPlaced(expired, '20.00', { placedBy: 'operator' }),
      holdCaptured(released, '3.00', '7.00'),
      holdEnded('hold-expired', expired, '20.00'),
      holdEnded('hold-released', released, '7.00'),
    );
    expect(await held(released)).toEqual({ status: 'released', amount: '10.00', remaining: '0.00', captured: '3.00' });
    expect(await held(expired)).toEqual({ status: 'expired', amount: '20.00', remaining: '0.00', captured: '0.00' });
    const found = await findHold(ledger.db, expired);
    expect(found).toMatchObject({ placedBy: 'operator', closedAt: found?.placedAt });
    expect(found).not.toHaveProperty('ownerId');
    expect(found).not.toHaveProperty('reference');
    expect(found).not.toHaveProperty('expiresAt');
    expect(await balancesOf(ledger.db, accountId)).toMatchObject([{ available: '97.00', held: '0.00' }]);
    expect(await unequalBooks(ledger.db)).toEqual([]);
  });

  it('keeps every digit of its asset, and shows none where the asset has none', async () => {
    const { append } = await account();
    const [eth, jpy] = [assetCode('ETH'), assetCode('JPY')];
    const [fine, whole] = [newHoldId(), newHoldId()];
    const amount = `${'9'.repeat(42)}.${'0'.repeat(17)}3`;
    await append(deposited(amount, { asset: eth }), deposited('9007199254740993', { asset: jpy }));
    await append(holdPlaced(fine, amount, { asset: eth }), holdPlaced(whole, '9007199254740993', { asset: jpy }));
    const left = `${'9'.repeat(42)}.${'0'.repeat(17)}2`;
    await append(holdCaptured(fine, `0.${'0'.repeat(17)}1`, left, eth), holdCaptured(whole, '1', '9007199254740992', jpy));
    expect(await held(fine)).toEqual({ status: 'open', amount, remaining: left, captured: `0.${'0'.repeat(17)}1` });
    expect(await held(whole)).toEqual({ status: 'open', amount: '9007199254740993', remaining: '9007199254740992', captured: '1' });
    await append(holdEnded('hold-released', fine, left, eth), holdEnded('hold-expired', whole, '9007199254740992', jpy));
    expect(await held(fine)).toMatchObject({ status: 'released', remaining: `0.${'0'.repeat(18)}` });
    expect(await held(whole)).toMatchObject({ status: 'expired', remaining: '0' });
  });

  it('is not found where there is none', async () => {
    expect(await findHold(ledger.db, newHoldId())).toBeUndefined();
  });
});

describe('the holds of an account', () => {
  it('are listed newest first, in pages both ways, all or those of a status', async () => {
    const { append, accountId } = await account('owner-2');
    const other = await account('owner-2');
    await other.append(holdPlaced(newHoldId(), '1.00'));
    const ids = Array.from({ length: 7 }, () => newHoldId());
    for (const holdId of ids) await append(holdPlaced(holdId, '2.00'));
    const [a, b, c, d, e, f, g] = ids;
    if (c === undefined || e === undefined) throw new Error('too few holds');
    await append(holdEnded('hold-released', c, '2.00'), holdCaptured(e, '2.00', '0.00'));
    const page = async (status: HoldStatus | undefined, cursor?: string) => {
      const { data, ...rest } = await listHolds(ledger.db, { accountId, status }, { limit: 3, cursor });
      return { ...rest, ids: data.map(({ holdId }) => holdId) };
    };
    const first = await page(undefined);
    const second = await page(undefined, first.next);
    const third = await page(undefined, second.next);
    expect([first.ids, second.ids, third.ids]).toEqual([[g, f, e], [d, c, b], [a]]);
    expect([first.hasMore, second.hasMore, third.hasMore]).toEqual([true, true, false]);
    expect((await page(undefined, third.previous)).ids).toEqual(second.ids);
    const open = await page('open');
    expect([open.ids, (await page('open', open.next)).ids]).toEqual([
      [g, f, d],
      [b, a],
    ]);
    expect((await page('released')).ids).toEqual([c]);
    expect((await page('captured')).ids).toEqual([e]);
    expect((await page('expired')).ids).toEqual([]);
    const [newest] = (await listHolds(ledger.db, { accountId }, { limit: 1 })).data;
    expect(newest).toEqual(await findHold(ledger.db, newest?.holdId ?? newHoldId()));
    const madeUp = Buffer.from(JSON.stringify(['n', [`${2n ** 63n}`]])).toString('base64url'); // more than Postgres can count
    for (const cursor of ['nonsense', madeUp]) await expect(page(undefined, cursor)).rejects.toMatchObject({ name: 'InvalidCursor' });
  });
});

describe('the projector halts at exactly', () => {
  type Case = (own: HoldId, others: HoldId) => readonly [misfit: StoredEvent, reason: string, ...before: StoredEvent[]];
  it.each<[string, Case]>([
    ['a capture of a hold that was never placed', () => [holdCaptured(newHoldId(), '1.00', '0.00'), 'what is not there']],
    ['a capture of more than remains', (own) => [holdCaptured(own, '10.01', '0.00'), 'does not fit']],
    ['a capture that leaves other than it says', (own) => [holdCaptured(own, '4.00', '7.00'), 'does not fit']],
    ['a capture that says it is the last, and is not', (own) => [holdCaptured(own, '4.00', '0.00'), 'does not fit']],
    ['a capture of another asset', (own) => [holdCaptured(own, '4.00000000', '6.00000000', BTC), 'does not fit']],
    ['a release of less than remains', (own) => [holdEnded('hold-released', own, '9.99'), 'does not fit']],
    ['an expiry of more than remains', (own) => [holdEnded('hold-expired', own, '10.01'), 'does not fit']],
    ['a hold that is placed again', (own) => [holdPlaced(own, '10.00'), 'what is open']],
    [
      'a capture of a hold that was released',
      (own) => [holdCaptured(own, '1.00', '9.00'), 'what is released', holdEnded('hold-released', own, '10.00')],
    ],
    [
      'a hold that is placed again after it was captured',
      (own) => [holdPlaced(own, '5.00'), 'what is captured', holdCaptured(own, '10.00', '0.00')],
    ],
    ['a capture of another account’s hold', (_, others) => [holdCaptured(others, '1.00', '9.00'), 'another account']],
    ['a hold that another account placed before', (_, others) => [holdPlaced(others, '10.00'), 'what is open']],
  ])('%s, in the midst of a batch; annulled, it is as if it had never been', async (_, make) => {
    const [first, second] = [await account(), await account()];
    const [own, others] = [newHoldId(), newHoldId()];
    const [misfit, reason, ...before] = make(own, others);
    await first.append(holdPlaced(others, '10.00'));
    // So much is held besides that the balances alone would not give any of these away.
    await second.append(holdPlaced(newHoldId(), '50.00'), coinUpdated('9.00000000'), holdPlaced(newHoldId(), '9.00000000', { asset: BTC }));
    const follows = newHoldId();
    const events = [holdPlaced(own, '10.00'), ...before, misfit, holdPlaced(follows, '1.00')].map((event) => newEvent(event));
    await ledger.append(second.stream, ...events);
    const halt = await annulWhereItHalts(ledger);
    expect(halt).toMatchObject({ stream: second.stream, eventId: events.at(-2)?.eventId, reason: expect.stringContaining(reason) });
    expect(await held(follows)).toMatchObject({ status: 'open' });
    expect(await held(others)).toEqual({ status: 'open', amount: '10.00', remaining: '10.00', captured: '0.00' });
    expect((await held(own)).amount).toBe('10.00');
  });
});
