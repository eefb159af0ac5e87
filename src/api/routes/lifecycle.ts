// The life of an account, as operators decide it: frozen, unfrozen, closed.
import { EmptyBody, ReasonBody } from '../../domain/commands.ts';
import { AccountParams } from '../contract.ts';
import { appliedExample } from '../examples.ts';
import { writeRoute } from '../write-route.ts';

export const freezeAccount = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/freeze',
  operationId: 'freezeAccount',
  tag: 'lifecycle',
  summary: 'Freeze an account: nothing moves until it is unfrozen',
  params: AccountParams,
  body: ReasonBody,
  toCommand: ({ params, body }) => ({ type: 'freeze-account', accountId: params.accountId, ...body }),
  example: { body: { reason: 'reported as stolen' }, answer: appliedExample() },
});

export const unfreezeAccount = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/unfreeze',
  operationId: 'unfreezeAccount',
  tag: 'lifecycle',
  summary: 'Unfreeze an account',
  params: AccountParams,
  body: ReasonBody,
  toCommand: ({ params, body }) => ({ type: 'unfreeze-account', accountId: params.accountId, ...body }),
  example: { body: { reason: 'identity confirmed' }, answer: appliedExample() },
});

export const closeAccount = writeRoute({
  method: 'POST',
  path: '/v1/accounts/{accountId}/close',
  operationId: 'closeAccount',
  tag: 'lifecycle',
  summary: 'Close an account that is empty, for ever',
  params: AccountParams,
  body: EmptyBody,
  toCommand: ({ params }) => ({ type: 'close-account', accountId: params.accountId }),
  example: { body: {}, answer: appliedExample() },
});
