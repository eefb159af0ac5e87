// The questions that the API asks, over the projections' own query functions.
import type { StatementFormat, StatementRequest } from '../audit/statement.ts';
import { openStatement, writeStatement } from '../audit/statement.ts';
import type { Asset } from '../domain/assets.ts';
import type { RecordedEvent } from '../domain/events.ts';
import type { AccountId, AssetCode, CommandId, HoldId, OrderId, TransferId } from '../domain/ids.ts';
import type { HoldStatus, OrderStatus } from '../domain/lifecycles.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import type { Streams } from '../eventstore/streams.ts';
import type { Receipt } from '../identity/receipts.ts';
import { makeReceipts } from '../identity/receipts.ts';
import type { LedgerDb } from '../postgres/pool.ts';
import type { AccountSummary } from '../projections/account-list.ts';
import { findAccount, listAccounts } from '../projections/account-list.ts';
import { loadAccounts } from '../projections/accounts.ts';
import { findAsset, listAssets } from '../projections/assets.ts';
import type { Balance, TimeAxis } from '../projections/balances.ts';
import { balanceOf, balancesAt, balancesOf, coinsOf } from '../projections/balances.ts';
import { readCheckpoint } from '../projections/checkpoint.ts';
import { findOutcome } from '../projections/command-outcomes.ts';
import type { HoldSummary } from '../projections/holds.ts';
import { findHold, listHolds } from '../projections/holds.ts';
import type { Limit } from '../projections/limits.ts';
import { limitsOf } from '../projections/limits.ts';
import type { OrderEventSummary } from '../projections/order-events.ts';
import { listOrderEvents } from '../projections/order-events.ts';
import type { OrderSummary } from '../projections/orders.ts';
import { findOrder, listOrders } from '../projections/orders.ts';
import type { Page, PageRequest } from '../projections/page.ts';
import { MAX_PAGE_LIMIT, paginate } from '../projections/page.ts';
import type { Entry, EntryFilter } from '../projections/postings.ts';
import { listEntries } from '../projections/postings.ts';
import type { CountsByStatus, Statistic } from '../projections/statistics.ts';
import { countsByStatus, eventCount, loadStatistics } from '../projections/statistics.ts';
import type { TransferSummary } from '../projections/transfers.ts';
import { findTransfer, listTransfers } from '../projections/transfers.ts';
import { accountEvents } from './account-events.ts';
import { sumOf } from './wire.ts';

export type AccountView = AccountSummary;
export interface CoinHeld {
  readonly symbol: AssetCode;
  readonly quantity: string;
}
export interface Holdings {
  readonly accounts: readonly AccountView[];
  /** Of all the accounts together, by symbol. */
  readonly coins: readonly CoinHeld[];
}

export interface OrdersAsked {
  readonly accountId?: AccountId | undefined;
  readonly ownerId?: string | undefined;
  readonly status?: OrderStatus | undefined;
}

/** Everything is answered from the projections as they are; `waitFor` first makes them new enough. */
export interface LedgerQueries {
  /** Resolves to true as soon as the projections have seen that position, to false after the timeout. */
  waitFor(position: bigint, timeoutMs: number): Promise<boolean>;
  /** The position that the projections have seen. */
  position(): Promise<bigint>;
  account(accountId: AccountId): Promise<AccountView | undefined>;
  accounts(request: PageRequest & { readonly ownerId?: string | undefined }): Promise<Page<AccountView>>;
  balances(accountId: AccountId): Promise<readonly Balance[]>;
  balance(accountId: AccountId, asset: AssetCode): Promise<Balance | undefined>;
  /** Every asset that had moved by that time. */
  balancesAt(accountId: AccountId, when: { readonly at: string; readonly by: TimeAxis }): Promise<readonly Balance[]>;
  coins(accountId: AccountId, request: PageRequest): Promise<Page<CoinHeld>>;
  limits(accountId: AccountId, request: PageRequest): Promise<Page<Limit>>;
  /** A statement as text, as it is read. */
  statement(request: StatementRequest, format: StatementFormat): Promise<AsyncIterable<string>>;
  entries(filter: EntryFilter, request: PageRequest): Promise<Page<Entry>>;
  /** The events of the account up to the revision that the projections have seen, newest first. */
  events(account: Pick<AccountView, 'accountId' | 'revision'>, request: PageRequest): Promise<Page<RecordedEvent>>;
  hold(holdId: HoldId): Promise<HoldSummary | undefined>;
  /** Newest first, as are the other lists below. */
  holds(
    filter: { readonly accountId: AccountId; readonly status?: HoldStatus | undefined },
    request: PageRequest,
  ): Promise<Page<HoldSummary>>;
  order(orderId: OrderId): Promise<OrderSummary | undefined>;
  orders(filter: OrdersAsked, request: PageRequest): Promise<Page<OrderSummary>>;
  /** Oldest first. */
  orderEvents(orderId: OrderId, request: PageRequest): Promise<Page<OrderEventSummary>>;
  transfer(transferId: TransferId): Promise<TransferSummary | undefined>;
  /** Those the account has sent and those sent to it. */
  transfers(accountId: AccountId, request: PageRequest): Promise<Page<TransferSummary>>;
  assets(request: PageRequest): Promise<Page<Asset>>;
  asset(code: AssetCode): Promise<Asset | undefined>;
  outcome(commandId: CommandId): Promise<StoredOutcome | undefined>;
  /** What is known of a command that left no event, or not yet. */
  receipt(commandId: CommandId): Promise<Receipt | undefined>;
  statistics(): Promise<readonly Statistic[]>;
  /** How many events the projections have seen. */
  eventCount(): Promise<bigint>;
  countsByStatus(): Promise<CountsByStatus>;
  holdingsOf(ownerId: string): Promise<Holdings>;
}

