// Makes up commands of every type, as a client would who knows what its own commands have made: most of them sensible, some
// bound to be refused. From a seed, so that the same answers lead to the same commands again.
import { randomUUID } from 'node:crypto';
import type { Amount } from './audit/decimals.ts';
import { amountFrom, decimalOf, product } from './audit/decimals.ts';
import type { Command, FillOrder, Outcome, PlaceOrder } from './clients.ts';

const SCALES = { USD: 2, EUR: 2, JPY: 0, BTC: 8, ETH: 18 } as const;
type Asset = keyof typeof SCALES;
/** As a coin may be named: by its code, or by its trading pair. */
const SYMBOLS: readonly (readonly [symbol: string, asset: Asset])[] = [
  ['BTC', 'BTC'],
  ['btcusdt', 'BTC'],
  ['ETH', 'ETH'],
  ['ethusd', 'ETH'],
];
const PAIRS: readonly (readonly [tokenIn: Asset, tokenOut: Asset, price: string])[] = [
  ['USD', 'BTC', '0.000016'],
  ['BTC', 'USD', '61234.567'],
  ['EUR', 'ETH', '0.000333333333333333'],
  ['JPY', 'USD', '0.0067'],
  ['ETH', 'BTC', '0.0333'],
];

/** Every type, and how often it comes in proportion. */
const SHARES: Readonly<Record<Command['type'], number>> = {
  'open-account': 15,
  deposit: 220,
  withdraw: 90,
  transfer: 150,
  'update-coin': 110,
  'remove-coin': 10,
  'place-hold': 95,
  'capture-hold': 70,
  'release-hold': 30,
  'place-order': 100,
  'fill-order': 100,
  'cancel-order': 30,
  reverse: 35,
  'freeze-account': 4,
  'unfreeze-account': 30,
  'close-account': 8,
  'set-limits': 6,
};
export const TYPES = Object.keys(SHARES) as Command['type'][];
const ALL_SHARES = Object.values(SHARES).reduce((sum, share) => sum + share, 0);

/** A number from 0 up to 1, the next of a sequence that the seed determines (mulberry32). */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Whether the answer says that the hold or the order that the command is about has ended. */
const hasEnded = ({ code, result }: Outcome['body']): boolean =>
  code === 'hold_not_open' ||
  code === 'order_not_open' ||
  (result?.['remaining'] !== undefined && !/[1-9]/.test(result['remaining'])) ||
  (result?.['orderStatus'] !== undefined && result['orderStatus'] !== 'pending');

interface Held {
  readonly accountId: string;
  readonly holdId: string;
  readonly amount: Amount;
}
interface Ordered {
  readonly order: PlaceOrder;
  readonly orderId: string;
}
interface Entry {
  readonly accountId: string;
  readonly eventId: string;
}

export interface Generator {
  next(): Command;
  /** What became of a command: later ones build on it. */
  learn(command: Command, outcome: Outcome): void;
  /** Entries of an account that were made by others' commands. */
  find(accountId: string, entryIds: readonly string[]): void;
}

