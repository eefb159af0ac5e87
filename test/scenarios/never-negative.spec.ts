import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks } from './books.ts';
import { atOnce, balanceOf, latestPosition, openAccount, send, tally } from './clients.ts';
import { startTwoLedgers } from './ledgers.ts';

const ledgers = await startTwoLedgers();
afterAll(() => ledgers[Symbol.asyncDispose]());

test('of 200 withdrawals of 1.00 at once over two processes, a balance of 100.00 pays exactly 100', async () => {
  const urls = ledgers.urls();
  const accountId = await openAccount(urls[0], { asset: 'USD', amount: '100.00' });

  const answers = await atOnce(200, (n) =>
    send(urls[n % 2 === 0 ? 0 : 1], { type: 'withdraw', accountId, key: `out-${n}`, asset: 'USD', amount: '1.00' }),
  );

  expect(tally(answers)).toEqual({ '201': 100, '422 insufficient_funds': 100 });
  expect(answers.filter(({ isHit }) => isHit)).toEqual([]);
  for (const url of urls) {
    expect(await balanceOf(url, accountId, 'USD', latestPosition(answers))).toMatchObject({
      available: '0.00',
      held: '0.00',
      total: '0.00',
    });
  }
  expect(await expectBalancedBooks(ledgers.audit)).toMatchObject({ movements: 101 });
});
