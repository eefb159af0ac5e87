// Checks that several commands share: does the asset exist, does the amount fit it, may value move here.
import type { Account } from './account.ts';
import { MAX_MINOR_DIGITS, toMinor } from './amounts.ts';
import type { Asset } from './assets.ts';
import { codesNamedBy } from './assets.ts';
import type { Command } from './commands.ts';
import type { DecisionContext } from './decision.ts';
import type { AssetCode } from './ids.ts';
import type { Rejection } from './rejections.ts';
import { rejection } from './rejections.ts';

export function resolveAsset(code: AssetCode, context: Pick<DecisionContext, 'asset'>): Asset | Rejection {
  return context.asset(code) ?? rejection('unknown_asset', `No asset ${code} is registered.`, { asset: code });
}

/** The coin that a symbol names: its code, or its trading pair (`btcusdt`). Money that is no coin is unknown here. */
export function resolveCoin(symbol: string, context: Pick<DecisionContext, 'asset'>): Asset | Rejection {
  const coin = codesNamedBy(symbol)
    .map((code) => context.asset(code))
    .find((asset) => asset?.kind === 'coin');
  return coin ?? rejection('unknown_asset', `No coin is registered that "${symbol}" names.`, { asset: symbol });
}

/** Minor units of an amount in its asset, or why it is none. */
export function amountIn(text: string, asset: Pick<Asset, 'code' | 'scale'>): bigint | Rejection {
  const minor = toMinor(text, asset.scale);
  if (minor !== undefined) return minor;
  return rejection(
    'invalid_amount',
    `${asset.code} has ${asset.scale} decimals and at most ${MAX_MINOR_DIGITS} digits of its smallest unit; ${text} does not fit.`,
    { asset: asset.code, amount: text },
  );
}

/** The refusal where no value moves on account of the account's status. */
export function notMoving(account: Account): Rejection | undefined {
  if (account.status === 'closed') return closedRefusal(account);
  if (account.status === 'frozen') return rejection('account_frozen', `Account ${account.accountId} is frozen.`);
  return undefined;
}

export function closedRefusal(account: Account): Rejection | undefined {
  return account.status === 'closed' ? rejection('account_closed', `Account ${account.accountId} is closed.`) : undefined;
}

/**
 * A command's amounts, each with the asset it is in, as far as the command itself says so. What a fill or a capture moves
 * is in the assets of its order or hold, which the decision knows.
 */
function amountsOf(command: Command, context: Pick<DecisionContext, 'asset'>): readonly (readonly [string, Asset | Rejection])[] {
  if (command.type === 'place-order') return [[command.amountIn, resolveAsset(command.tokenIn, context)]];
  if ('symbol' in command) return 'quantity' in command ? [[command.quantity, resolveCoin(command.symbol, context)]] : [];
  if (!('asset' in command)) return [];
  const asset = resolveAsset(command.asset, context);
  const texts = 'amount' in command ? [command.amount] : [command.perWithdrawal, command.perDay];
  return texts.flatMap((text) => (text === undefined ? [] : [[text, asset] as const]));
}

/**
 * The refusal of an amount that does not fit its asset: part of the request's shape, so it comes before the account is
 * looked at and before stored outcomes. Unknown assets are left to the decision.
 */
export function shapeRefusal(command: Command, context: Pick<DecisionContext, 'asset'>): Rejection | undefined {
  for (const [text, asset] of amountsOf(command, context)) {
    const minor = 'kind' in asset ? amountIn(text, asset) : undefined;
    if (typeof minor === 'object') return minor;
  }
  return undefined;
}
