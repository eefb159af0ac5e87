import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks, expectNothingUnderWay } from './books.ts';
import type { Command, Outcome, Transfer } from './clients.ts';
import { applyAll, countEach, said } from './clients.ts';
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

interface Raced {
  /** The transfer's answer. */
  readonly sent: Outcome;
  readonly other: Outcome;
  readonly of?: string;
}

/** Runs the races, each with a pair of its own, waits until all have ended, and says how each went and ended, and how often. */
async function racePairs(run: (pair: Pair, race: number) => Promise<Raced>): Promise<Record<string, number>> {
  const pairs = await openPairs();
  const raced = await runRaces(ledgers, async (race) => {
    const pair = pairs[race];
    if (pair === undefined) throw new Error(`race ${race} has no accounts`);
    return run(pair, race);
  });
  await expectNothingUnderWay(ledgers.audit);
  const { log } = await expectBalancedBooks(ledgers.audit);
  const ends = new Map(
    log.flatMap(({ type, data }): [unknown, string][] => {
      if (type === 'transfer-completed') return [[data['transferId'], 'completed']];
      return type === 'transfer-returned' ? [[data['transferId'], `returned, ${data['reason']}`]] : [];
    }),
  );
  return countEach(
    raced.map(({ sent, other, of = 'a transfer' }) => {
      const end = ends.get(sent.body.result?.['transferId']) ?? 'never sent';
      return `${of}: ${said(sent)} against ${said(other)}: ${end}`;
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

/** The recipient's stream after its opening: either the money or the other command came first. */
const CAME_FIRST = '1';

test('a transfer against the freezing of its recipient: it arrives before, or comes back', async () => {
  const handicap = makeHandicap(1);
  const counts = await racePairs(async (pair, race) => {
    const freeze: Command = { type: 'freeze-account', key: 'freeze', accountId: pair.recipient, reason: 'a court order' };
    const [sent, other] = await sendBoth(sidesOf(ledgers, race), transfer(pair), freeze, handicap);
    handicap.learn(other.body.revision === CAME_FIRST ? 'other' : 'one');
    return { sent, other };
  });
  expect(Object.keys(counts).sort()).toEqual([
    'a transfer: 201 against 200: completed',
    'a transfer: 201 against 200: returned, recipient_frozen',
  ]);
});

test('a transfer against the closing of its recipient: it arrives and the account stays, or comes back and nothing ever arrives', async () => {
  const handicap = makeHandicap(1);
  const counts = await racePairs(async (pair, race) => {
    const close: Command = { type: 'close-account', key: 'close', accountId: pair.recipient };
    const [sent, other] = await sendBoth(sidesOf(ledgers, race), transfer(pair), close, handicap);
    handicap.learn(other.httpStatus === 200 ? 'other' : 'one');
    return { sent, other };
  });
  expect(Object.keys(counts).sort()).toEqual([
    'a transfer: 201 against 200: returned, recipient_closed',
    'a transfer: 201 against 422 account_not_empty: completed',
  ]);
});

test('a transfer of everything against the closing of its sender: closed is only what has nothing and waits for nothing', async () => {
  const handicap = makeHandicap(1);
  const notYetClosed: Command[] = [];
  const counts = await racePairs(async (pair, race) => {
    const sides = sidesOf(ledgers, race);
    const close: Command = { type: 'close-account', key: 'close', accountId: pair.sender };
    switch (race % 3) {
      case 0: {
        const [sent, other] = await sendBoth(sides, transfer(pair), close, handicap);
        // Here it is by coming late enough that the closing gets its way.
        handicap.learn(other.httpStatus === 200 ? 'one' : 'other');
        if (other.httpStatus !== 200) notYetClosed.push({ ...close, key: 'close now' });
        return { of: 'to an open account', sent, other };
      }
      case 1: {
        await applyAll(sides[1], [{ type: 'freeze-account', key: 'freeze', accountId: pair.recipient, reason: 'a court order' }]);
        const [sent, other] = await sendBoth(sides, transfer(pair), close, handicap);
        return { of: 'to a frozen account', sent, other };
      }
      default: {
        await applyAll(sides[1], [{ type: 'withdraw', key: 'spent', accountId: pair.sender, asset: 'USD', amount: '10.00' }]);
        const [sent, other] = await sendBoth(sides, transfer(pair), close);
        return { of: 'from an empty account', sent, other };
      }
    }
  });
  expect(Object.keys(counts).sort()).toEqual([
    'from an empty account: 422 account_closed against 200: never sent',
    'from an empty account: 422 insufficient_funds against 200: never sent',
    'to a frozen account: 201 against 422 account_not_empty: returned, recipient_frozen',
    'to an open account: 201 against 200: completed',
    'to an open account: 201 against 422 account_not_empty: completed',
  ]);
  // What was refused while the transfer was under way is granted now.
  await applyAll(ledgers.urls()[1], notYetClosed);
  await expectBalancedBooks(ledgers.audit);
});
