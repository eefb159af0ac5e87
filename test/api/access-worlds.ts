// What there is to reach or not to reach: accounts with everything in them, and requests for each route about one of them.
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { commandIdOf } from '../../src/domain/ids.ts';
import type { Method, TestApi } from './api-stack.ts';
import { as } from './api-stack.ts';

/** The ids of an account and of what is in it; or ids that name nothing. */
export interface World {
  readonly userId: string;
  readonly accountId: string;
  readonly holdId: string;
  readonly orderId: string;
  readonly transferId: string;
  /** A deposit. */
  readonly entryId: string;
  readonly commandId: string;
}

/** The key of every world's first deposit. */
export const KEY = 'their-deposit';
const DEPOSIT = { asset: 'USD', amount: '100.00' };

export function nothing(): World {
  const accountId = randomUUID();
  const [userId, holdId, orderId, transferId, entryId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  return { userId, accountId, holdId, orderId, transferId, entryId, commandId: commandIdOf(accountId, KEY) };
}

/** An account of that user without anything in it. */
export async function emptyWorld(api: TestApi, userId: string): Promise<World> {
  const { body } = await api.post('/v1/accounts', { accountId: randomUUID(), ownerId: userId });
  return { ...nothing(), userId, accountId: body.accountId };
}

/** An account of that user with money, a coin, a hold and an order of theirs in it, and a transfer from it. All of it can be queried. */
export async function fullWorld(api: TestApi, userId: string, recipientId: string): Promise<World> {
  const { accountId } = await emptyWorld(api, userId);
  const headers = as('user', userId);
  const post = async (path: string, body: object, more = {}) => {
    const answer = await api.post(`/v1/accounts/${accountId}/${path}`, body, { ...headers, ...more });
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer.body;
  };
  const paid = await post('deposits', DEPOSIT, { 'idempotency-key': KEY });
  await post('deposits', DEPOSIT);
  await post('coins', { symbol: 'BTC', quantity: '1' });
  const { result: hold } = await post('holds', { asset: 'USD', amount: '10.00' });
  const { result: order } = await post('orders', { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '10.00', orderType: 'MARKET' });
  const { result: transfer, position } = await post('transfers', { to: recipientId, asset: 'USD', amount: '1.00' });
  await api.get(`/v1/accounts/${accountId}?minPosition=${position}`);
  return {
    userId,
    accountId,
    holdId: hold.holdId,
    orderId: order.orderId,
    transferId: transfer.transferId,
    entryId: paid.result.entryId,
    commandId: paid.commandId,
  };
}

/** What a route is asked to do; `type` names it as a command in bulk. */
interface Asked {
  readonly type?: string;
  readonly body?: object;
  readonly query?: string;
}
let assets = 0;
const reason = { reason: 'asked for' };
const ASKED: Readonly<Record<string, (world: World, recipientId: string) => Asked>> = {
  'GET /v1/accounts/{accountId}/statement': () => ({ query: '?asset=USD' }),
  'POST /v1/accounts': () => ({ body: { label: 'another' } }),
  'POST /v1/accounts/{accountId}/deposits': () => ({ type: 'deposit', body: DEPOSIT }),
  'POST /v1/accounts/{accountId}/withdrawals': () => ({ type: 'withdraw', body: { asset: 'USD', amount: '2.00' } }),
  'POST /v1/accounts/{accountId}/transfers': (_, to) => ({ type: 'transfer', body: { to, asset: 'USD', amount: '2.00' } }),
  'POST /v1/accounts/{accountId}/coins': () => ({ type: 'update-coin', body: { symbol: 'BTC', quantity: '0.5' } }),
  'DELETE /v1/accounts/{accountId}/coins/{symbol}': () => ({ type: 'remove-coin' }),
  'POST /v1/accounts/{accountId}/holds': () => ({ type: 'place-hold', body: { asset: 'USD', amount: '3.00' } }),
  'POST /v1/accounts/{accountId}/holds/{holdId}/capture': () => ({ type: 'capture-hold', body: {} }),
  'POST /v1/accounts/{accountId}/holds/{holdId}/release': () => ({ type: 'release-hold', body: {} }),
  'POST /v1/accounts/{accountId}/orders': () => ({
    type: 'place-order',
    body: { tokenIn: 'USD', tokenOut: 'BTC', amountIn: '4.00', orderType: 'MARKET' },
  }),
  'POST /v1/accounts/{accountId}/orders/{orderId}/fills': () => ({ type: 'fill-order', body: { amountIn: '1.00', amountOut: '0.5' } }),
  'POST /v1/accounts/{accountId}/orders/{orderId}/cancel': () => ({ type: 'cancel-order', body: {} }),
  'POST /v1/accounts/{accountId}/reversals': ({ entryId }) => ({ type: 'reverse', body: { eventId: entryId, ...reason } }),
  'POST /v1/accounts/{accountId}/freeze': () => ({ type: 'freeze-account', body: reason }),
  'POST /v1/accounts/{accountId}/unfreeze': () => ({ type: 'unfreeze-account', body: reason }),
  'POST /v1/accounts/{accountId}/close': () => ({ type: 'close-account', body: {} }),
  'PUT /v1/accounts/{accountId}/limits': () => ({ type: 'set-limits', body: { asset: 'USD', perDay: '50.00' } }),
  'POST /v1/assets': () => ({ body: { code: `X${++assets}`, name: 'Another', kind: 'coin', scale: 3 } }),
  'POST /v1/commands': ({ accountId }) => ({ body: { commands: [{ key: randomUUID(), type: 'deposit', accountId, ...DEPOSIT }] } }),
};

export interface Request {
  readonly method: Method;
  readonly path: string;
  readonly body?: object;
  /** The same as an entry of a bulk request, where it can be one. */
  readonly entry?: object;
}

/** The request of a route about that world. */
export function requestOf(route: string, world: World, recipientId: string): Request {
  const [method = '', template = ''] = route.split(' ');
  const named: Readonly<Record<string, string>> = { ...world, symbol: 'BTC', asset: 'USD', name: 'insufficient-funds' };
  const path = template.replaceAll(/\{([A-Za-z]+)\}/g, (_, name: string) => named[name] ?? '').replace('/*', '/json');
  const { type, body, query = '' } = ASKED[route]?.(world, recipientId) ?? {};
  const { accountId, holdId, orderId } = world;
  const within = {
    ...(template.includes('{holdId}') && { holdId }),
    ...(template.includes('{orderId}') && { orderId }),
    ...(template.includes('{symbol}') && { symbol: 'BTC' }),
  };
  return {
    // The routes of the specs are written with these methods alone.
    method: method as Method,
    path: `${path}${query}`,
    ...(body && { body }),
    ...(type !== undefined && { entry: { type, accountId, ...within, ...body } }),
  };
}
