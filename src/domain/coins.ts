// Coins: ordinary balances against @portfolio, changed by a signed quantity, down to zero and no further.
import type { Account } from './account.ts';
import { balanceOf } from './account.ts';
import { formatMinor } from './amounts.ts';
import { amountIn, notMoving, resolveCoin } from './checks.ts';
import type { RemoveCoin, UpdateCoin } from './commands.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { refused, rejected } from './decision.ts';
import { moved, rangeRefusal, spendingRefusal } from './entries.ts';

export function updateCoin(command: UpdateCoin, account: Account, context: DecisionContext): Decision {
  const coin = resolveCoin(command.symbol, context);
  if ('detail' in coin) return refused(coin);
  const quantityMinor = amountIn(command.quantity, coin);
  if (typeof quantityMinor !== 'bigint') return refused(quantityMinor);
  const refusal =
    notMoving(account) ??
    (quantityMinor < 0n ? spendingRefusal(account, coin, -quantityMinor, context) : rangeRefusal(account, coin, quantityMinor));
  if (refusal) return refused(refusal);
  return moved(account, {
    type: 'coin-updated',
    version: 1,
    asset: coin.code,
    quantity: formatMinor(quantityMinor, coin.scale),
    balances: [],
  });
}

/** Takes all of a coin out of the account: what is held by orders and holds cannot be taken, so then it is refused. */
export function removeCoin(command: RemoveCoin, account: Account, context: DecisionContext): Decision {
  const coin = resolveCoin(command.symbol, context);
  if ('detail' in coin) return refused(coin);
  const { availableMinor, heldMinor } = balanceOf(account, coin);
  const totalMinor = availableMinor + heldMinor;
  const halted = notMoving(account);
  if (halted) return refused(halted);
  if (totalMinor === 0n) return rejected('not_found', `The account holds no ${coin.code}.`, { asset: coin.code });
  const refusal = spendingRefusal(account, coin, totalMinor, context);
  if (refusal) return refused(refusal);
  return moved(account, {
    type: 'coin-removed',
    version: 1,
    asset: coin.code,
    quantity: formatMinor(totalMinor, coin.scale),
    balances: [],
  });
}
