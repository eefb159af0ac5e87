// The client of the ledger's REST API: a method for each write and each read.
import type { Access } from './access.ts';
import { givenAccess, renewedAccess } from './access.ts';
import type { BulkCommand, BulkResult, CallOptions, WriteOptions, Written } from './commands.ts';
import { makeCommandSender } from './commands.ts';
import type { Applied, BodyOf, CommandType, NewAccount, NewAsset, Pending, RestCommand } from './contract.ts';
import type { Fetch } from './http.ts';
import { makeHttp } from './http.ts';
import type { Connection, Credentials } from './log-in.ts';
import { clientGrants, makeUserLogIn } from './log-in.ts';
import type { LedgerReads } from './reads.ts';
import { makeReads } from './reads.ts';

export interface ConnectionOptions {
  /** Where the ledger is: `http://127.0.0.1:3000`. */
  readonly url: string;
  /** How long a call tries before it gives up, in milliseconds; 30 s where it is not given. */
  readonly deadlineMs?: number;
  /** How long one attempt of it may take, in milliseconds; 10 s where it is not given. */
  readonly attemptTimeoutMs?: number;
  /** Another `fetch` than Node's own, for instance over a proxy, or `createPooledFetch()`. */
  readonly fetch?: Fetch;
  /**
   * False: every call is one attempt, and its first failure is the caller's to see and to answer. For those who measure, or who
   * have their own way of trying again; the key is in the error.
   */
  readonly retries?: boolean;
}
/** With credentials the client gets its access tokens itself and renews them; or it is given them. */
export type LedgerClientOptions = ConnectionOptions &
  (
    | {
        /** The access token; a function is asked before every attempt, so it may renew it. */
        readonly token?: string | (() => string | Promise<string>);
        readonly credentials?: never;
      }
    | {
        /** A user's name and password, or a machine's `clientId` and `clientSecret`. */
        readonly credentials: Credentials;
        readonly token?: never;
      }
  );

type Write<Type extends RestCommand['type'], Arguments extends readonly unknown[]> = <Wait extends boolean = true>(
  ...args: [...Arguments, options?: WriteOptions<Wait>]
) => Promise<Written<Type, Wait>>;
type ToAccount<Type extends CommandType> = Write<Type, [accountId: string, body: BodyOf<Type>]>;

/**
 * Every method tries again where the ledger is overloaded or out of reach, with the same idempotency key, until its
 * deadline: whatever happened on the way, a command has one effect.
 * @throws LedgerProblem where the ledger refuses; LedgerUnreachable or OutcomePending at the deadline, both with the key.
 */
export interface LedgerClient extends LedgerReads {
  openAccount: Write<'open-account', [body?: NewAccount]>;
  deposit: ToAccount<'deposit'>;
  withdraw: ToAccount<'withdraw'>;
  transfer: ToAccount<'transfer'>;
  /** Adds to a coin, or takes from it: `{ symbol: 'btcusdt', quantity: '-0.5' }`. */
  updateCoin: ToAccount<'update-coin'>;
  /** Takes all of a coin out. */
  removeCoin: Write<'remove-coin', [accountId: string, symbol: string]>;
  placeHold: ToAccount<'place-hold'>;
  /** Without an amount, all that is left. */
  captureHold: Write<'capture-hold', [accountId: string, holdId: string, body?: BodyOf<'capture-hold'>]>;
  releaseHold: Write<'release-hold', [accountId: string, holdId: string]>;
  placeOrder: ToAccount<'place-order'>;
  fillOrder: Write<'fill-order', [accountId: string, orderId: string, body: BodyOf<'fill-order'>]>;
  cancelOrder: Write<'cancel-order', [accountId: string, orderId: string]>;
  /** Undoes an entry: `{ eventId, reason }`. */
  reverse: ToAccount<'reverse'>;
  freezeAccount: ToAccount<'freeze-account'>;
  unfreezeAccount: ToAccount<'unfreeze-account'>;
  closeAccount: Write<'close-account', [accountId: string]>;
  /** Replaces both limits in one asset: one that is not given is none. */
  setLimits: ToAccount<'set-limits'>;
  registerAsset: Write<'register-asset', [body: NewAsset]>;
  /** Any command by its type, as a producer sends it. */
  send<Type extends RestCommand['type'], Wait extends boolean = true>(
    command: Extract<RestCommand, { readonly type: Type }>,
    options?: WriteOptions<Wait>,
  ): Promise<Written<Type, Wait>>;
  /**
   * Up to 1,000 commands in one request, each judged by itself; those of one account in their order. What was refused is in
   * the results, in the order of the commands; a refusal that is `retryable` is not tried again here, because others of the
   * account may have been applied after it.
   */
  sendAll(commands: readonly BulkCommand[], options?: CallOptions & { readonly dryRun?: boolean }): Promise<readonly BulkResult[]>;
  /** Waits until a pending command is decided. @throws LedgerProblem where it is refused; OutcomePending at the deadline. */
  outcomeOf(pending: Pending, options?: CallOptions): Promise<Applied>;
}

