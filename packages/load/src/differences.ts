// What differs between two views of one account, in words.
import type { AccountView } from './account-book.ts';
import type { Tally } from './tally.ts';
import { isSame } from './tally.ts';

/** What lines are missing and what lines are there instead. */
export function lineDifferences(what: string, expected: readonly string[], found: readonly string[]): readonly string[] {
  const [wanted, there] = [new Set(expected), new Set(found)];
  return [
    ...expected.filter((line) => !there.has(line)).map((line) => `${what} missing: ${line}`),
    ...found.filter((line) => !wanted.has(line)).map((line) => `${what} not in the client's books: ${line}`),
  ];
}

function tallyDifferences(what: string, expected: Tally, found: Tally): readonly string[] {
  if (isSame(expected, found)) return [];
  return [
    expected.count === found.count
      ? `${what}: as many as in the client's books (${found.count}), and not the same ones`
      : `${what}: ${found.count}, and ${expected.count} in the client's books`,
  ];
}

export const viewDifferences = (expected: AccountView, found: AccountView): readonly string[] => [
  ...lineDifferences('balance', expected.balances, found.balances),
  ...lineDifferences('open hold', expected.openHolds, found.openHolds),
  ...lineDifferences('open order', expected.openOrders, found.openOrders),
  ...tallyDifferences('closed holds', expected.closedHolds, found.closedHolds),
  ...tallyDifferences('closed orders', expected.closedOrders, found.closedOrders),
  ...tallyDifferences('transfers', expected.transfers, found.transfers),
];
