import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountStream, assetStream } from '../../src/domain/events.ts';
import { nameOfFact } from '../../src/domain/facts.ts';
import { findAccount, listAccounts } from '../../src/projections/account-list.ts';
import { loadAccounts } from '../../src/projections/accounts.ts';
import { findAsset, listAssets } from '../../src/projections/assets.ts';
import { balanceOf, balancesOf, coinsOf, systemBalances, unequalBooks } from '../../src/projections/balances.ts';
import { findOutcome } from '../../src/projections/command-outcomes.ts';
import { findFacts } from '../../src/projections/facts.ts';
import { inheritedLimits, limitsOf } from '../../src/projections/limits.ts';
import { listEntries } from '../../src/projections/postings.ts';
import { eventCount, loadStatistics } from '../../src/projections/statistics.ts';
import {
  assetCode,
  BTC,
  coinRemoved,
  coinUpdated,
  deposited,
  newAccountId,
  newCommandId,
  newEvent,
  newOrderId,
  opened,
  orderEnded,
  orderFilled,
  orderPlaced,
  rejected,
  USD,
  withdrawn,
} from '../eventstore/new-events.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';
import { startLedger } from './ledger-under-test.ts';

let ledger: LedgerUnderTest;
beforeAll(async () => {
  ledger = await startLedger();
  ledger.projector().start();
});
afterAll(() => ledger.close());

const account = () => {
  const accountId = newAccountId();
  return { accountId, stream: accountStream(accountId) };
};

const payment = (externalId: string) => ({ kind: 'payment', externalId }) as const;

