// What the oracle writes down, and what its rules share. Nothing is kept as a sum that can be added up when it is asked for.
import type { Answer, AssetName, Fee, Place, Request, UnitPrice } from './requests.ts';
import { ACCOUNTS, MOST, textOf } from './requests.ts';

export type Status = 'none' | 'open' | 'frozen' | 'closed';
type Amounts = Record<AssetName, bigint>;
export interface Book {
  status: Status;
  /** When the last thing was written into it. */
  lastMs: number;
  /** How many things were written into it, less one. */
  revision: number;
  available: Amounts;
  limits: Partial<Record<AssetName, { perWithdrawal?: bigint | undefined; perDay?: bigint | undefined }>>;
  spentDay: number;
  spent: Amounts;
  externalIds: Set<string>;
  fills: Map<
    string,
    { order: number; paid: bigint; got: bigint; fee: Fee | undefined; figures: Answer['figures']; balances: Answer['balances'] }
  >;
}
export interface Hold {
  account: number;
  asset: AssetName;
  left: bigint;
  by: 'user' | 'operator';
  expiresMs: number | undefined;
}
export interface Order {
  account: number;
  tokenIn: AssetName;
  tokenOut: AssetName;
  amount: bigint;
  filledIn: bigint;
  filledOut: bigint;
  price: UnitPrice | undefined;
  expiresMs: number | undefined;
  isPending: boolean;
}
export interface Transfer {
  from: number;
  to: number;
  asset: AssetName;
  units: bigint;
  reverses: number | undefined;
  isUnderWay: boolean;
}
/** What an event changed in what is available. */
interface Entry {
  account: number;
  type: string;
  asset: AssetName;
  units: bigint;
  from?: number;
}
export interface Verdict extends Answer {
  /** Whether the account's book has a line about it. */
  readonly isKept: boolean;
}

const DAY_MS = 86_400_000;
const nothing = (): Amounts => ({ USD: 0n, BTC: 0n, JPY: 0n });
export const no = (outcome: string, figures: Answer['figures'] = {}): Verdict => ({ outcome, figures, balances: {}, isKept: true });
/** A refusal that leaves nothing behind. */
export const noTrace = (outcome: string): Verdict => ({ ...no(outcome), isKept: false });

export function makeBooks() {
  const books = ACCOUNTS.map(
    (): Book => ({
      status: 'none',
      lastMs: Number.NEGATIVE_INFINITY,
      revision: -1,
      available: nothing(),
      limits: {},
      spentDay: 0,
      spent: nothing(),
      externalIds: new Set(),
      fills: new Map(),
    }),
  );
  const holds = new Map<number, Hold>();
  const orders = new Map<number, Order>();
  const transfers = new Map<number, Transfer>();
  const entries = new Map<number, Entry>();
  const reversed = new Set<number>();
  const outside: Record<Place, Amounts> = {
    '@world': nothing(),
    '@portfolio': nothing(),
    '@venue': nothing(),
    '@fees': nothing(),
    '@transit': nothing(),
  };

  const bookOf = (account: number): Book => {
    const book = books[account];
    if (book === undefined) throw new Error(`a request to account ${account}`);
    return book;
  };
  const isOpened = (account: number): boolean => (books[account]?.status ?? 'none') !== 'none';
  function heldIn(account: number, asset: AssetName): bigint {
    let sum = 0n;
    for (const hold of holds.values()) if (hold.account === account && hold.asset === asset) sum += hold.left;
    for (const order of orders.values())
      if (order.isPending && order.account === account && order.tokenIn === asset) sum += order.amount - order.filledIn;
    return sum;
  }
  const underWayFrom = (account: number): readonly Transfer[] =>
    [...transfers.values()].filter(({ from, isUnderWay }) => from === account && isUnderWay);
  /** What is in the account or may come back to it. */
  const totalOf = (account: number, asset: AssetName): bigint =>
    underWayFrom(account).reduce(
      (sum, transfer) => (transfer.asset === asset ? sum + transfer.units : sum),
      bookOf(account).available[asset] + heldIn(account, asset),
    );

  // Refusals that several commands share.
  const halted = ({ status }: Book): Verdict | undefined =>
    status === 'closed' ? no('account_closed') : status === 'frozen' ? no('account_frozen') : undefined;
  const paidBefore = (book: Book, externalId: string | undefined): Verdict | undefined =>
    externalId !== undefined && book.externalIds.has(externalId) ? no('already_exists', { externalId }) : undefined;
  const notThere = (book: Book, asset: AssetName, units: bigint): Verdict | undefined =>
    book.available[asset] >= units
      ? undefined
      : no('insufficient_funds', { asset, available: textOf(book.available[asset], asset), requested: textOf(units, asset) });
  const tooMuch = (account: number, asset: AssetName, units: bigint): Verdict | undefined =>
    totalOf(account, asset) + units > MOST ? no('amount_out_of_range', { asset }) : undefined;
  const notLeft = (asset: AssetName, left: bigint, units: bigint): Verdict | undefined =>
    units > left ? no('insufficient_held', { asset, held: textOf(left, asset), requested: textOf(units, asset) }) : undefined;
  function overLimit(book: Book, asset: AssetName, units: bigint, timeMs: number): Verdict | undefined {
    const { perWithdrawal, perDay } = book.limits[asset] ?? {};
    const requested = textOf(units, asset);
    if (perWithdrawal !== undefined && units > perWithdrawal)
      return no('limit_exceeded', { limit: 'perWithdrawal', maximum: textOf(perWithdrawal, asset), requested });
    const spent = book.spentDay === Math.floor(timeMs / DAY_MS) ? book.spent[asset] : 0n;
    return perDay !== undefined && spent + units > perDay
      ? no('limit_exceeded', { limit: 'perDay', maximum: textOf(perDay, asset), spent: textOf(spent, asset), requested })
      : undefined;
  }
  function spend(book: Book, asset: AssetName, units: bigint, timeMs: number): void {
    const day = Math.floor(timeMs / DAY_MS);
    if (book.spentDay !== day) book.spent = nothing();
    book.spentDay = day;
    book.spent[asset] += units;
  }

  /** It happened. Its entry, if it touched the account's money, is written down under the request's number. */
  function yes({ id, account }: Request, outcome: string, figures: Answer['figures'] = {}, ...touched: readonly AssetName[]): Verdict {
    const balances = Object.fromEntries(
      touched.map((asset) => [asset, [textOf(bookOf(account).available[asset], asset), textOf(heldIn(account, asset), asset)]] as const),
    );
    const entry = entries.get(id);
    const [asset] = touched;
    if (entry !== undefined) entry.type = outcome;
    else if (asset !== undefined && outcome !== 'fill-repeated') entries.set(id, { account, type: outcome, asset, units: 0n });
    return { outcome, figures, balances, isKept: true };
  }
  /** Money comes into what is available, or goes out of it, from or to a place outside or the account's own held money. */
  function change({ id, account }: Request, asset: AssetName, units: bigint, place?: Place): void {
    bookOf(account).available[asset] += units;
    if (place !== undefined) outside[place][asset] -= units;
    if (units !== 0n) entries.set(id, { account, type: '', asset, units });
  }

  return {
    bookOf,
    isOpened,
    holds,
    orders,
    transfers,
    entries,
    reversed,
    outside,
    heldIn,
    totalOf,
    halted,
    paidBefore,
    notThere,
    tooMuch,
    notLeft,
    overLimit,
    spend,
    yes,
    change,
  };
}
