import { afterAll, expect, test } from 'vitest';
import { withDatabase } from './audit/tables.ts';
import { expectBalancedBooks } from './books.ts';
import type { Movement } from './clients.ts';
import { balanceOf, latestPosition, openAccount, repeatable, send, sendBulk } from './clients.ts';
import { startTwoLedgers } from './ledgers.ts';
import { readAccount } from './log.ts';

const ledgers = await startTwoLedgers();
afterAll(() => ledgers[Symbol.asyncDispose]());

/**
 * Amounts that no floating point number can say: 2^53 + 1, and 60 digits of the smallest unit, without decimals and with 18.
 * `rest` is what is left of both together once `less` was taken.
 */
const cases = [
  {
    asset: 'JPY',
    first: '9007199254740993',
    second: '123456789012345678901234567890123456789012345678901234567891',
    together: '123456789012345678901234567890123456789012354686100489308884',
    less: '1',
    rest: '123456789012345678901234567890123456789012354686100489308883',
  },
  {
    asset: 'ETH',
    first: '9007199254740993.000000000000000001',
    second: '123456789012345678901234567890123456789012.345678901234567891',
    together: '123456789012345678901234576897322711530005.345678901234567892',
    less: '0.000000000000000001',
    rest: '123456789012345678901234576897322711530005.345678901234567891',
  },
] as const;

test.each(cases)('$first and 60 digits of $asset are the same in every answer, event and row', async (amounts) => {
  const { asset, first, second, together, less, rest } = amounts;
  const [url, other] = ledgers.urls();
  const accountId = await openAccount(url);
  const movement = (type: Movement['type'], key: string, amount: string): Movement => ({ type, accountId, key, asset, amount });
  const taken = movement('withdraw', 'third', less);

  const answers = [
    await send(url, movement('deposit', 'first', first)),
    await send(other, movement('deposit', 'second', second)),
    ...(await sendBulk(url, [taken])),
  ];
  const running = [first, together, rest];
  expect(answers.map(({ httpStatus, body }) => [httpStatus, body.balances])).toEqual(
    running.map((available) => [201, [{ asset, available, held: zeroOf(first) }]]),
  );
  const repeat = await send(other, taken);
  expect(answers.map(repeatable)).toContainEqual(repeatable(repeat));
  expect(await send(other, movement('withdraw', 'too much', second))).toMatchObject({ httpStatus: 201 });
  const back = await send(other, movement('deposit', 'back', second));
  expect(back.body.balances).toMatchObject([{ available: rest }]);

  for (const asked of [url, other]) {
    expect(await balanceOf(asked, accountId, asset, latestPosition([back]))).toMatchObject({ available: rest, total: rest });
  }
  const events = await readAccount(ledgers.audit.eventStoreUrl, accountId);
  expect(events.slice(1, 4).map(({ data }) => [data['amount'], data['balances']])).toEqual(
    [first, second, less].map((amount, n) => [amount, [{ asset, available: running[n], held: zeroOf(first) }]]),
  );
  await withDatabase(ledgers.audit.databaseUrl, async (client) => {
    const balance = await client.query('SELECT available::text FROM balances WHERE account_id = $1', [accountId]);
    expect(balance.rows).toEqual([{ available: rest }]);
    const journal = await client.query(
      'SELECT available::text, available_after::text FROM postings WHERE account_id = $1 ORDER BY position LIMIT 3',
      [accountId],
    );
    expect(journal.rows).toEqual([first, second, `-${less}`].map((available, n) => ({ available, available_after: running[n] })));
  });
  await expectBalancedBooks(ledgers.audit);
});

/** Zero at the scale of an amount. */
function zeroOf(amount: string): string {
  return amount.replace(/[0-9]+/g, (digits, at: number) => (at === 0 ? '0' : digits.replaceAll(/[0-9]/g, '0')));
}
