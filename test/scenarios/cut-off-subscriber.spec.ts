import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks } from './books.ts';
import type { Movement, Outcome } from './clients.ts';
import { atOnce, openAccount, send, sendBulk, tally } from './clients.ts';
import { startTwoLedgers } from './ledgers.ts';
import { startImpatientStores } from './mortal-stores.ts';

const ledgers = await startTwoLedgers({
  stores: await startImpatientStores(32),
  // Where a subscription is taken up again, it is said at this level.
  settings: { LEDGER_LOG_LEVEL: 'info' },
});
afterAll(() => ledgers[Symbol.asyncDispose]());

const ROUNDS = 3;
/** Below the 1,024 commands that may wait for one account, with everything in flight at once. */
const IN_ONE_REQUEST = 25;

test('a projector that the event store cuts off goes on from its checkpoint: no event missed, none twice', async () => {
  const urls = ledgers.urls();
  const accountId = await openAccount(urls[0]);
  const movement = (key: string): Movement => ({ type: 'deposit', accountId, key, asset: 'USD', amount: '0.01' });

  const perClient = await atOnce(64, async (client) => {
    const url = urls[client % 2 === 0 ? 0 : 1];
    const answers: Outcome[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const keys = Array.from({ length: IN_ONE_REQUEST }, (_, n) => `client ${client}, round ${round}, ${n}`);
      if (client < 32) answers.push(...(await sendBulk(url, keys.map(movement))));
      else for (const key of keys) answers.push(await send(url, movement(key)));
    }
    return answers;
  });

  const sent = 64 * ROUNDS * IN_ONE_REQUEST;
  expect(tally(perClient.flat())).toEqual({ '201': sent });
  expect(await expectBalancedBooks(ledgers.audit)).toMatchObject({ movements: sent });
  const log = ledgers.processes().map(({ stderr }) => stderr());
  expect(log.join('')).toMatch(/Consumer too slow.*the projector starts anew/);
});
