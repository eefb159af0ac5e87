// The reads of the ledger's API, a method each.
import { pathOf } from './command-routes.ts';
import type { CallOptions } from './commands.ts';
import type {
  Account,
  AccountEvent,
  Asset,
  BalanceAtPosition,
  BalanceList,
  Coin,
  CommandStatus,
  Entry,
  Hold,
  Limit,
  Me,
  Order,
  OrderEvent,
  Statement,
  Statistics,
  Transfer,
} from './contract.ts';
import type { Http } from './http.ts';
import type { Listing, Page } from './listing.ts';
import { makeListing } from './listing.ts';
import { deadlineIn } from './retries.ts';

export interface ReadOptions extends CallOptions {
  /** Answer from a state that has seen this position: the `position` of a write, and the read sees it. */
  readonly minPosition?: string;
}
type OrderStatus = 'pending' | 'executed' | 'cancelled' | 'expired';
type HoldStatus = 'open' | 'captured' | 'released' | 'expired';
export interface EntryFilter {
  readonly asset?: string;
  /** From this time on, RFC 3339. */
  readonly from?: string;
  /** Before this time. */
  readonly to?: string;
  readonly type?: string;
  readonly reference?: string;
  readonly by?: 'system' | 'effective';
}

export interface StatementPeriod {
  /** From this time on, RFC 3339; without it, from the beginning. */
  readonly from?: string;
  /** Before this time; without it, to the end. */
  readonly to?: string;
  readonly by?: 'system' | 'effective';
}

export interface LedgerReads {
  getMe(options?: ReadOptions): Promise<Me>;
  listAssets(options?: ReadOptions): Listing<Asset>;
  getAsset(code: string, options?: ReadOptions): Promise<Asset>;
  listAccounts(filter?: { readonly ownerId?: string }, options?: ReadOptions): Listing<Account>;
  getAccount(accountId: string, options?: ReadOptions): Promise<Account>;
  /** Now, or at a time in the past. */
  listBalances(
    accountId: string,
    options?: ReadOptions & { readonly at?: string; readonly by?: 'system' | 'effective' },
  ): Promise<BalanceList>;
  getBalance(accountId: string, asset: string, options?: ReadOptions): Promise<BalanceAtPosition>;
  listEntries(accountId: string, filter?: EntryFilter, options?: ReadOptions): Listing<Entry>;
  /** What came and went in one asset, whole: between the balance before and the balance after. */
  getStatement(accountId: string, asset: string, period?: StatementPeriod, options?: ReadOptions): Promise<Statement>;
  listEvents(accountId: string, options?: ReadOptions): Listing<AccountEvent>;
  listCoins(accountId: string, options?: ReadOptions): Listing<Coin>;
  listLimits(accountId: string, options?: ReadOptions): Listing<Limit>;
  listHolds(accountId: string, filter?: { readonly status?: HoldStatus }, options?: ReadOptions): Listing<Hold>;
  getHold(holdId: string, options?: ReadOptions): Promise<Hold>;
  listTransfers(accountId: string, options?: ReadOptions): Listing<Transfer>;
  getTransfer(transferId: string, options?: ReadOptions): Promise<Transfer>;
  /** Of one account, of one user, or all that may be seen. */
  listOrders(
    filter?: { readonly accountId?: string; readonly userId?: string; readonly status?: OrderStatus },
    options?: ReadOptions,
  ): Listing<Order>;
  getOrder(orderId: string, options?: ReadOptions): Promise<Order>;
  listOrderEvents(orderId: string, options?: ReadOptions): Listing<OrderEvent>;
  getStatistics(options?: ReadOptions): Promise<Statistics>;
  /** What became of a command. */
  getCommand(commandId: string, options?: ReadOptions): Promise<CommandStatus>;
}

type Query = Readonly<Record<string, string | number | undefined>>;

export function makeReads(http: Http, deadlineMs: number): LedgerReads {
  /** What the contract says is answered there. */
  async function read<Answer>(path: string, query: Query, options: ReadOptions = {}): Promise<Answer> {
    const { minPosition, signal } = options;
    const deadline = deadlineIn(options.deadlineMs ?? deadlineMs, signal);
    const { body } = await http.send({ method: 'GET', path, query: { ...query, minPosition } }, deadline);
    return body as Answer;
  }
  const list = <Item>(path: string, query: object, options?: ReadOptions): Listing<Item> =>
    makeListing((page) => read<Page<Item>>(path, { ...query, ...page }, options));
  const account = (accountId: string, ...rest: readonly string[]): string => pathOf('accounts', accountId, ...rest);

  return {
    getMe: (options) => read(pathOf('me'), {}, options),
    listAssets: (options) => list(pathOf('assets'), {}, options),
    getAsset: (code, options) => read(pathOf('assets', code), {}, options),
    listAccounts: (filter = {}, options) => list(pathOf('accounts'), filter, options),
    getAccount: (accountId, options) => read(account(accountId), {}, options),
    listBalances: (accountId, options = {}) => read(account(accountId, 'balances'), { at: options.at, by: options.by }, options),
    getBalance: (accountId, asset, options) => read(account(accountId, 'balances', asset), {}, options),
    listEntries: (accountId, filter = {}, options) => list(account(accountId, 'entries'), filter, options),
    getStatement: (accountId, asset, period = {}, options) => read(account(accountId, 'statement'), { asset, ...period }, options),
    listEvents: (accountId, options) => list(account(accountId, 'events'), {}, options),
    listCoins: (accountId, options) => list(account(accountId, 'coins'), {}, options),
    listLimits: (accountId, options) => list(account(accountId, 'limits'), {}, options),
    listHolds: (accountId, filter = {}, options) => list(account(accountId, 'holds'), filter, options),
    getHold: (holdId, options) => read(pathOf('holds', holdId), {}, options),
    listTransfers: (accountId, options) => list(account(accountId, 'transfers'), {}, options),
    getTransfer: (transferId, options) => read(pathOf('transfers', transferId), {}, options),
    listOrders({ accountId, userId, ...filter } = {}, options) {
      if (accountId !== undefined) return list(account(accountId, 'orders'), filter, options);
      return list(userId === undefined ? pathOf('orders') : pathOf('users', userId, 'orders'), filter, options);
    },
    getOrder: (orderId, options) => read(pathOf('orders', orderId), {}, options),
    listOrderEvents: (orderId, options) => list(pathOf('orders', orderId, 'events'), {}, options),
    getStatistics: (options) => read(pathOf('statistics'), {}, options),
    getCommand: (commandId, options) => read(pathOf('commands', commandId), {}, options),
  };
}
