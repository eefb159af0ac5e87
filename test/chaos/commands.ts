// Which command comes next: drawn from the client's own chance, over what it and the others know of open holds and orders.
import type { Applied, Command } from '@ledgerfold/client';
import type { Chance } from '../../packages/load/src/chance.ts';

/** What the clients of a seed have in common. */
export interface World {
  /** Money goes around among these, and nowhere else. */
  readonly bank: readonly string[];
  /** Here it comes and goes. */
  readonly shops: readonly string[];
  readonly holds: { readonly accountId: string; readonly holdId: string }[];
  readonly orders: { readonly accountId: string; readonly orderId: string }[];
}

const MINOR_PER_USD = 100;
/** From 0.01 to 30.00: some of it cannot be paid. */
const amount = (chance: Chance): string => (1 / MINOR_PER_USD + chance.below(3_000) / MINOR_PER_USD).toFixed(2);
const oneOf = (chance: Chance, accounts: readonly string[]): string => accounts[chance.below(accounts.length)] ?? '';

export function nextCommand(chance: Chance, world: World): Command {
  const drawn = chance.below(100);
  const [bank, shop] = [oneOf(chance, world.bank), oneOf(chance, world.shops)];
  const usd = { asset: 'USD', amount: amount(chance) };
  if (drawn < 30) return { type: 'transfer', accountId: bank, to: otherThan(chance, bank, world.bank), ...usd };
  if (drawn < 45) return { type: 'deposit', accountId: shop, ...usd };
  if (drawn < 65) return { type: 'withdraw', accountId: shop, ...usd };
  if (drawn < 75) return { type: 'place-hold', accountId: chance.percent(50) ? bank : shop, ...usd, ...soonOver(chance) };
  if (drawn < 83) {
    const hold = world.holds[chance.below(world.holds.length)];
    // Captured money leaves: not so in the bank.
    if (hold === undefined) return { type: 'place-hold', accountId: shop, ...usd };
    const isCaptured = world.shops.includes(hold.accountId) && chance.percent(50);
    return isCaptured ? { type: 'capture-hold', ...hold, amount: usd.amount } : { type: 'release-hold', ...hold };
  }
  if (drawn < 91)
    return {
      type: 'place-order',
      accountId: shop,
      tokenIn: 'USD',
      tokenOut: 'BTC',
      amountIn: usd.amount,
      orderType: 'MARKET',
      ...soonOver(chance),
    };
  if (drawn < 98) {
    const order = world.orders[chance.below(world.orders.length)];
    if (order === undefined) return { type: 'deposit', accountId: shop, ...usd };
    if (chance.percent(40)) return { type: 'cancel-order', ...order };
    return { type: 'fill-order', ...order, amountIn: '0.50', amountOut: '0.00001000', fee: { asset: 'BTC', amount: '0.00000010' } };
  }
  return chance.percent(30)
    ? { type: 'freeze-account', accountId: bank, reason: 'chaos' }
    : { type: 'unfreeze-account', accountId: bank, reason: 'chaos' };
}

/** Some end by themselves while clients still work. */
const soonOver = (chance: Chance): { readonly expiresAt?: string } =>
  chance.percent(30) ? { expiresAt: new Date(Date.now() + 500 + chance.below(3_000)).toISOString() } : {};

function otherThan(chance: Chance, accountId: string, accounts: readonly string[]): string {
  return oneOf(
    chance,
    accounts.filter((other) => other !== accountId),
  );
}

/** Takes note of what a command has made. */
export function learn(world: World, { type, accountId }: Command, { result }: Applied): void {
  if (type === 'place-hold' && 'holdId' in result) world.holds.push({ accountId, holdId: result.holdId });
  if (type === 'place-order' && 'orderId' in result) world.orders.push({ accountId, orderId: result.orderId });
}
