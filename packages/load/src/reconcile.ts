// The comparison at the end: the client's own books against what the ledger decides on, its projection, and its log.
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountEvent, LedgerClient } from '@ledgerfold/client';
import type { Acknowledged } from './acknowledged.ts';
import { coinsIn, decidedBalances, projectedCoins, projectedView } from './api-views.ts';
import type { Books } from './books.ts';
import { lineDifferences, viewDifferences } from './differences.ts';
import { foldEvents } from './fold.ts';
import { keyOf } from './keys.ts';

export interface Reconciliation {
  readonly accounts: number;
  readonly events: number;
  /** Commands that were acknowledged, and so have to be in the log. */
  readonly applied: number;
  readonly refused: number;
  readonly differences: readonly string[];
}
export interface ReconcileOptions {
  /** One that tries again: a busy ledger is no difference. */
  readonly operator: LedgerClient;
  readonly accountIds: readonly string[];
  readonly run: string;
  readonly books: Books;
  readonly acknowledged: Acknowledged;
  readonly onProgress: (accounts: number) => void;
}

const ACCOUNTS_AT_ONCE = 4;
const TRANSFERS_MS = 60_000;
const AGAIN_MS = 200;
const NEWEST = 200;
/** Keys of what the ledger does by itself, and of the account that a registration opens. */
const OWN_KEYS = ['sys:', 'first-account'];

export async function reconcile(options: ReconcileOptions): Promise<Reconciliation> {
  const { operator, accountIds, run, books, acknowledged, onProgress } = options;
  const minPosition = latestOf(accountIds.map((accountId) => books.of(accountId).lastPosition()));
  const differences: string[] = [...(await transfersUnderWay(operator, accountIds, minPosition))];
  let [next, done, events] = [0, 0, 0];

  async function compareAccount(accountId: string): Promise<void> {
    const expected = books.of(accountId).view();
    const differ = (where: string, found: readonly string[]): void =>
      void differences.push(...found.map((difference) => `${where}, account ${accountId}: ${difference}`));
    differ('decisions', lineDifferences('balance', expected.balances, await decidedBalances(operator, accountId)));
    differ('projection', viewDifferences(expected, await projectedView(operator, accountId, minPosition)));
    differ('projection', lineDifferences('coin', coinsIn(expected), await projectedCoins(operator, accountId, minPosition)));
    const logged = await eventsOf(operator, accountId, minPosition);
    events += logged.length;
    const { view, faults } = foldEvents(accountId, logged);
    differ('log', faults);
    differ('log', viewDifferences(expected, view));
    differ('log', logged.flatMap(keyFault));
    const { revision } = await operator.getAccount(accountId, { minPosition });
    if (revision !== String(logged.length - 1))
      differ('projection', [`it is at revision ${revision}, and the log has ${logged.length} events`]);
  }

  function keyFault({ key, type }: AccountEvent): readonly string[] {
    if (OWN_KEYS.some((own) => key.startsWith(own))) return [];
    const fault = acknowledged.found(key, type === 'command-rejected' ? 'refused' : 'applied');
    return fault === undefined ? [] : [fault];
  }

  const compareNext = async (): Promise<void> => {
    for (let accountId = accountIds[next++]; accountId !== undefined; accountId = accountIds[next++]) {
      await compareAccount(accountId);
      done += 1;
      onProgress(done);
    }
  };
  await Promise.all(Array.from({ length: ACCOUNTS_AT_ONCE }, compareNext));
  for (const { how, ...name } of acknowledged.missing())
    differences.push(`log: the command ${keyOf(run, name)} was answered as ${how}, and is not there`);
  return {
    accounts: accountIds.length,
    events,
    applied: acknowledged.count('applied'),
    refused: acknowledged.count('refused'),
    differences,
  };
}

/** The highest of the positions. */
function latestOf(positions: readonly string[]): string {
  let latest = 0n;
  for (const position of positions) if (BigInt(position) > latest) latest = BigInt(position);
  return String(latest);
}

/** Waits until every transfer has arrived or come back. What has not by then is a difference. */
async function transfersUnderWay(operator: LedgerClient, accountIds: readonly string[], minPosition: string): Promise<readonly string[]> {
  const until = performance.now() + TRANSFERS_MS;
  let left = accountIds;
  for (;;) {
    const pending: string[] = [];
    for (const accountId of left) {
      const { data } = await operator.listTransfers(accountId, { minPosition }).page({ limit: NEWEST });
      if (data.some(({ state }) => state === 'pending')) pending.push(accountId);
    }
    if (pending.length === 0) return [];
    if (performance.now() > until) return pending.map((accountId) => `projection, account ${accountId}: transfers are under way still`);
    left = pending;
    await sleep(AGAIN_MS);
  }
}

/** All events of the account, oldest first. */
async function eventsOf(operator: LedgerClient, accountId: string, minPosition: string): Promise<readonly AccountEvent[]> {
  const newestFirst = await Array.fromAsync(operator.listEvents(accountId, { minPosition }));
  return newestFirst.toReversed();
}
