// Balances of an account: available, held and both together.
import { z } from 'zod';
import { formatMinor } from '../../domain/amounts.ts';
import { AssetCodeSchema } from '../../domain/ids.ts';
import { AccountParams, BalanceAtPosition, BalanceList } from '../contract.ts';
import { refusal } from '../problems.ts';
import { readRoute } from '../read-route.ts';
import { READERS } from '../roles.ts';

const USD = { asset: 'USD', available: '90.00', held: '10.00', total: '100.00' };

export const listBalances = readRoute({
  path: '/v1/accounts/{accountId}/balances',
  operationId: 'listBalances',
  tag: 'accounts',
  summary: 'List the balances of an account',
  description: 'Every asset that ever moved, by code. They are those at `position`, or later.',
  allowed: READERS.accounts,
  params: AccountParams,
  tagged: true,
  answer: BalanceList,
  example: { data: [USD], position: '48211' },
  async answerTo({ params, queries }) {
    const position = await queries.position();
    const balances = await queries.balances(params.accountId);
    return {
      data: balances.map(({ asset, available, held, total }) => ({ asset, available, held, total })),
      position: String(position),
    };
  },
});

export const getBalance = readRoute({
  path: '/v1/accounts/{accountId}/balances/{asset}',
  operationId: 'getBalance',
  tag: 'accounts',
  summary: 'Get the balance of an account in one asset',
  description: 'Zeros where the asset never moved.',
  allowed: READERS.accounts,
  params: z.object({ ...AccountParams.shape, asset: z.string().meta({ examples: ['USD'] }) }),
  tagged: true,
  answer: BalanceAtPosition,
  problems: ['unknown_asset'],
  example: { ...USD, position: '48211' },
  async answerTo({ params, queries }) {
    const code = AssetCodeSchema.safeParse(params.asset);
    const registered = code.success ? await queries.asset(code.data) : undefined;
    if (!registered) {
      const asset = params.asset.slice(0, 64);
      return refusal('unknown_asset', `No asset ${asset} is registered.`, { asset });
    }
    const position = await queries.position();
    const zero = formatMinor(0n, registered.scale);
    const { available, held, total } = (await queries.balance(params.accountId, registered.code)) ?? {
      available: zero,
      held: zero,
      total: zero,
    };
    return { asset: registered.code, available, held, total, position: String(position) };
  },
});
