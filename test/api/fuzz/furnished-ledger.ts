// A ledger with something of everything in it, made over the API: what requests can name.
import { z } from 'zod';
import type { Role } from '../../../src/identity/roles.ts';
import type { Asker } from './draft.ts';
import { bytesOf } from './draft.ts';
import { exchange } from './exchange.ts';
import { saidIn } from './judge.ts';
import type { FuzzedOperation } from './operations.ts';
import { makeRandom } from './random.ts';
import type { Setting } from './valid-requests.ts';
import { validRequest } from './valid-requests.ts';
import type { Known } from './valid-values.ts';

/** Everybody who asks. */
export const PRINCIPALS: readonly { readonly role: Role; readonly subject: string }[] = [
  { role: 'user', subject: '5e1f7a52-4a3f-4c55-8a86-1d2b1c0f6a10' },
  { role: 'user', subject: '6a2b8c63-5b40-4d66-9b97-2e3c2d1a7b21' },
  { role: 'operator', subject: '0d0e7e10-9e5e-4c0b-8f00-1edce7f01d00' },
  { role: 'auditor', subject: '7b3c9d74-6c51-4e77-8ca8-3f4d3e2b8c32' },
  { role: 'producer', subject: '8c4dae85-7d62-4f88-9db9-405e4f3c9d43' },
];
const ACCOUNTS_EACH = 4;
const EMPTY = 6;

const AMOUNTS = ['1', '0.01', '5', '12.50', '100', '0.5', '2', '3.333'];
/** What fields are said to be that name nothing in the ledger. */
const PLAIN: Known = {
  amount: AMOUNTS,
  amountIn: AMOUNTS,
  amountOut: AMOUNTS,
  targetPrice: ['0.5', '2', '100', '0.0001'],
  perWithdrawal: ['10', '1000'],
  perDay: ['50', '5000'],
  quantity: ['1', '-1', '+0.5', '0.25', '-0.001'],
  symbol: ['BTC', 'btcusdt', 'ETH', 'SOLEUR', 'sol'],
  asset: ['USD', 'EUR', 'JPY', 'BTC', 'USDT'],
  tokenIn: ['USD', 'BTC'],
  tokenOut: ['BTC', 'ETH', 'EUR'],
  minPosition: ['0', '1', '5'],
  reference: ['invoice 7', 'salary'],
};

const Answered = z.looseObject({
  accountId: z.string(),
  commandId: z.string(),
  position: z.string(),
  result: z.record(z.string(), z.string()),
});
type Answered = z.output<typeof Answered>;
const Page = z.looseObject({ next: z.string().nullish(), previous: z.string().nullish() });

/** A POST by somebody, answered well. */
export type Post = (path: string, body: object, asker: Asker) => Promise<unknown>;

/** What a log-in and a client authenticate with. */
export interface Credentials {
  readonly names: readonly string[];
  readonly passwords: readonly string[];
  readonly refreshTokens: readonly string[];
  readonly clients: readonly { readonly id: string; readonly secret: string }[];
}
export const credentialsKnown = ({ names, passwords, refreshTokens, clients }: Credentials): Known => ({
  name: names,
  password: [...passwords, 'not the password'],
  refresh_token: refreshTokens,
  client_id: clients.map(({ id }) => id),
  client_secret: clients.map(({ secret }) => secret),
  basic: clients.map(({ id, secret }) => Buffer.from(`${id}:${secret}`).toString('base64')),
});

/** Opens accounts of two users and of nobody, and has everything happen in them that can; says what there is afterwards. */
export async function furnished(post: Post, askers: readonly Asker[]): Promise<Known> {
  const named = (role: Role): readonly Asker[] => askers.filter(({ name }) => name === role);
  const users = named('user');
  const [operator] = named('operator');
  if (operator === undefined) throw new Error('nobody furnishes it');
  const done: Answered[] = [];
  const act = async (path: string, body: object, asker: Asker): Promise<Answered> => {
    const answer = Answered.parse(await post(path, body, asker));
    done.push(answer);
    return answer;
  };
  const empty: string[] = [];
  const owned: { readonly id: string; readonly owner: Asker }[] = [];
  for (const owner of [...users, operator])
    for (let nth = 0; nth < ACCOUNTS_EACH; nth += 1)
      owned.push({ id: (await act('/v1/accounts', { label: `No. ${nth}` }, owner)).accountId, owner });
  for (const [index, { id, owner }] of owned.entries()) {
    const at = `/v1/accounts/${id}`;
    await act(`${at}/deposits`, { asset: 'USD', amount: '5000.00', reference: 'salary' }, operator);
    await act(`${at}/deposits`, { asset: 'JPY', amount: '70' }, owner);
    await act(`${at}/coins`, { symbol: 'BTC', quantity: '3' }, owner);
    await act(`${at}/withdrawals`, { asset: 'USD', amount: '1.50' }, owner);
    for (const asker of [owner, operator])
      await act(`${at}/holds`, { asset: 'USD', amount: '20.00', expiresAt: '2999-01-01T00:00:00Z' }, asker);
    for (const orderType of ['LIMIT', 'MARKET']) {
      const order = {
        tokenIn: 'USD',
        tokenOut: 'BTC',
        amountIn: '30.00',
        orderType,
        ...(orderType === 'LIMIT' && { targetPrice: '0.01' }),
      };
      await act(`${at}/orders`, order, owner);
    }
    const to = owned[(index + 1) % owned.length];
    if (to) await act(`${at}/transfers`, { to: to.id, asset: 'USD', amount: '2.00' }, owner);
  }
  // What is empty can be closed.
  for (let nth = 0; nth < EMPTY; nth += 1) empty.push((await act('/v1/accounts', { label: `Empty no. ${nth}` }, operator)).accountId);
  const results = (name: string): string[] => done.flatMap(({ result }) => (result[name] === undefined ? [] : [result[name]]));
  const accounts = [...owned.map(({ id }) => id), ...empty];
  const userIds = users.flatMap(({ actor }) => (actor === undefined ? [] : [actor]));
  return {
    ...PLAIN,
    accountId: accounts,
    to: accounts,
    ownerId: userIds,
    userId: userIds,
    holdId: results('holdId'),
    orderId: results('orderId'),
    transferId: results('transferId'),
    eventId: results('entryId'),
    commandId: done.map(({ commandId }) => commandId),
  };
}

const ROUNDS = 4;

/** Cursors that the API gives out, from every list that has them. */
export async function cursorsOf(port: number, setting: Setting): Promise<readonly string[]> {
  const isList = ({ method, parameters }: FuzzedOperation): boolean => method === 'GET' && parameters.some(({ name }) => name === 'cursor');
  const cursors: string[] = [];
  for (const operation of setting.api.operations.filter(isList))
    for (let round = 0; round < ROUNDS; round += 1) {
      const draft = { ...validRequest(operation, setting, '', makeRandom(0, round)), query: [['limit', '1'] as const] };
      const { answers } = await exchange(port, bytesOf(draft), { isToHead: false, isIncomplete: false });
      const page = Page.safeParse(answers.map(saidIn).at(0));
      for (const cursor of [page.data?.next, page.data?.previous]) if (typeof cursor === 'string') cursors.push(cursor);
    }
  return cursors;
}
