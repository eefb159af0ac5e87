import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks } from './books.ts';
import type { Movement } from './clients.ts';
import { openAccount, repeatable, send } from './clients.ts';
import { startTwoLedgers } from './ledgers.ts';

const ledgers = await startTwoLedgers();
afterAll(() => ledgers[Symbol.asyncDispose]());

test('a refused withdrawal stays refused under its key, though the money is there by now', async () => {
  const [url, other] = ledgers.urls();
  const accountId = await openAccount(url, { asset: 'USD', amount: '5.00' });
  const tooMuch: Movement = { type: 'withdraw', accountId, key: 'rent', asset: 'USD', amount: '20.00' };

  const refused = await send(url, tooMuch);
  expect(refused).toMatchObject({
    httpStatus: 422,
    isHit: false,
    body: { type: '/problems/insufficient-funds', code: 'insufficient_funds', available: '5.00', requested: '20.00', retryable: false },
  });
  await send(other, { type: 'deposit', accountId, key: 'salary', asset: 'USD', amount: '100.00' });

  for (const asked of [url, other]) {
    const again = await send(asked, tooMuch);
    expect(again.isHit).toBe(true);
    expect(repeatable(again)).toEqual(repeatable(refused));
  }
  expect(await send(other, { ...tooMuch, key: 'rent, second attempt' })).toMatchObject({
    httpStatus: 201,
    body: { balances: [{ asset: 'USD', available: '85.00' }] },
  });
  await expectBalancedBooks(ledgers.audit);
});

test('an answered write with If-Match, sent again, has its stored outcome and not 412', async () => {
  const [url, other] = ledgers.urls();
  const accountId = await openAccount(url, { asset: 'USD', amount: '5.00' });
  const deposit: Movement = { type: 'deposit', accountId, key: 'once', asset: 'USD', amount: '1.00' };

  const first = await send(url, deposit, { ifMatch: '"1"' });
  expect(first).toMatchObject({ httpStatus: 201, isHit: false, body: { revision: '2' } });

  // The account has moved on, so anything new under this precondition is refused.
  expect(await send(other, { ...deposit, key: 'twice' }, { ifMatch: '"1"' })).toMatchObject({
    httpStatus: 412,
    body: { code: 'revision_mismatch' },
  });
  for (const asked of [url, other]) {
    const again = await send(asked, deposit, { ifMatch: '"1"' });
    expect(again.isHit).toBe(true);
    expect(repeatable(again)).toEqual(repeatable(first));
  }
  await expectBalancedBooks(ledgers.audit);
});
