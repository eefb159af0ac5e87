// Coins: what is held of each, changed by a signed quantity, removed.
import { z } from 'zod';
import { EmptyBody, UpdateCoinBody } from '../../domain/commands.ts';
import { AccountParams, Coin, PageQuery, pageOf } from '../contract.ts';
import { appliedExample, onePage } from '../examples.ts';
import { readRoute } from '../read-route.ts';
import { pageBody } from '../wire.ts';
import { writeRoute } from '../write-route.ts';

export const updateCoin = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/coins',
  operationId: 'updateCoin',
  tag: 'coins',
  summary: 'Add to a coin, or take from it',
  description: 'The coin is named by its code, or by a trading pair: `btcusdt` is BTC.',
  params: AccountParams,
  body: UpdateCoinBody,
  toCommand: ({ params, body }) => ({ type: 'update-coin', accountId: params.accountId, ...body }),
  example: {
    body: { symbol: 'btcusdt', quantity: '-0.5' },
    answer: appliedExample({
      balances: [{ asset: 'BTC', available: '1.00000000', held: '0.00000000' }],
      result: { symbol: 'BTC', quantity: '-0.50000000' },
    }),
  },
});

export const removeCoin = writeRoute({
  method: 'DELETE',
  path: '/v1/accounts/{accountId}/coins/{symbol}',
  operationId: 'removeCoin',
  tag: 'coins',
  summary: 'Remove a coin from an account, all of it',
  description: 'What orders and holds have taken aside cannot be removed.',
  // Any text: whether it names a coin is decided after the account was found.
  params: z.object({ ...AccountParams.shape, symbol: z.string().meta({ examples: ['BTC'] }) }),
  body: EmptyBody,
  toCommand: ({ params: { accountId, symbol } }) => ({ type: 'remove-coin', accountId, symbol }),
  example: {
    answer: appliedExample({
      balances: [{ asset: 'BTC', available: '0.00000000', held: '0.00000000' }],
      result: { symbol: 'BTC', quantity: '1.50000000' },
    }),
  },
});

export const listCoins = readRoute({
  path: '/v1/accounts/{accountId}/coins',
  operationId: 'listCoins',
  tag: 'coins',
  summary: 'List the coins held in an account',
  params: AccountParams,
  query: PageQuery,
  tagged: true,
  answer: pageOf(Coin, 'CoinList'),
  example: onePage({ symbol: 'BTC', quantity: '1.50000000' }),
  async answerTo({ params, query, queries }) {
    return pageBody(await queries.coins(params.accountId, query), ({ symbol, quantity }) => ({ symbol, quantity }));
  },
});
