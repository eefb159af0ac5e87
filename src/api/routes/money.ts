// Money: into an account and out of it.
import { MoneyBody } from '../../domain/commands.ts';
import type { AppliedBody } from '../command-answer.ts';
import { AccountParams } from '../contract.ts';
import { appliedExample, ENTRY_ID } from '../examples.ts';
import { writeRoute } from '../write-route.ts';

/** An entry is found through the command that made it, for good; in the journal it is one row among others. */
const outcomeLocation = ({ commandId }: AppliedBody): string => `/v1/commands/${commandId}`;

export const deposits = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/deposits',
  operationId: 'deposit',
  tag: 'accounts',
  summary: 'Deposit money into an account',
  command: 'deposit',
  params: AccountParams,
  body: MoneyBody,
  toCommand: ({ params, body }) => ({ type: 'deposit', accountId: params.accountId, ...body }),
  location: outcomeLocation,
  refusals: ['invalid_amount', 'unknown_asset', 'already_exists', 'account_frozen', 'account_closed', 'amount_out_of_range'],
  example: {
    body: { asset: 'USD', amount: '100.00', reference: 'invoice 4711' },
    answer: appliedExample({ balances: [{ asset: 'USD', available: '100.00', held: '0.00' }], result: { entryId: ENTRY_ID } }),
  },
});

export const withdrawals = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/withdrawals',
  operationId: 'withdraw',
  tag: 'accounts',
  summary: 'Withdraw money from an account',
  command: 'withdraw',
  params: AccountParams,
  body: MoneyBody,
  toCommand: ({ params, body }) => ({ type: 'withdraw', accountId: params.accountId, ...body }),
  location: outcomeLocation,
  refusals: [
    'invalid_amount',
    'unknown_asset',
    'already_exists',
    'account_frozen',
    'account_closed',
    'insufficient_funds',
    'limit_exceeded',
  ],
  example: {
    body: { asset: 'USD', amount: '10.00', externalId: 'payout-2026-0007' },
    answer: appliedExample({ balances: [{ asset: 'USD', available: '90.00', held: '0.00' }], result: { entryId: ENTRY_ID } }),
  },
});
