// Reversals: an entry undone by another, once.
import { ReverseBody } from '../../domain/commands.ts';
import { outcomeLocation } from '../command-answer.ts';
import { AccountParams } from '../contract.ts';
import { appliedExample, ENTRY_ID, REVERSAL_ID } from '../examples.ts';
import { writeRoute } from '../write-route.ts';

export const reversals = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/reversals',
  operationId: 'reverse',
  tag: 'accounts',
  summary: 'Reverse an entry of an account',
  description:
    '`eventId` is the entry’s id. Deposits, withdrawals and changes of coins are undone where they stand; a received transfer is sent back, and if that is returned, it can be reversed again. Never below zero, and whatever the limits.',
  params: AccountParams,
  body: ReverseBody,
  toCommand: ({ params, body }) => ({ type: 'reverse', accountId: params.accountId, ...body }),
  location: outcomeLocation,
  example: {
    body: { eventId: ENTRY_ID, reason: 'paid in twice' },
    answer: appliedExample({ balances: [{ asset: 'USD', available: '0.00', held: '0.00' }], result: { entryId: REVERSAL_ID } }),
  },
});
