import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks, expectNothingUnderWay } from './books.ts';
import type { Command, Outcome, Transfer } from './clients.ts';
import { applyAll, countEach, endOfTransfer, said } from './clients.ts';
import { eventually } from './eventually.ts';
import { startTwoLedgers } from './ledgers.ts';
import { makeHandicap, RACES, runRaces, sendBoth, sidesOf } from './races.ts';

const ledgers = await startTwoLedgers();
afterAll(() => ledgers[Symbol.asyncDispose]());

interface Pair {
  readonly sender: string;
  readonly recipient: string;
}

/** As many senders with 10.00 USD as there are races, each with a recipient that has nothing. */
async function openPairs(): Promise<readonly Pair[]> {
  const pairs = Array.from({ length: RACES }, () => ({ sender: randomUUID(), recipient: randomUUID() }));
  const open = (accountId: string): Command => ({ type: 'open-account', key: 'open', accountId });
  await applyAll(
    ledgers.urls()[0],
    pairs.flatMap(({ sender, recipient }) => [open(sender), open(recipient)]),
  );
  await applyAll(
    ledgers.urls()[0],
    pairs.map(({ sender }) => ({ type: 'deposit', key: 'paid-in', accountId: sender, asset: 'USD', amount: '10.00' })),
  );
  return pairs;
}

/** Runs the races, each with a pair of its own. */
async function racePairs(run: (pair: Pair, race: number) => Promise<string>): Promise<Record<string, number>> {
  const pairs = await openPairs();
  return countEach(
    await runRaces(ledgers, async (race) => {
      const pair = pairs[race];
      if (pair === undefined) throw new Error(`race ${race} has no accounts`);
      return run(pair, race);
    }),
  );
}

const transfer = ({ sender, recipient }: Pair): Transfer => ({
  type: 'transfer',
  key: 'all of it',
  accountId: sender,
  to: recipient,
  asset: 'USD',
  amount: '10.00',
});

/** How the transfer that was answered so has ended, once it has. */
const endOf = (url: string, { body }: Outcome): Promise<string> =>
  eventually('the transfer has ended', () => endOfTransfer(url, body.result?.['transferId'] ?? ''));

async function expectAllEnded(): Promise<void> {
  await expectNothingUnderWay(ledgers.audit);
  await expectBalancedBooks(ledgers.audit);
}

test('a transfer against the freezing of its recipient: it arrives before, or comes back', async () => {
  const handicap = makeHandicap(1);
  const counts = await racePairs(async (pair, race) => {
    const sides = sidesOf(ledgers, race);
    const freeze: Command = { type: 'freeze-account', key: 'freeze', accountId: pair.recipient, reason: 'a court order' };
    const [sent, frozen] = await sendBoth(sides, transfer(pair), freeze, handicap);
    const end = await endOf(sides[0], sent);
    handicap.learn(end === 'completed' ? 'one' : 'other');
    return `${said(sent)} against ${said(frozen)}: ${end}`;
  });
  expect(Object.keys(counts).sort()).toEqual(['201 against 200: completed', '201 against 200: returned: recipient_frozen']);
  await expectAllEnded();
});

test('a transfer against the closing of its recipient: it arrives and the account stays, or comes back and nothing ever arrives', async () => {
  const handicap = makeHandicap(1);
  const counts = await racePairs(async (pair, race) => {
    const sides = sidesOf(ledgers, race);
    const [sent, closed] = await sendBoth(
      sides,
      transfer(pair),
      { type: 'close-account', key: 'close', accountId: pair.recipient },
      handicap,
    );
    handicap.learn(closed.httpStatus === 200 ? 'other' : 'one');
    return `${said(sent)} against ${said(closed)}: ${await endOf(sides[0], sent)}`;
  });
  expect(Object.keys(counts).sort()).toEqual([
    '201 against 200: returned: recipient_closed',
    '201 against 422 account_not_empty: completed',
  ]);
  await expectAllEnded();
});

test('a transfer of everything against the closing of its sender: closed is only what has nothing and waits for nothing', async () => {
  const handicap = makeHandicap(1);
  const stillOpen: Command[] = [];
  const counts = await racePairs(async (pair, race) => {
    const sides = sidesOf(ledgers, race);
    const close: Command = { type: 'close-account', key: 'close', accountId: pair.sender };
    const everything = transfer(pair);
    switch (race % 3) {
      case 0: {
        const [sent, closed] = await sendBoth(sides, everything, close, handicap);
        // Here it is the closing that wins by coming late enough.
        handicap.learn(closed.httpStatus === 200 ? 'one' : 'other');
        const end = await endOf(sides[0], sent);
        if (closed.httpStatus !== 200) stillOpen.push({ ...close, key: 'close it now' });
        return `to an open account: ${said(sent)} against ${said(closed)}: ${end}`;
      }
      case 1: {
        const freeze: Command = { type: 'freeze-account', key: 'freeze', accountId: pair.recipient, reason: 'a court order' };
        await applyAll(sides[1], [freeze]);
        const [sent, closed] = await sendBoth(sides, everything, close, handicap);
        return `to a frozen account: ${said(sent)} against ${said(closed)}: ${await endOf(sides[0], sent)}`;
      }
      default: {
        await applyAll(sides[1], [{ type: 'withdraw', key: 'spent', accountId: pair.sender, asset: 'USD', amount: '10.00' }]);
        const [sent, closed] = await sendBoth(sides, everything, close);
        return `from an empty account: ${said(sent)} against ${said(closed)}`;
      }
    }
  });
  expect(Object.keys(counts).sort()).toEqual([
    'from an empty account: 422 account_closed against 200',
    'from an empty account: 422 insufficient_funds against 200',
    'to a frozen account: 201 against 422 account_not_empty: returned: recipient_frozen',
    'to an open account: 201 against 200: completed',
    'to an open account: 201 against 422 account_not_empty: completed',
  ]);
  // What was refused then is granted once the transfer has ended.
  await applyAll(ledgers.urls()[1], stillOpen);
  await expectAllEnded();
});
