import { sql } from 'kysely';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import type { BooksReport, BooksWatch } from '../../src/projections/books-watch.ts';
import { watchBooks } from '../../src/projections/books-watch.ts';
import { isProjecting } from '../../src/projections/projector.ts';
import { deposited, newAccountId, newEvent, opened, withdrawn } from '../eventstore/new-events.ts';
import { waitFor } from '../stack/waiting.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';
import { startLedger } from './ledger-under-test.ts';

let ledger: LedgerUnderTest;
let accounts: readonly AccountId[];
beforeEach(async () => {
  ledger = await startLedger();
  accounts = Array.from({ length: 1_200 }, newAccountId).toSorted(); // more than one slice
  await Promise.all(accounts.map((accountId) => ledger.append(accountStream(accountId), newEvent(opened()), newEvent(deposited('5.00')))));
  ledger.projector().start();
});
afterEach(() => ledger.close());

const told: string[] = [];
const watch = (isLeading = () => true): BooksWatch =>
  watchBooks({
    db: ledger.db,
    isLeading,
    everyMs: 1,
    mostOfTime: 1,
    logger: pino({ level: 'info' }, { write: (line: string) => void told.push(line) }),
  });

/** What a look finds that began after this was called, and the look before it, too: one that was under way may not count. */
async function nextReport(watching: BooksWatch): Promise<BooksReport | undefined> {
  for (let looks = 0; looks < 2; looks += 1) {
    const before = watching.report();
    await waitFor(() => expect(watching.report()).not.toBe(before), { intervalMs: 1 });
  }
  return watching.report();
}

const changeBalance = (accountId: AccountId | undefined, by: string) =>
  sql`UPDATE balances SET available = available + ${by} WHERE account_id = ${accountId}`.execute(ledger.db);

it('finds nothing while the books are right, whatever is being written to them', async () => {
  await using opened = new AsyncDisposableStack();
  const watching = opened.adopt(watch(), ({ close }) => close());
  for (let n = 0; n < 20; n += 1) {
    const accountId = accounts[n];
    const writing = accountId && ledger.append(accountStream(accountId), newEvent(withdrawn('1.00')), newEvent(deposited('0.50')));
    expect(await nextReport(watching)).toMatchObject({ differences: 0 });
    await writing;
  }
  await ledger.caughtUp();
  expect(await nextReport(watching)).toMatchObject({ differences: 0 });
});

it('finds a changed balance by the sum of its asset, and by its journal, wherever it stands; and sees it put right', async () => {
  await ledger.caughtUp();
  await using opened = new AsyncDisposableStack();
  const watching = opened.adopt(watch(), ({ close }) => close());
  const last = accounts.at(-1);
  await changeBalance(last, '1');
  await waitFor(() => expect(watching.report()).toMatchObject({ differences: 2 }));
  // It is remembered while other slices are looked at.
  for (let looks = 0; looks < 3; looks += 1) expect(await nextReport(watching)).toMatchObject({ differences: 2 });
  expect(told.filter((line) => line.includes('the books are unequal') && line.includes(String(last)))).not.toHaveLength(0);
  await changeBalance(last, '-1');
  expect(await nextReport(watching)).toMatchObject({ differences: 0 });
});

it('finds what was moved from one account to another, where the sum is as it should be', async () => {
  await ledger.caughtUp();
  await using opened = new AsyncDisposableStack();
  const watching = opened.adopt(watch(), ({ close }) => close());
  await changeBalance(accounts[0], '-5');
  await changeBalance(accounts[1], '5');
  await waitFor(() => expect(watching.report()).toMatchObject({ differences: 2 }));
});

it('leaves it to the process that projects', async () => {
  const standby = ledger.projector();
  await using opened = new AsyncDisposableStack();
  let leads = true;
  const watching = opened.adopt(
    watch(() => leads && !isProjecting(standby.status())),
    ({ close }) => close(),
  );
  await waitFor(() => expect(watching.report()).toBeDefined());
  leads = false;
  await waitFor(() => expect(watching.report()).toBeUndefined());
});
