import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks } from './books.ts';
import type { Answer, Movement } from './clients.ts';
import { atOnce, balanceOf, latestPosition, openAccount, repeatable, send, sendBulk, tally } from './clients.ts';
import { startTwoLedgers } from './ledgers.ts';
import { readAccount } from './log.ts';

const ledgers = await startTwoLedgers();
afterAll(() => ledgers[Symbol.asyncDispose]());

/** Sends it 50 times at once, half of it to each process. */
const sendFifty = (movement: Movement): Promise<Answer[]> => {
  const urls = ledgers.urls();
  return atOnce(50, (n) => send(urls[n % 2 === 0 ? 0 : 1], movement));
};

test('a key has one effect and one answer: at once, after a restart, and 10,000 commands later', async () => {
  const accountId = await openAccount(ledgers.urls()[0]);
  const deposit: Movement = { type: 'deposit', accountId, key: 'paid', asset: 'USD', amount: '10.00' };

  const first = await sendFifty(deposit);
  const [original] = first.filter(({ isHit }) => !isHit);
  expect(first.filter(({ isHit }) => isHit)).toHaveLength(49);
  expect(original).toMatchObject({ httpStatus: 201, body: { status: 'applied', revision: '1', balances: [{ available: '10.00' }] } });
  const expected = original && repeatable(original);
  const expectRepeats = (answers: readonly Answer[]): void => {
    for (const answer of answers) expect(repeatable(answer)).toEqual(expected);
  };
  expectRepeats(first);

  await ledgers.restart();
  const afterRestart = await sendFifty(deposit);
  expect(afterRestart.filter(({ isHit }) => isHit)).toHaveLength(50);
  expectRepeats(afterRestart);

  const [url, other] = ledgers.urls();
  for (let sent = 0; sent < 10_000; sent += 1000) {
    const cents = Array.from({ length: 1000 }, (_, n) => ({ ...deposit, key: `cent-${sent + n}`, amount: '0.01' }));
    const results = await sendBulk(sent % 2000 === 0 ? url : other, cents);
    expect(tally(results)).toEqual({ '201': 1000 });
  }
  const muchLater = await sendFifty(deposit);
  expect(muchLater.filter(({ isHit }) => isHit)).toHaveLength(50);
  expectRepeats(muchLater);

  const events = await readAccount(ledgers.audit.eventStoreUrl, accountId);
  expect(events).toHaveLength(10_002);
  expect(events.filter(({ metadata }) => metadata['key'] === 'paid')).toHaveLength(1);
  expect((await balanceOf(url, accountId, 'USD', latestPosition(muchLater))).available).toBe('110.00');
  await expectBalancedBooks(ledgers.audit);
});

test('the same key on another account is another command', async () => {
  const [url, other] = ledgers.urls();
  const accounts = await atOnce(2, () => openAccount(url));
  const deposits = accounts.map((accountId): Movement => ({ type: 'deposit', accountId, key: 'paid', asset: 'USD', amount: '10.00' }));

  const answers = await Promise.all(deposits.map((deposit, n) => send(n === 0 ? url : other, deposit)));

  expect(tally(answers)).toEqual({ '201': 2 });
  expect(answers.map(({ isHit }) => isHit)).toEqual([false, false]);
  expect(new Set(answers.map(({ body }) => body.commandId)).size).toBe(2);
});