describe('the state of an account', () => {
  it('has everything that a decision needs, at the revision of its last event', async () => {
    const { accountId, stream } = account();
    const limits = [{ asset: USD, perWithdrawal: '50.00' }];
    const at = (occurredAt: string) => ({ occurredAt });
    const position = await ledger.append(
      stream,
      newEvent(opened({ ownerId: 'owner-1', externalId: 'crm-1', label: 'Savings', limits }), at('2026-01-30T23:00:00Z')),
      newEvent(deposited('100.00', { externalId: 'payment-1', reference: 'salary' }), at('2026-01-30T23:30:00Z')),
      newEvent(withdrawn('10.00'), at('2026-01-30T23:59:59.999Z')),
      newEvent(withdrawn('1.50'), at('2026-01-31T00:00:00Z')),
      newEvent(withdrawn('2.00'), at('2026-01-31T00:00:01Z')),
      newEvent(coinUpdated('0.00000003'), at('2026-01-31T01:00:00Z')),
      newEvent(coinUpdated('-0.00000001'), at('2026-01-31T01:00:00Z')),
      newEvent(coinRemoved('0.00000002'), at('2026-01-31T01:00:00Z')),
      newEvent({ type: 'limits-set', version: 1, asset: BTC, perDay: '1.00000000' }, at('2026-01-31T02:00:00Z')),
      newEvent({ type: 'account-frozen', version: 1, reason: 'a check' }, at('2026-01-31T03:00:00Z')),
      newEvent(rejected(), at('2026-01-31T04:00:00Z')),
    );
    await ledger.caughtUp();
    expect((await loadAccounts(ledger.db, [accountId, newAccountId()])).get(accountId)).toEqual({
      accountId,
      revision: 10n,
      position,
      status: 'frozen',
      ownerId: 'owner-1',
      lastOccurredAt: '2026-01-31T04:00:00.000Z',
      balances: [
        { asset: 'BTC', available: '0.00000000', held: '0.00000000' },
        { asset: 'USD', available: '86.50', held: '0.00' },
      ],
      limits: [
        { asset: 'BTC', perDay: '1.00000000' },
        { asset: 'USD', perWithdrawal: '50.00' },
      ],
      spending: [
        { asset: 'BTC', day: '2026-01-31', amount: '0.00000003' },
        { asset: 'USD', day: '2026-01-31', amount: '3.50' },
      ],
      holds: [],
      orders: [],
      transfers: [],
    });
  });

  it('follows its lifecycle, and limits that are set anew', async () => {
    const { accountId, stream } = account();
    const load = async () => {
      await ledger.caughtUp();
      return (await loadAccounts(ledger.db, [accountId])).get(accountId);
    };
    await ledger.append(stream, newEvent(opened({ limits: [{ asset: USD, perDay: '5.00' }] })));
    expect(await load()).toMatchObject({ status: 'open', revision: 0n, balances: [], spending: [] });
    await ledger.append(stream, newEvent({ type: 'account-frozen', version: 1, reason: 'x' }));
    expect(await load()).toMatchObject({ status: 'frozen' });
    await ledger.append(stream, newEvent({ type: 'account-unfrozen', version: 1, reason: 'x' }));
    expect(await load()).toMatchObject({ status: 'open' });
    await ledger.append(stream, newEvent({ type: 'limits-set', version: 1, asset: USD, perWithdrawal: '1.00' }));
    expect(await load()).toMatchObject({ limits: [{ asset: 'USD', perWithdrawal: '1.00' }] });
    await ledger.append(stream, newEvent({ type: 'account-closed', version: 1 }));
    expect(await load()).toMatchObject({ status: 'closed', revision: 4n });
  });

  it('counts the limits of the owner’s first account as inherited', async () => {
    const [first, second] = [account(), account()];
    const ownerId = `owner-${first.accountId}`;
    await ledger.append(first.stream, newEvent(opened({ ownerId, limits: [{ asset: USD, perDay: '5.00' }] })));
    await ledger.append(second.stream, newEvent(opened({ ownerId, limits: [{ asset: USD, perDay: '9.00' }] })));
    await ledger.caughtUp();
    expect(await inheritedLimits(ledger.db, ownerId)).toEqual([{ asset: 'USD', perDay: '5.00' }]);
    expect(await inheritedLimits(ledger.db, 'nobody')).toEqual([]);
    expect(await limitsOf(ledger.db, second.accountId)).toEqual([{ asset: 'USD', perDay: '9.00' }]);
    const owned = await listAccounts(ledger.db, { ownerId }, { limit: 10 });
    expect(owned.data.map(({ accountId }) => accountId)).toEqual([first.accountId, second.accountId]);
    expect(await findAccount(ledger.db, first.accountId)).toEqual(owned.data[0]);
  });
});

describe('amounts', () => {
  it('of sixty digits, and beyond what a double holds, survive every table', async () => {
    const { accountId, stream } = account();
    const eth = assetCode('ETH');
    const huge = `${'9'.repeat(42)}.${'8'.repeat(17)}1`;
    const spent = `${'8'.repeat(42)}.${'8'.repeat(17)}0`;
    await ledger.append(
      stream,
      newEvent(opened()),
      newEvent(deposited(huge, { asset: eth })),
      newEvent(withdrawn(spent, { asset: eth })),
      newEvent(deposited('9007199254740993', { asset: assetCode('JPY') })),
    );
    await ledger.caughtUp();
    const left = `${'1'.repeat(42)}.${'0'.repeat(17)}1`;
    expect(await balancesOf(ledger.db, accountId)).toEqual([
      { asset: 'ETH', available: left, held: `0.${'0'.repeat(18)}`, total: left },
      { asset: 'JPY', available: '9007199254740993', held: '0', total: '9007199254740993' },
    ]);
    const entries = await listEntries(ledger.db, { accountId }, { limit: 10 });
    expect(entries.data.map(({ available, availableAfter }) => [available, availableAfter])).toEqual([
      ['9007199254740993', '9007199254740993'],
      [`-${spent}`, left],
      [huge, huge],
    ]);
    const { spending } = (await loadAccounts(ledger.db, [accountId])).get(accountId) ?? {};
    expect(spending).toEqual([{ asset: 'ETH', day: '2026-01-31', amount: spent }]);
    expect(await unequalBooks(ledger.db)).toEqual([]);
  });

  it('have their other side in the system’s accounts', async () => {
    const gbp = assetCode('GBP');
    const { stream } = account();
    await ledger.append(
      stream,
      newEvent(opened()),
      newEvent(deposited('5.00', { asset: gbp })),
      newEvent(withdrawn('2.00', { asset: gbp })),
    );
    await ledger.caughtUp();
    const balances = await systemBalances(ledger.db);
    expect(balances.filter(({ asset }) => asset === gbp)).toEqual([{ account: '@world', asset: 'GBP', balance: '-3.00' }]);
    expect(await unequalBooks(ledger.db)).toEqual([]);
  });
});

