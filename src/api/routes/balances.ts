// Balances of an account: available, held and both together.
import { z } from 'zod';
import { formatMinor } from '../../domain/amounts.ts';
import { TimestampSchema } from '../../domain/commands.ts';
import type { AccountId } from '../../domain/ids.ts';
import { AssetCodeSchema } from '../../domain/ids.ts';
import type { Balance as AccountBalance } from '../../projections/balances.ts';
import type { Balance } from '../contract.ts';
import { AccountParams, BalanceAtPosition, BalanceList, TimeAxis } from '../contract.ts';
import { refusal } from '../problems.ts';
import type { LedgerQueries } from '../queries.ts';
import { readRoute } from '../read-route.ts';

const USD = { asset: 'USD', available: '90.00', held: '10.00', total: '100.00' };

const BalanceQuery = z
  .object({
    at: TimestampSchema.optional().meta({ description: 'The balances as they stood at this time.' }),
    by: TimeAxis.optional().meta({
      description:
        'By which time, where `at` is given: `system` (the default) is what the ledger knew then; `effective` is what is known now of that time, backdated entries included, and may be negative.',
    }),
  })
  .check(({ value: { at, by }, issues }) => {
    if (by !== undefined && at === undefined) issues.push({ code: 'custom', message: 'only together with `at`', path: ['by'], input: by });
  });

const balanceBody = ({ asset, available, held, total }: AccountBalance): z.output<typeof Balance> => ({ asset, available, held, total });

/** The balances now, or as they stood at a time, as they are answered. */
export async function balancesAnswer(
  queries: Pick<LedgerQueries, 'position' | 'balances' | 'balancesAt'>,
  accountId: AccountId,
  { at, by = 'system' }: z.output<typeof BalanceQuery>,
): Promise<z.output<typeof BalanceList>> {
  const position = String(await queries.position());
  if (at === undefined) return { data: (await queries.balances(accountId)).map(balanceBody), position };
  const balances = await queries.balancesAt(accountId, { at, by });
  return { data: balances.map(balanceBody), position, at, by, mayBeNegative: by === 'effective' };
}

export const listBalances = readRoute({
  path: '/v1/accounts/{accountId}/balances',
  operationId: 'listBalances',
  tag: 'accounts',
  summary: 'List the balances of an account, now or at a time',
  description: 'Every asset that had ever moved, by code. Without `at`, they are those at `position`, or later.',
  params: AccountParams,
  query: BalanceQuery,
  tagged: true,
  answer: BalanceList,
  example: { data: [USD], position: '48211' },
  answerTo: ({ params: { accountId }, query, queries }) => balancesAnswer(queries, accountId, query),
});

export const getBalance = readRoute({
  path: '/v1/accounts/{accountId}/balances/{asset}',
  operationId: 'getBalance',
  tag: 'accounts',
  summary: 'Get the balance of an account in one asset',
  description: 'Zeros where the asset never moved.',
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
