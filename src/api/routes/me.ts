// Who you are, and what you hold.

import { Me } from '../contract.ts';
import { ACCOUNT, USER_ID } from '../examples.ts';
import { readRoute } from '../read-route.ts';
import type { ApiRoute } from '../route.ts';
import { accountBody } from './accounts.ts';

const whoAmI = (path: string, operationId: string, summary: string): ApiRoute =>
  readRoute({
    path,
    operationId,
    tag: 'ledger',
    summary,
    description: 'Your accounts, and the coins held in all of them together.',
    answer: Me,
    example: { userId: USER_ID, name: 'alice', accounts: [ACCOUNT], coins: [{ symbol: 'BTC', quantity: '1.50000000' }] },
    async answerTo({ principal, queries }) {
      const { accounts, coins } = await queries.holdingsOf(principal.uuid);
      return { userId: principal.uuid, name: principal.name, accounts: accounts.map(accountBody), coins: [...coins] };
    },
  });

export const me = whoAmI('/v1/me', 'getMe', 'Get who you are');
export const profile = whoAmI('/v1/profile', 'getProfile', 'Get your profile: the same as /v1/me');