describe('outcomes and facts', () => {
  it('are found by command and by external id, complete up to a revision, in one question for many accounts', async () => {
    const [paid, empty, unknown] = [account(), account(), account()];
    const [deposit, refusal] = [newCommandId(), newCommandId()];
    const refused = newEvent(rejected('insufficient_funds'), { commandId: refusal });
    await ledger.append(paid.stream, newEvent(opened()));
    await ledger.append(
      paid.stream,
      newEvent(deposited('1.00', { externalId: 'pay\u0000ment', balances: [{ asset: USD, available: '1.00', held: '0.00' }] }), {
        commandId: deposit,
      }),
    );
    const position = await ledger.append(paid.stream, refused);
    await ledger.append(empty.stream, newEvent(opened()));
    await ledger.append(
      assetStream(USD),
      newEvent({ type: 'asset-registered', version: 1, code: USD, name: 'US dollar', kind: 'fiat', scale: 2, active: true }),
    );
    await ledger.append(assetStream(USD), newEvent(rejected('already_exists', 'register-asset')));
    await ledger.caughtUp();
    const facts = await findFacts(ledger.db, [
      { accountId: paid.accountId, commandIds: [deposit, refusal, newCommandId()], keys: [payment('pay\u0000ment'), payment('another')] },
      { accountId: empty.accountId, commandIds: [], keys: [payment('pay\u0000ment')] },
      { accountId: unknown.accountId, commandIds: [newCommandId()], keys: [payment('x')] },
    ]);
    const found = facts.get(paid.accountId);
    expect(found?.revision).toBe(2n);
    expect([...(found?.outcomes.keys() ?? [])].sort()).toEqual([deposit, refusal].sort());
    expect(found?.outcomes.get(deposit)).toMatchObject({
      status: 'applied',
      commandType: 'deposit',
      balances: [{ asset: 'USD', available: '1.00' }],
    });
    expect(found?.outcomes.get(refusal)).toEqual({
      commandId: refusal,
      commandHash: refused.metadata.commandHash,
      scope: paid.accountId,
      subject: { kind: 'account', accountId: paid.accountId },
      commandType: 'withdraw',
      eventId: refused.eventId,
      revision: 2n,
      position,
      status: 'rejected',
      code: 'insufficient_funds',
      detail: 'not enough',
      fields: { asset: 'USD' },
      correlationId: refused.metadata.correlationId,
    });
    const fact = { ...payment('pay\u0000ment'), commandId: deposit };
    expect(found?.facts).toEqual(new Map([[nameOfFact(fact), fact]]));
    expect(facts.get(empty.accountId)).toEqual({ revision: 0n, outcomes: new Map(), facts: new Map() });
    expect(facts.get(unknown.accountId)).toEqual({ revision: -1n, outcomes: new Map(), facts: new Map() });
    expect(await findOutcome(ledger.db, refusal)).toEqual(found?.outcomes.get(refusal));
    expect(await findOutcome(ledger.db, newCommandId())).toBeUndefined();
  });
});

