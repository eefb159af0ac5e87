// Money: into an account and out of it.
import { MoneyBody } from '../../domain/commands.ts';
import { outcomeLocation } from '../command-answer.ts';
import { AccountParams } from '../contract.ts';
import { appliedExample, ENTRY_ID } from '../examples.ts';
import { writeRoute } from '../write-route.ts';

export const deposits = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/deposits',
  operationId: 'deposit',
  tag: 'accounts',
  summary: 'Deposit money into an account',
  params: AccountParams,
  body: MoneyBody,
  toCommand: ({ params, body }) => ({ type: 'deposit', accountId: params.accountId, ...body }),
  location: outcomeLocation,
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
  params: AccountParams,
  body: MoneyBody,
  toCommand: ({ params, body }) => ({ type: 'withdraw', accountId: params.accountId, ...body }),
  location: outcomeLocation,
  example: {
    body: { asset: 'USD', amount: '10.00', externalId: 'payout-2026-0007' },
    answer: appliedExample({ balances: [{ asset: 'USD', available: '90.00', held: '0.00' }], result: { entryId: ENTRY_ID } }),
  },
});