/** Commands under keys that begin with the name, to those accounts and to some that they open. */
export function makeGenerator(name: string, seed: number, sharedAccounts: readonly string[]): Generator {
  const random = makeRandom(seed);
  const accounts = [...sharedAccounts];
  const closed: string[] = [];
  const holds: Held[] = [];
  const orders: Ordered[] = [];
  const fills: FillOrder[] = [];
  const entries: Entry[] = [];
  const stored: Command[] = [];
  let count = 0;

  const chance = (share: number): boolean => random() < share;
  const below = (end: number): number => Math.floor(random() * end);
  const pick = <T>(from: readonly [T, ...T[]] | readonly T[]): T | undefined => from[below(from.length)];
  /** One of the newest, most of the time: what has just been made is what commands are about. */
  const pickRecent = <T>(from: readonly T[]): T | undefined => from[Math.max(0, from.length - 1 - below(chance(0.8) ? 40 : from.length))];
  const amountOf = (asset: Asset, most: number): Amount => ({
    minor: (BigInt(1 + below(most * 100)) * 10n ** BigInt(SCALES[asset])) / 100n + 1n,
    scale: SCALES[asset],
  });
  const text = (asset: Asset, most: number): string => decimalOf(amountOf(asset, most));
  const money = (): Asset => pick(['USD', 'USD', 'EUR', 'JPY'] as const) ?? 'USD';
  const anAsset = (): Asset => pick(['USD', 'USD', 'EUR', 'JPY', 'BTC', 'ETH'] as const) ?? 'USD';
  const someone = (): string => {
    if (chance(0.003)) return randomUUID();
    return (chance(0.02) ? pick(closed) : undefined) ?? pick(accounts) ?? '';
  };
  /** Soon, never, or long ago. */
  const expiry = (): { readonly expiresAt?: string } => {
    if (chance(0.6)) return {};
    return { expiresAt: new Date(Date.now() + (chance(0.1) ? -60_000 : 200 + below(3_000))).toISOString() };
  };
  /** Once in a while a thing that never was, else the newest that is known. */
  const known = <T>(from: readonly T[]): T | undefined => (chance(0.02) ? undefined : pickRecent(from));

  function placeOrder(accountId: string, key: string): PlaceOrder {
    const [tokenIn, tokenOut, price] = pick(PAIRS) ?? ['USD', 'BTC', '1'];
    const isLimit = chance(0.7);
    const order = { type: 'place-order', accountId, key, tokenIn, tokenOut, amountIn: text(tokenIn, 20), ...expiry() } as const;
    return isLimit ? { ...order, orderType: 'LIMIT', targetPrice: price } : { ...order, orderType: 'MARKET' };
  }

  function fillOrder(key: string): FillOrder {
    const earlier = chance(0.08) ? pickRecent(fills) : undefined;
    // The same fill reported again, or another one under its name.
    if (earlier !== undefined) return { ...earlier, key, ...(chance(0.3) ? { amountOut: '987' } : {}) };
    const made = known(orders);
    if (made === undefined) return { type: 'fill-order', accountId: someone(), key, orderId: randomUUID(), amountIn: '1', amountOut: '1' };
    const { order, orderId } = made;
    const [placed, tokenOut] = [amountFrom(order.amountIn), order.tokenOut as Asset];
    const isOver = chance(0.05);
    const part = chance(0.4) || isOver ? placed.minor : 1n + (placed.minor * BigInt(1 + below(998))) / 1000n;
    const paid: Amount = { minor: isOver ? part * 2n : part, scale: placed.scale };
    const due = product(paid, amountFrom(order.targetPrice ?? '0.001'));
    const scale = SCALES[tokenOut];
    const least = (due.minor * 10n ** BigInt(scale) + 10n ** BigInt(due.scale) - 1n) / 10n ** BigInt(due.scale);
    const got = chance(0.1) && least > 1n ? least - 1n : least + BigInt(below(3));
    const feeMinor = chance(0.02) ? got + 1n : got / 100n;
    const fee =
      feeMinor > 0n && chance(0.6)
        ? { fee: { asset: chance(0.02) ? order.tokenIn : tokenOut, amount: decimalOf({ minor: feeMinor, scale }) } }
        : {};
    const chain = chance(0.7) ? { txHash: `0x${name}.${count}`, ...(chance(0.5) ? { logIndex: below(9) } : {}) } : {};
    const amounts = { amountIn: decimalOf(paid), amountOut: decimalOf({ minor: got > 0n ? got : 1n, scale }) };
    return { type: 'fill-order', accountId: order.accountId, key, orderId, ...amounts, ...fee, ...chain };
  }

  /** The id of a payment; once in a while one that has been used. */
  const externalId = (): { readonly externalId?: string } =>
    chance(0.1) ? { externalId: `${name} payment ${chance(0.5) ? 'again' : count}` } : {};
  const effectiveAt = (): { readonly effectiveAt?: string } =>
    chance(0.05) ? { effectiveAt: `2025-${10 + below(3)}-${10 + below(18)}T12:00:00Z` } : {};

  function make(type: Command['type'], key: string): Command {
    const accountId = someone();
    switch (type) {
      case 'open-account':
        return { type, key, accountId: chance(0.9) ? randomUUID() : accountId };
      case 'deposit': {
        const asset = money();
        return { type, key, accountId, asset, amount: text(asset, 100), ...externalId(), ...effectiveAt() };
      }
      case 'withdraw': {
        const asset = money();
        return { type, key, accountId, asset, amount: text(asset, chance(0.1) ? 100_000 : 30), ...externalId(), ...effectiveAt() };
      }
      case 'transfer': {
        const asset = anAsset();
        const amount = text(asset, chance(0.1) ? 100_000 : 10);
        return { type, key, accountId, to: chance(0.02) ? accountId : someone(), asset, amount, ...externalId() };
      }
      case 'update-coin': {
        const [symbol, asset] = pick(SYMBOLS) ?? ['BTC', 'BTC'];
        return { type, key, accountId, symbol, quantity: `${chance(0.3) ? '-' : ''}${text(asset, 5)}` };
      }
      case 'remove-coin':
        return { type, key, accountId, symbol: 'ETH' };
      case 'place-hold': {
        const asset = anAsset();
        return { type, key, accountId, asset, amount: text(asset, 10), ...expiry() };
      }
      case 'capture-hold': {
        const hold = known(holds);
        if (hold === undefined) return { type, key, accountId, holdId: randomUUID() };
        const part = { ...hold.amount, minor: 1n + (hold.amount.minor * BigInt(1 + below(1_200))) / 1000n };
        return { type, key, accountId: hold.accountId, holdId: hold.holdId, ...(chance(0.5) ? { amount: decimalOf(part) } : {}) };
      }
      case 'release-hold': {
        const hold = known(holds);
        return { type, key, accountId: hold?.accountId ?? accountId, holdId: hold?.holdId ?? randomUUID() };
      }
      case 'place-order':
        return placeOrder(accountId, key);
      case 'fill-order':
        return fillOrder(key);
      case 'cancel-order': {
        const made = known(orders);
        return { type, key, accountId: made?.order.accountId ?? accountId, orderId: made?.orderId ?? randomUUID() };
      }
      case 'reverse': {
        const entry = known(entries);
        return {
          type,
          key,
          accountId: entry?.accountId ?? accountId,
          eventId: entry?.eventId ?? randomUUID(),
          reason: 'a mistake',
        };
      }
      case 'freeze-account':
      case 'unfreeze-account':
        return { type, key, accountId, reason: 'asked for' };
      case 'close-account':
        return { type, key, accountId: chance(0.7) ? (accounts.at(-1 - below(3)) ?? accountId) : accountId };
      case 'set-limits':
        return { type, key, accountId, asset: 'USD', perWithdrawal: text('USD', 60), perDay: text('USD', 300) };
    }
  }

  /** Sent before and stored: the same again, or another command under its key. */
  function repeat(): Command | undefined {
    const earlier = pickRecent(stored);
    if (earlier === undefined || chance(0.8)) return earlier;
    return { type: 'deposit', accountId: earlier.accountId, key: earlier.key, asset: 'EUR', amount: '0.07' };
  }

  /** Bound to be refused before it is decided: an asset that is not there, or more decimals than there are. */
  const misshapen = (key: string): Command => ({
    ...{ type: 'deposit', key, accountId: pick(accounts) ?? '' },
    ...(chance(0.5) ? { asset: 'DOGE', amount: '1' } : { asset: 'JPY', amount: '1.5' }),
  });

  /** Most of what has ended is left alone from then on. */
  function forget(command: Command): void {
    if (chance(0.2)) return;
    const drop = <T>(from: T[], is: (item: T) => boolean): void => {
      const index = from.findLastIndex(is);
      if (index >= 0) from.splice(index, 1);
    };
    if ('holdId' in command) drop(holds, ({ holdId }) => holdId === command.holdId);
    if ('orderId' in command) drop(orders, ({ orderId }) => orderId === command.orderId);
  }

  return {
    find: (accountId, entryIds) => void entries.push(...entryIds.map((eventId) => ({ accountId, eventId }))),
    next() {
      count += 1;
      const key = `${name}.${count}`;
      if (chance(0.03)) {
        const again = repeat();
        if (again !== undefined) return again;
      }
      if (chance(0.004)) return misshapen(key);
      let left = random() * ALL_SHARES;
      const type = TYPES.find((candidate) => {
        left -= SHARES[candidate];
        return left < 0;
      });
      return make(type ?? 'deposit', key);
    },
    learn(command, { body }) {
      if (hasEnded(body)) forget(command);
      if (body.revision !== undefined) stored.push(command);
      if (body.status !== 'applied') return;
      const { result = {}, accountId } = body;
      if (command.type === 'open-account' && typeof accountId === 'string') accounts.push(accountId);
      if (command.type === 'close-account') closed.push(...accounts.splice(accounts.indexOf(command.accountId), 1));
      if (command.type === 'place-hold' && result['holdId'] !== undefined)
        holds.push({ accountId: command.accountId, holdId: result['holdId'], amount: amountFrom(command.amount) });
      if (command.type === 'place-order' && result['orderId'] !== undefined) orders.push({ order: command, orderId: result['orderId'] });
      if (command.type === 'fill-order' && command.txHash !== undefined) fills.push(command);
      // An entry has the id of what it made; and what is no entry that can be reversed is tried as well.
      const eventId = result['entryId'] ?? result['transferId'] ?? result['holdId'];
      if (eventId !== undefined) entries.push({ accountId: command.accountId, eventId });
      // Nor is what is reversed reversed again.
      if (command.type === 'reverse') entries.push(command);
    },
  };
}
