// Accounts: opening one, finding them.
import { z } from 'zod';
import { OpenAccountBody } from '../../domain/commands.ts';
import { Account, AccountParams, PageQuery, pageOf } from '../contract.ts';
import { ACCOUNT, ACCOUNT_ID, appliedExample, onePage, USER_ID } from '../examples.ts';
import { openingCommand } from '../opening.ts';
import type { AccountView } from '../queries.ts';
import { readRoute } from '../read-route.ts';
import { pageBody } from '../wire.ts';
import { writeRoute } from '../write-route.ts';

export const openAccount = writeRoute({
  method: 'POST',
  path: '/v1/accounts',
  operationId: 'openAccount',
  tag: 'accounts',
  summary: 'Open an account',
  description:
    'Without an `accountId`, the id follows from who asks and the key, so that a repeat finds the same account. Users open accounts of their own and choose no id.',
  body: OpenAccountBody,
  toCommand: ({ body, key, principal }) => openingCommand(body, key, principal),
  location: ({ accountId }) => `/v1/accounts/${accountId}`,
  example: { body: { ownerId: USER_ID, label: 'Household' }, answer: appliedExample({ result: { accountId: ACCOUNT_ID } }) },
});

export const accountBody = (account: AccountView): z.output<typeof Account> => ({
  accountId: account.accountId,
  ownerId: account.ownerId ?? null,
  externalId: account.externalId ?? null,
  label: account.label ?? null,
  status: account.status,
  revision: String(account.revision),
  openedAt: account.openedAt,
});

export const listAccounts = readRoute({
  path: '/v1/accounts',
  operationId: 'listAccounts',
  tag: 'accounts',
  summary: 'List accounts, in the order in which they were opened',
  description: 'Users see their own; `ownerId` narrows the list for the others.',
  query: z.object({ ...PageQuery.shape, ownerId: z.uuid().toLowerCase().optional() }),
  answer: pageOf(Account, 'AccountList'),
  example: onePage(ACCOUNT),
  async answerTo({ query: { limit, cursor, ownerId }, ownerLimit, queries }) {
    const page = await queries.accounts({ limit, cursor, ownerId: ownerLimit ?? ownerId });
    return pageBody(page, accountBody);
  },
});

export const getAccount = readRoute({
  path: '/v1/accounts/{accountId}',
  operationId: 'getAccount',
  tag: 'accounts',
  summary: 'Get an account',
  params: AccountParams,
  tagged: true,
  answer: Account,
  example: ACCOUNT,
  answerTo: async ({ account }) => accountBody(account()),
});
