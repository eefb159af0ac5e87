import { afterAll, beforeAll, expect, test } from 'vitest';
import { historyOf } from '../../src/audit/history.ts';
import type { Step } from '../../src/audit/replay.ts';
import { replayAccount, stateOf } from '../../src/audit/replay.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import { balancesOf } from '../../src/projections/balances.ts';
import { listHolds } from '../../src/projections/holds.ts';
import { listOrders } from '../../src/projections/orders.ts';
import { deposited, newAccountId, newEvent, opened, rejected, USD, withdrawn } from '../eventstore/new-events.ts';
import type { Books } from './books.ts';
import { startBooks } from './books.ts';

let books: Books;
beforeAll(async () => {
  books = await startBooks(3_000);
});
afterAll(() => books.close());

const replayed = (...[accountId, end]: [Step['after']['accountId'], Parameters<typeof replayAccount>[2]?]): Promise<Step[]> =>
  Array.fromAsync(replayAccount(books.store, accountId, end));

test('the last state is what is projected', async () => {
  for (const accountId of books.accountIds) {
    const last = (await replayed(accountId)).at(-1);
    if (last === undefined) throw new Error('no event');
    const { balances, holds, orders } = stateOf(last.after);
    expect(balances.toSorted((one, other) => (one.asset < other.asset ? -1 : 1))).toEqual(await balancesOf(books.db, accountId));
    const open = await listHolds(books.db, { accountId, status: 'open' }, { limit: 200 });
    expect(holds.map(({ holdId, remaining }) => [holdId, remaining]).toSorted()).toEqual(
      open.data.map(({ holdId, remaining }) => [holdId, remaining]).toSorted(),
    );
    const pending = await listOrders(books.db, { accountId, status: 'pending' }, { limit: 200 });
    expect(orders.map(({ orderId, filledIn }) => [orderId, filledIn]).toSorted()).toEqual(
      pending.data.map(({ orderId, filledIn }) => [orderId, filledIn]).toSorted(),
    );
  }
});

test('every step leads on from the one before, and the balances that events state are those it comes to', async () => {
  const steps = await replayed(books.accountIds[1] ?? books.oddAccount);
  expect(steps.length).toBeGreaterThan(50);
  for (const [n, { recorded, before, after }] of steps.entries()) {
    expect(before).toBe(n === 0 ? before : steps[n - 1]?.after);
    expect(recorded.revision).toBe(BigInt(n));
    if (!('balances' in recorded.event)) continue;
    const { balances } = stateOf(after);
    for (const { asset, available, held } of recorded.event.balances)
      expect(balances.find((balance) => balance.asset === asset)).toMatchObject({ available, held });
  }
});

test('it stops behind a position, and behind a time', async () => {
  const accountId = books.accountIds[2] ?? books.oddAccount;
  const all = await replayed(accountId);
  const { position, metadata } = all[20]?.recorded ?? {};
  if (position === undefined || metadata === undefined) throw new Error('too few events');
  expect((await replayed(accountId, { position })).map(({ recorded }) => recorded.position)).toEqual(
    all.slice(0, 21).map(({ recorded }) => recorded.position),
  );
  expect(await replayed(accountId, { position: position - 1n })).toHaveLength(20);
  const until = await replayed(accountId, { time: metadata.occurredAt });
  expect(until).toHaveLength(all.filter(({ recorded }) => recorded.metadata.occurredAt <= metadata.occurredAt).length);
  expect(await replayed(accountId, { time: '2001-01-01T00:00:00Z' })).toEqual([]);
  expect(await replayed(newAccountId())).toEqual([]);
});

test('an event that cannot follow is named, after everything before it', async () => {
  const accountId = newAccountId();
  const stream = accountStream(accountId);
  // Past the ledger: the projector will stop on it, but nothing else of this file is projected after it.
  const lone = await books.store.streams.append(
    stream,
    [opened(), deposited('1.00'), withdrawn('1.01'), deposited('5.00')].map((event) => newEvent(event)),
    { expecting: -1n },
  );
  expect(lone.kind).toBe('appended');
  const steps: Step[] = [];
  const replaying = async (): Promise<void> => {
    for await (const step of replayAccount(books.store, accountId)) steps.push(step);
  };
  await expect(replaying()).rejects.toThrow(`${stream}@2`);
  expect(steps).toHaveLength(2);
});

test('a history has every event in words, with who asked and what it changed; refusals, too', async () => {
  const accountId = newAccountId();
  const told: readonly StoredEvent[] = [
    opened({ label: 'Household', limits: [] }),
    deposited('10.00', { reference: 'rent' }),
    rejected(),
    { type: 'limits-set', version: 1, asset: USD, perDay: '5.00' },
    { type: 'limits-set', version: 1, asset: USD },
    { type: 'account-frozen', version: 1, reason: 'asked for' },
  ];
  const [open, paid, ...rest] = told.map((event) => newEvent(event, { key: event.type }));
  if (open === undefined || paid === undefined) throw new Error('two events are needed');
  const events = [open, { ...paid, metadata: { ...paid.metadata, effectiveAt: '2020-01-01T00:00:00Z' } }, ...rest];
  await books.store.streams.append(accountStream(accountId), events, { expecting: -1n });
  const history = await Array.fromAsync(historyOf(replayAccount(books.store, accountId)));
  expect(history.map(({ what }) => what)).toEqual([
    'Opened, label "Household"',
    'Deposited 10.00 USD, reference "rent"',
    'Refused to withdraw: insufficient_funds. "not enough"',
    'Limits set: 5.00 USD per day',
    'Limits set: no limit in USD',
    'Frozen: "asked for"',
  ]);
  expect(history.map(({ changes }) => changes)).toEqual([
    [{ of: 'status', before: 'none', after: 'open' }],
    [{ of: 'USD available', before: '0.00', after: '10.00' }],
    [],
    [{ of: 'limits in USD', before: 'no limit in USD', after: '5.00 USD per day' }],
    [{ of: 'limits in USD', before: '5.00 USD per day', after: 'no limit in USD' }],
    [{ of: 'status', before: 'open', after: 'frozen' }],
  ]);
  expect(history[1]).toMatchObject({
    revision: 1n,
    asked: { actor: 'tester', transport: 'rest', key: 'deposited', effectiveAt: '2020-01-01T00:00:00Z' },
  });
});
