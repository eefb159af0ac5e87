// Limits on what leaves an account.
import { LimitsBody } from '../../domain/commands.ts';
import { AccountParams, Limit, PageQuery, pageOf } from '../contract.ts';
import { appliedExample, onePage } from '../examples.ts';
import { readRoute } from '../read-route.ts';
import { pageBody } from '../wire.ts';
import { writeRoute } from '../write-route.ts';

export const setLimits = writeRoute({
  method: 'PUT',
  path: '/v1/accounts/{accountId}/limits',
  operationId: 'setLimits',
  tag: 'lifecycle',
  summary: 'Set the limits of an account in one asset',
  description: 'Replaces both: a limit that is not given is none.',
  params: AccountParams,
  body: LimitsBody,
  toCommand: ({ params, body }) => ({ type: 'set-limits', accountId: params.accountId, ...body }),
  example: { body: { asset: 'USD', perWithdrawal: '500.00', perDay: '2000.00' }, answer: appliedExample() },
});

export const listLimits = readRoute({
  path: '/v1/accounts/{accountId}/limits',
  operationId: 'listLimits',
  tag: 'lifecycle',
  summary: 'List the limits of an account',
  params: AccountParams,
  query: PageQuery,
  tagged: true,
  answer: pageOf(Limit, 'LimitList'),
  example: onePage({ asset: 'USD', perWithdrawal: '500.00', perDay: null }),
  async answerTo({ params, query, queries }) {
    const page = await queries.limits(params.accountId, query);
    return pageBody(page, ({ asset, perWithdrawal = null, perDay = null }) => ({ asset, perWithdrawal, perDay }));
  },
});