describe('assets', () => {
  it('are listed by code, with the revision of their streams', async () => {
    const code = assetCode('ADA');
    await ledger.append(
      assetStream(code),
      newEvent({ type: 'asset-registered', version: 1, code, name: 'Cardano', kind: 'coin', scale: 6, active: true }),
    );
    await ledger.append(assetStream(code), newEvent(rejected('already_exists', 'register-asset')));
    const { accountId, stream } = account();
    await ledger.append(stream, newEvent(opened()), newEvent(coinUpdated('2.500000', code)), newEvent(deposited('1.00')));
    await ledger.caughtUp();
    expect(await findAsset(ledger.db, code)).toMatchObject({
      code: 'ADA',
      name: 'Cardano',
      kind: 'coin',
      scale: 6,
      active: true,
      revision: 1n,
    });
    expect((await listAssets(ledger.db)).map((asset) => asset.code)).toContain('ADA');
    expect(await findAsset(ledger.db, assetCode('NONE'))).toBeUndefined();
    expect(await coinsOf(ledger.db, accountId)).toEqual([{ symbol: 'ADA', quantity: '2.500000' }]);
    expect(await balanceOf(ledger.db, accountId, code)).toMatchObject({ total: '2.500000' });
    expect(await balanceOf(ledger.db, accountId, assetCode('NONE'))).toBeUndefined();
  });
});

describe('the journal', () => {
  it('is read in pages, both ways, filtered, each entry with the balance after it', async () => {
    const { accountId, stream } = account();
    await ledger.append(stream, newEvent(opened()));
    for (let day = 1; day <= 9; day += 1) {
      await ledger.append(
        stream,
        newEvent(deposited('2.00', { reference: day % 2 === 0 ? 'even' : 'odd', metadata: { day } }), {
          occurredAt: `2027-01-0${day}T00:00:00Z`,
          effectiveAt: '2026-12-01T00:00:00Z',
        }),
      );
    }
    await ledger.append(stream, newEvent(withdrawn('1.00'), { occurredAt: '2027-01-10T00:00:00Z' }));
    await ledger.caughtUp();
    const first = await listEntries(ledger.db, { accountId }, { limit: 4 });
    const second = await listEntries(ledger.db, { accountId }, { limit: 4, cursor: first.next });
    const third = await listEntries(ledger.db, { accountId }, { limit: 4, cursor: second.next });
    expect([...first.data, ...second.data, ...third.data].map(({ availableAfter }) => availableAfter)).toEqual([
      '17.00',
      '18.00',
      '16.00',
      '14.00',
      '12.00',
      '10.00',
      '8.00',
      '6.00',
      '4.00',
      '2.00',
    ]);
    expect([first.hasMore, second.hasMore, third.hasMore]).toEqual([true, true, false]);
    expect(first.previous).toBeUndefined();
    const back = await listEntries(ledger.db, { accountId }, { limit: 4, cursor: third.previous });
    expect(back.data).toEqual(second.data);
    expect(back.hasMore).toBe(true);
    expect((await listEntries(ledger.db, { accountId }, { limit: 4, cursor: back.previous })).previous).toBeUndefined();

    const count = async (filter: object) => (await listEntries(ledger.db, { accountId, ...filter }, { limit: 200 })).data.length;
    expect(await count({ type: 'withdrawn' })).toBe(1);
    expect(await count({ reference: 'even' })).toBe(4);
    expect(await count({ asset: BTC })).toBe(0);
    expect(await count({ from: '2027-01-03T00:00:00Z', to: '2027-01-05T00:00:00Z' })).toBe(2);
    const [oldest] = (await listEntries(ledger.db, { accountId, order: 'oldest-first' }, { limit: 1 })).data;
    expect(oldest).toMatchObject({
      type: 'deposited',
      available: '2.00',
      reference: 'odd',
      metadata: { day: 1 },
      effectiveAt: '2026-12-01T00:00:00.000Z',
    });
    const madeUp = ['2026-02-30T12:00:00.000Z', '2026-02-28T24:00:00.000Z'].map((time) => JSON.stringify(['n', [time, '1', '0']]));
    for (const cursor of ['nonsense', ...madeUp.map((text) => Buffer.from(text).toString('base64url'))])
      await expect(listEntries(ledger.db, { accountId }, { limit: 4, cursor })).rejects.toMatchObject({ name: 'InvalidCursor' });
  });

  it('never goes back in time, whatever the clocks said', async () => {
    const { accountId, stream } = account();
    await ledger.append(stream, newEvent(opened(), { occurredAt: '2028-01-01T00:00:00Z' }));
    await ledger.append(stream, newEvent(deposited('1.00'), { occurredAt: '2020-01-01T00:00:00Z' }));
    await ledger.caughtUp();
    const [entry] = (await listEntries(ledger.db, { accountId }, { limit: 1 })).data;
    expect(entry).toMatchObject({ recordedAt: '2028-01-01T00:00:00.000Z', occurredAt: '2020-01-01T00:00:00.000Z' });
  });
});