export interface QueriesOptions {
  readonly streams: Pick<Streams, 'read'>;
  readonly db: LedgerDb;
  readonly waitFor: LedgerQueries['waitFor'];
}

export const createQueries = ({ streams, db, waitFor }: QueriesOptions): LedgerQueries => ({
  waitFor,
  position: async () => {
    const { position } = await readCheckpoint(db);
    return position < 0n ? 0n : position; // before the first event there is nothing to wait for
  },
  account: (accountId) => findAccount(db, accountId),
  accounts: ({ ownerId, ...request }) => listAccounts(db, { ownerId }, request),
  balances: (accountId) => balancesOf(db, accountId),
  balance: (accountId, asset) => balanceOf(db, accountId, asset),
  balancesAt: (accountId, when) => balancesAt(db, accountId, when),
  coins: async (accountId, request) => pageByCode(await coinsOf(db, accountId), ({ symbol }) => symbol, request),
  limits: async (accountId, request) => pageByCode(await limitsOf(db, accountId), ({ asset }) => asset, request),
  statement: async (request, format) => writeStatement(db, await openStatement(db, request), format),
  entries: (filter, request) => listEntries(db, filter, request),
  events: (account, request) => accountEvents(streams, account, request),
  hold: (holdId) => findHold(db, holdId),
  holds: (filter, request) => listHolds(db, filter, request),
  order: (orderId) => findOrder(db, orderId),
  orders: (filter, request) => listOrders(db, filter, request),
  orderEvents: (orderId, request) => listOrderEvents(db, orderId, request),
  transfer: (transferId) => findTransfer(db, transferId),
  transfers: (accountId, request) => listTransfers(db, { accountId }, request),
  assets: async (request) => pageByCode(await listAssets(db), ({ code }) => code, request),
  asset: (code) => findAsset(db, code),
  outcome: (commandId) => findOutcome(db, commandId),
  receipt: makeReceipts(db).find,
  statistics: () => loadStatistics(db),
  eventCount: () => eventCount(db),
  countsByStatus: () => countsByStatus(db),
  holdingsOf: (ownerId) => holdingsOf(db, ownerId),
});

const CODE = [/^[A-Z][A-Z0-9]{1,15}$/];

/** A page of a list that is short enough to be read whole: at most a row an asset, in the order of their codes. */
function pageByCode<Row>(rows: readonly Row[], codeOf: (row: Row) => string, request: PageRequest): Promise<Page<Row>> {
  return paginate(
    request,
    CODE,
    (row) => [codeOf(row)],
    async ({ walk, beyond: [edge] = [], limit }) => {
      if (walk === 'forwards') return rows.filter((row) => edge === undefined || codeOf(row) > edge).slice(0, limit);
      return rows
        .filter((row) => edge === undefined || codeOf(row) < edge)
        .toReversed()
        .slice(0, limit);
    },
  );
}

async function holdingsOf(db: LedgerDb, ownerId: string): Promise<Holdings> {
  const accounts: AccountView[] = [];
  const quantities = new Map<AssetCode, string>();
  const coins = new Set((await listAssets(db)).flatMap(({ code, kind }) => (kind === 'coin' ? [code] : [])));
  let cursor: string | undefined;
  do {
    const page = await listAccounts(db, { ownerId }, { limit: MAX_PAGE_LIMIT, cursor });
    const loaded = await loadAccounts(
      db,
      page.data.map(({ accountId }) => accountId),
    );
    for (const { balances } of loaded.values())
      for (const { asset, available, held } of balances)
        if (coins.has(asset)) quantities.set(asset, sumOf(quantities.get(asset) ?? '0', sumOf(available, held)));
    accounts.push(...page.data);
    cursor = page.hasMore ? page.next : undefined;
  } while (cursor !== undefined);
  const held = [...quantities].filter(([, quantity]) => /[1-9]/.test(quantity)).sort(([one], [other]) => (one < other ? -1 : 1));
  return { accounts, coins: held.map(([symbol, quantity]) => ({ symbol, quantity })) };
}
