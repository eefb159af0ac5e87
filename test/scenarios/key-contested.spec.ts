import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks } from './books.ts';
import { atOnce, balanceOf, latestPosition, openAccount, send, tally } from './clients.ts';
import { startTwoLedgers } from './ledgers.ts';

const KEYS = 40;

const ledgers = await startTwoLedgers();
afterAll(() => ledgers[Symbol.asyncDispose]());

test('of two deposits under one key, sent to two processes at once, one counts, and what comes next is decided on it', async () => {
  const urls = ledgers.urls();
  const accounts = await atOnce(KEYS, () => openAccount(urls[0]));

  await Promise.all(
    accounts.map(async (accountId, n) => {
      const [here, there] = n % 2 === 0 ? urls : [urls[1], urls[0]];
      const contested = { type: 'deposit', accountId, key: 'contested', asset: 'USD' } as const;
      const answers = await Promise.all([send(here, { ...contested, amount: '1.00' }), send(there, { ...contested, amount: '200.00' })]);

      expect(tally(answers)).toEqual({ '201': 1, '422 idempotency_key_reused': 1 });
      const [small, large] = answers;
      const isLarge = large.httpStatus === 201;
      // Asked of the process whose deposit did not count, which must know by now.
      const next = await send(isLarge ? here : there, { type: 'withdraw', accountId, key: 'next', asset: 'USD', amount: '200.00' });
      expect(next.httpStatus).toBe(isLarge ? 201 : 422);
      if (!isLarge) expect(next.body).toMatchObject({ code: 'insufficient_funds', available: '1.00', requested: '200.00' });
      const { available } = await balanceOf(here, accountId, 'USD', latestPosition([small, large, next]));
      expect(available).toBe(isLarge ? '0.00' : '1.00');
    }),
  );

  await expectBalancedBooks(ledgers.audit);
});