const DEADLINE_MS = 30_000;
const ATTEMPT_TIMEOUT_MS = 10_000;

/**
 * A client of the ledger at that address. It holds nothing open: there is nothing to close.
 *
 * @example
 * ```ts
 * const ledger = createLedgerClient({ url: 'http://127.0.0.1:3000', credentials: { clientId: 'payroll', clientSecret } });
 * const { balances, position } = await ledger.deposit(accountId, { asset: 'USD', amount: '90.00' });
 * const { available } = await ledger.getBalance(accountId, 'USD', { minPosition: position });
 * ```
 */
export function createLedgerClient({ token, credentials, ...options }: LedgerClientOptions): LedgerClient {
  const connection = connectionOf(options);
  return clientOf(connection, credentials === undefined ? givenAccess(token) : accessBy(connection, credentials));
}

function accessBy(connection: Connection, credentials: Credentials): Access {
  if ('clientId' in credentials) return renewedAccess(clientGrants(connection, credentials));
  return renewedAccess(makeUserLogIn(connection, credentials).renew);
}

/** The options with what is usual for those that are not given. */
export const connectionOf = ({
  url,
  deadlineMs = DEADLINE_MS,
  attemptTimeoutMs = ATTEMPT_TIMEOUT_MS,
  ...options
}: ConnectionOptions): Connection => ({
  url,
  deadlineMs,
  attemptTimeoutMs,
  fetch: options.fetch ?? fetch,
  retries: options.retries ?? true,
});

/** A client whose requests are made with that access. */
export function clientOf(connection: Connection, access: Access): LedgerClient {
  const { deadlineMs, attemptTimeoutMs } = connection;
  const http = makeHttp({ ...connection, access });
  const sender = makeCommandSender({ http, deadlineMs, attemptTimeoutMs });
  const { send } = sender;
  return {
    ...makeReads(http, deadlineMs),
    ...sender,
    openAccount: (body = {}, options) => send({ type: 'open-account', ...body }, options),
    deposit: (accountId, body, options) => send({ type: 'deposit', accountId, ...body }, options),
    withdraw: (accountId, body, options) => send({ type: 'withdraw', accountId, ...body }, options),
    transfer: (accountId, body, options) => send({ type: 'transfer', accountId, ...body }, options),
    updateCoin: (accountId, body, options) => send({ type: 'update-coin', accountId, ...body }, options),
    removeCoin: (accountId, symbol, options) => send({ type: 'remove-coin', accountId, symbol }, options),
    placeHold: (accountId, body, options) => send({ type: 'place-hold', accountId, ...body }, options),
    captureHold: (accountId, holdId, body = {}, options) => send({ type: 'capture-hold', accountId, holdId, ...body }, options),
    releaseHold: (accountId, holdId, options) => send({ type: 'release-hold', accountId, holdId }, options),
    placeOrder: (accountId, body, options) => send({ type: 'place-order', accountId, ...body }, options),
    fillOrder: (accountId, orderId, body, options) => send({ type: 'fill-order', accountId, orderId, ...body }, options),
    cancelOrder: (accountId, orderId, options) => send({ type: 'cancel-order', accountId, orderId }, options),
    reverse: (accountId, body, options) => send({ type: 'reverse', accountId, ...body }, options),
    freezeAccount: (accountId, body, options) => send({ type: 'freeze-account', accountId, ...body }, options),
    unfreezeAccount: (accountId, body, options) => send({ type: 'unfreeze-account', accountId, ...body }, options),
    closeAccount: (accountId, options) => send({ type: 'close-account', accountId }, options),
    setLimits: (accountId, body, options) => send({ type: 'set-limits', accountId, ...body }, options),
    registerAsset: (body, options) => send({ type: 'register-asset', ...body }, options),
  };
}
