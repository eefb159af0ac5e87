import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks, expectNothingUnderWay } from './books.ts';
import type { Command, PlaceHold } from './clients.ts';
import { applyAll, openAccount, send, sendBulk, tally } from './clients.ts';
import { startTwoLedgers } from './ledgers.ts';
import { readAccount } from './log.ts';

const ledgers = await startTwoLedgers();
afterAll(() => ledgers[Symbol.asyncDispose]());

/** Late enough to be attacked before. */
const inAMoment = (): string => new Date(Date.now() + 2_000).toISOString();
const hold = (accountId: string): PlaceHold => ({
  type: 'place-hold',
  key: 'hold',
  accountId,
  asset: 'USD',
  amount: '4.00',
  expiresAt: inAMoment(),
});

test('nobody can take the key of an expiry before it comes: the hold expires all the same, once', async () => {
  const [url, other] = ledgers.urls();
  const accountId = await openAccount(url, { asset: 'USD', amount: '10.00' });
  const placed = await send(url, hold(accountId));
  const holdId = placed.body.result?.['holdId'] ?? '';

  const theirs: Command = { type: 'deposit', key: `sys:expire-hold:${holdId}`, accountId, asset: 'USD', amount: '1.00' };
  const capture: Command = { type: 'capture-hold', key: `sys:expire-hold:${holdId}`, accountId, holdId };
  for (const asked of [url, other]) {
    for (const command of [theirs, capture]) expect(tally([await send(asked, command)])).toEqual({ '400 malformed_request': 1 });
    expect(tally(await sendBulk(asked, [theirs, capture]))).toEqual({ '400 malformed_request': 2 });
  }

  await expectNothingUnderWay(ledgers.audit);
  const events = await readAccount(ledgers.audit.eventStoreUrl, accountId);
  expect(events.map(({ type }) => type)).toEqual(['account-opened', 'deposited', 'hold-placed', 'hold-expired']);
  // It was this very key.
  expect(events.at(-1)?.metadata).toMatchObject({ key: `sys:expire-hold:${holdId}`, transport: 'internal' });
  await expectBalancedBooks(ledgers.audit);
});

test('in a frozen account holds and orders expire on their time, and nothing else moves', async () => {
  const [url, other] = ledgers.urls();
  const accountId = await openAccount(url, { asset: 'USD', amount: '10.00' });
  const pair = { tokenIn: 'USD', tokenOut: 'BTC', orderType: 'MARKET' } as const;
  const [placed] = await applyAll(url, [
    hold(accountId),
    { type: 'place-order', key: 'order', accountId, amountIn: '5.00', ...pair, expiresAt: inAMoment() },
    { type: 'freeze-account', key: 'freeze', accountId, reason: 'a court order' },
  ]);
  const holdId = placed?.body.result?.['holdId'] ?? '';
  expect(tally([await send(other, { type: 'capture-hold', key: 'capture', accountId, holdId })])).toEqual({ '422 account_frozen': 1 });

  await expectNothingUnderWay(ledgers.audit);
  const events = await readAccount(ledgers.audit.eventStoreUrl, accountId);
  expect(events.map(({ type }) => type).sort()).toEqual([
    'account-frozen',
    'account-opened',
    'command-rejected',
    'deposited',
    'hold-expired',
    'hold-placed',
    'order-expired',
    'order-placed',
  ]);
  const last = events.findLast(({ type }) => type.endsWith('-expired'));
  expect(last?.data['balances']).toEqual([{ asset: 'USD', available: '10.00', held: '0.00' }]);
  await expectBalancedBooks(ledgers.audit);
});
