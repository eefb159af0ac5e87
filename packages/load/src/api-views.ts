// What the API says an account came to: by its lists, which are the projection, and by a command that is only tried, which is decided
// on the ledger's own state of the account.
import type { BulkCommand, LedgerClient } from '@ledgerfold/client';
import type { AccountView } from './account-book.ts';
import { lines } from './account-book.ts';
import type { Asset } from './money.ts';
import { amountOf, COINS, decimalOf, minorOf, REMOVED_COIN, SCALES, scaleOf } from './money.ts';
import { EMPTY, withLine } from './tally.ts';

const ASSETS = Object.keys(SCALES) as readonly Asset[];
const COIN_CODES: ReadonlySet<string> = new Set([...COINS, REMOVED_COIN]);

const isNothing = (amount: string): boolean => !/[1-9]/.test(amount);

/** The account's lists, at that position or later. */
export async function projectedView(ledger: LedgerClient, accountId: string, minPosition: string): Promise<AccountView> {
  const options = { minPosition };
  const { data } = await ledger.listBalances(accountId, options);
  const balances = data
    .filter(({ available, held }) => !isNothing(available) || !isNothing(held))
    .map(({ asset, available, held }) => lines.balance(asset, available, held))
    .sort();
  let [closedHolds, closedOrders, transfers] = [EMPTY, EMPTY, EMPTY];
  const [openHolds, openOrders]: [string[], string[]] = [[], []];
  for await (const { id, asset, amount, captured, status } of ledger.listHolds(accountId, {}, options)) {
    const line = lines.hold(id, asset, amount, captured, status);
    if (status === 'open') openHolds.push(line);
    else closedHolds = withLine(closedHolds, line);
  }
  for await (const { id, tokenIn, tokenOut, amountIn, filledIn, filledOut, status } of ledger.listOrders({ accountId }, options)) {
    const line = lines.order(id, tokenIn, tokenOut, amountIn, filledIn, filledOut, status);
    if (status === 'pending') openOrders.push(line);
    else closedOrders = withLine(closedOrders, line);
  }
  for await (const { id, from, to, asset, amount, state } of ledger.listTransfers(accountId, options))
    transfers = withLine(transfers, lines.transfer(id, from, to, asset, amount, state));
  return { balances, openHolds: openHolds.sort(), closedHolds, openOrders: openOrders.sort(), closedOrders, transfers };
}

/** The account's coins, available and held together, as lines. */
export async function projectedCoins(ledger: LedgerClient, accountId: string, minPosition: string): Promise<readonly string[]> {
  const coins: string[] = [];
  for await (const { symbol, quantity } of ledger.listCoins(accountId, { minPosition })) coins.push(`${symbol} ${quantity}`);
  return coins.sort();
}

/** The same as the balances say. */
export function coinsIn({ balances }: Pick<AccountView, 'balances'>): readonly string[] {
  return balances
    .map((line) => line.split(' '))
    .flatMap(([asset = '', available = '', held = '']) => {
      const scale = scaleOf(available);
      return COIN_CODES.has(asset) ? [`${asset} ${decimalOf(minorOf(available, scale) + minorOf(held, scale), scale)}`] : [];
    })
    .sort();
}

/** The balances that the next command would be decided on: those after a deposit that is only tried, less that deposit. */
export async function decidedBalances(ledger: LedgerClient, accountId: string): Promise<readonly string[]> {
  const tried = ASSETS.map((asset): BulkCommand => ({ type: 'deposit', accountId, asset, amount: amountOf(asset, 1n) }));
  const results = await ledger.sendAll(tried, { dryRun: true });
  return results
    .flatMap((result, at) => {
      const asset = ASSETS[at];
      if (!('applied' in result) || asset === undefined) throw 'problem' in result ? result.problem : new Error('a dry run stayed pending');
      const after = result.applied.balances.find((balance) => balance.asset === asset);
      if (after === undefined) return [`${asset} is not in the answer to a deposit of it`];
      const available = amountOf(asset, minorOf(after.available, SCALES[asset]) - 1n);
      return isNothing(available) && isNothing(after.held) ? [] : [lines.balance(asset, available, after.held)];
    })
    .sort();
}