describe('statistics', () => {
  it('count events and what they moved', async () => {
    const chf = assetCode('CHF');
    const { stream } = account();
    await ledger.append(
      stream,
      newEvent(opened()),
      newEvent(deposited('5.00', { asset: chf })),
      newEvent(deposited('2.00', { asset: chf })),
    );
    await ledger.append(stream, newEvent(coinUpdated('-1.00', chf)), newEvent(rejected('price_not_met')));
    await ledger.caughtUp();
    const of = (await loadStatistics(ledger.db)).filter(({ detail }) => detail === 'CHF' || detail === 'price_not_met');
    expect(of).toEqual([
      { eventType: 'coin-updated', detail: 'CHF', events: 1n, volume: '1.00' },
      { eventType: 'command-rejected', detail: 'price_not_met', events: 1n, volume: '0' },
      { eventType: 'deposited', detail: 'CHF', events: 2n, volume: '7.00' },
    ]);
  });
});

describe('statistics of an order', () => {
  it('count a fill under both of its assets, and as one event', async () => {
    const [sek, nok] = [assetCode('SEK'), assetCode('NOK')];
    const { stream } = account();
    const orderId = newOrderId();
    const [paid, got] = [
      { filledIn: '5.00', filledOut: '7.000' },
      { tokenIn: sek, tokenOut: nok },
    ];
    await ledger.append(stream, newEvent(opened()), newEvent(deposited('9.00', { asset: sek })));
    await ledger.caughtUp();
    const before = await eventCount(ledger.db);
    await ledger.append(stream, newEvent(orderPlaced(orderId, '9.00', { ...got, filledOut: '0.000' })));
    await ledger.append(stream, newEvent(orderFilled(orderId, '5.00', '7.000', { ...got, ...paid, orderStatus: 'pending' })));
    await ledger.append(stream, newEvent(orderEnded('order-cancelled', orderId, '4.00', { asset: sek, ...paid })));
    await ledger.caughtUp();
    expect((await eventCount(ledger.db)) - before).toBe(3n);
    const of = (await loadStatistics(ledger.db)).filter(
      ({ detail, eventType }) => [sek, nok].some((code) => code === detail) && eventType !== 'deposited',
    );
    expect(of).toEqual([
      { eventType: 'order-cancelled', detail: 'SEK', events: 1n, volume: '4.00' },
      { eventType: 'order-filled', detail: 'NOK', events: 1n, volume: '7.000' },
      { eventType: 'order-filled', detail: 'SEK', events: 1n, volume: '5.00' },
      { eventType: 'order-placed', detail: 'SEK', events: 1n, volume: '9.00' },
    ]);
  });
});

it('keeps customers from going below zero by constraints that have names', async () => {
  const { rows } = await sql`
    SELECT conname FROM pg_constraint WHERE contype = 'c' AND conname LIKE '%never_negative' ORDER BY conname
  `.execute(ledger.db);
  expect(rows).toEqual([{ conname: 'balances_never_negative' }, { conname: 'postings_never_negative' }]);
});
