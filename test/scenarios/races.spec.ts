import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks } from './books.ts';
import type { Command, FillOrder, Outcome } from './clients.ts';
import { applyAll, countEach, said, send } from './clients.ts';
import { startTwoLedgers } from './ledgers.ts';
import { makeHandicap, RACES, runRaces, sendBoth, sidesOf } from './races.ts';

const ledgers = await startTwoLedgers({ settings: { LEDGER_SCHEDULER_INTERVAL_MS: '50' } });
afterAll(() => ledgers[Symbol.asyncDispose]());

interface Placed {
  readonly accountId: string;
  readonly orderId: string;
}

/** The same command for every account, all of them applied. */
const toAll = (accounts: readonly string[], command: (accountId: string) => Command): Promise<readonly Outcome[]> =>
  applyAll(ledgers.urls()[0], accounts.map(command));

/** As many accounts as there are races, each with 10.00 USD. */
async function openAccounts(): Promise<readonly string[]> {
  const accounts = Array.from({ length: RACES }, () => randomUUID());
  await toAll(accounts, (accountId) => ({ type: 'open-account', key: 'open', accountId }));
  await toAll(accounts, (accountId) => ({ type: 'deposit', key: 'paid-in', accountId, asset: 'USD', amount: '10.00' }));
  return accounts;
}

/** As many orders as there are races, each for the 10.00 USD of its account. */
async function placeOrders(): Promise<readonly Placed[]> {
  const accounts = await openAccounts();
  const pair = { tokenIn: 'USD', tokenOut: 'BTC', orderType: 'LIMIT', targetPrice: '0.00001' } as const;
  const placed = await toAll(accounts, (accountId) => ({ type: 'place-order', key: 'order', accountId, amountIn: '10.00', ...pair }));
  return placed.map(({ body }, n) => ({ accountId: accounts[n] ?? '', orderId: body.result?.['orderId'] ?? '' }));
}

/** Races over orders. The process that placed them has them in memory, so which side is the faster one changes with the sides. */
async function raceOrders(
  orders: readonly Placed[],
  commandsOf: (order: Placed, race: number) => readonly [one: Command, other: Command],
  resultOf: (answers: readonly [Outcome, Outcome], race: number) => string,
): Promise<Record<string, number>> {
  const [even, odd] = [makeHandicap(1), makeHandicap(1)];
  const results = await runRaces(ledgers, async (race) => {
    const order = orders[race];
    if (order === undefined) throw new Error(`race ${race} has no order`);
    const handicap = race % 2 === 0 ? even : odd;
    const answers = await sendBoth(sidesOf(ledgers, race), ...commandsOf(order, race), handicap);
    handicap.learn(answers[0].httpStatus < 400 ? 'one' : 'other');
    return resultOf(answers, race);
  });
  return countEach(results);
}

const fill = ({ accountId, orderId }: Placed, key: string, amountIn: string): FillOrder => ({
  type: 'fill-order',
  accountId,
  orderId,
  key,
  amountIn,
  amountOut: '0.00012345',
  fee: { asset: 'BTC', amount: '0.00000001' },
  txHash: `0x${key}`,
});

test('a fill against a cancellation: one of them, and the other is told that the order is not open', async () => {
  const counts = await raceOrders(
    await placeOrders(),
    (order) => [fill(order, 'all', '10.00'), { type: 'cancel-order', key: 'cancel', ...order }],
    (answers) => answers.map(said).join(' against '),
  );
  expect(Object.keys(counts).sort()).toEqual(['201 against 409 order_not_open', '409 order_not_open against 200']);
  await expectBalancedBooks(ledgers.audit);
});

test('two fills of the last part: one of them, and the other is told what is left, or that the order is not open', async () => {
  const orders = await placeOrders();
  await applyAll(
    ledgers.urls()[0],
    orders.map((order) => fill(order, 'first', '6.00')),
  );
  // Of the 4.00 that are left: all of them twice, or 3.00 twice.
  const asksForAll = (race: number): boolean => race % 4 < 2;
  const counts = await raceOrders(
    orders,
    (order, race) => {
      const amount = asksForAll(race) ? '4.00' : '3.00';
      return [fill(order, 'one', amount), fill(order, 'other', amount)];
    },
    (answers, race) => {
      const winner = answers.find(({ httpStatus }) => httpStatus === 201);
      return `${asksForAll(race) ? 'all' : 'most'}: ${answers.map(said).join(' against ')}, ${winner?.body.result?.['orderStatus']}`;
    },
  );
  expect(Object.keys(counts).sort()).toEqual([
    'all: 201 against 409 order_not_open, executed',
    'all: 409 order_not_open against 201, executed',
    'most: 201 against 422 insufficient_held, pending',
    'most: 422 insufficient_held against 201, pending',
  ]);
  await expectBalancedBooks(ledgers.audit);
});

test('a capture against the expiry of its hold: one of them, and the capture is told that the hold is not open', async () => {
  const accounts = await openAccounts();
  const handicap = makeHandicap(5);
  const results = await runRaces(ledgers, async (race) => {
    const [here, there] = sidesOf(ledgers, race);
    const accountId = accounts[race] ?? '';
    const aheadMs = 100 + (race % 8) * 50;
    const expiresAt = Date.now() + aheadMs;
    const hold = { asset: 'USD', amount: '10.00', expiresAt: new Date(expiresAt).toISOString() };
    const placed = await send(here, { type: 'place-hold', key: 'hold', accountId, ...hold });
    expect(said(placed)).toBe('201');
    await sleep(Math.max(0, expiresAt - Date.now()));
    await handicap.wait('other');
    const captured = await send(there, { type: 'capture-hold', key: 'capture', accountId, holdId: placed.body.result?.['holdId'] ?? '' });
    handicap.learn(captured.httpStatus === 200 ? 'other' : 'one');
    return said(captured);
  });
  const counts = countEach(results);
  expect(Object.keys(counts).sort()).toEqual(['200', '409 hold_not_open']);
  const { log } = await expectBalancedBooks(ledgers.audit);
  const ends = countEach(log.map(({ type }) => type));
  expect(ends).toMatchObject({ 'hold-placed': RACES, 'hold-captured': counts['200'], 'hold-expired': counts['409 hold_not_open'] });
});
