// The assets that the load is in, and amounts in them: decimal strings outside, minor units inside.

/** Money, coins to trade with, and one coin that is only added and taken out whole. Every ledger has them from its start. */
export const SCALES = { USD: 2, EUR: 2, JPY: 0, BTC: 8, ETH: 18, SOL: 9 } as const;
export type Asset = keyof typeof SCALES;

export const MONEY = ['USD', 'EUR', 'JPY'] as const satisfies readonly Asset[];
export const COINS = ['BTC', 'ETH'] as const satisfies readonly Asset[];
/** Added and removed in turns, so that what is removed is there; nothing else touches it. */
export const REMOVED_COIN = 'SOL' satisfies Asset;
/** What every account is given before the load begins. */
export const FUNDED = [...MONEY, ...COINS] as const;

/** Amounts of one command are between a hundredth of this and this, in minor units. */
export const LARGEST_MINOR: Readonly<Record<Asset, bigint>> = {
  USD: 100_000n,
  EUR: 100_000n,
  JPY: 100_000n,
  BTC: 1_000_000n,
  ETH: 10_000_000_000_000_000n,
  SOL: 1_000_000_000n,
};
const SMALLEST_SHARE = 100n;
export const smallestMinor = (asset: Asset): bigint => LARGEST_MINOR[asset] / SMALLEST_SHARE;

/** Minor units as a decimal string at the scale: `decimalOf(9000n, 2)` is `"90.00"`. */
export function decimalOf(minor: bigint, scale: number): string {
  const digits = String(minor < 0n ? -minor : minor).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${minor < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

/** An amount of that asset as it is written. */
export const amountOf = (asset: Asset, minor: bigint): string => decimalOf(minor, SCALES[asset]);

/** A decimal string as minor units of the scale. @throws RangeError where it has more decimals, or is no decimal. */
export function minorOf(text: string, scale: number): bigint {
  const [, sign, whole, decimals = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined || decimals.length > scale) throw new RangeError(`${text} is no amount with ${scale} decimals`);
  const minor = BigInt(whole + decimals.padEnd(scale, '0'));
  return sign === '-' ? -minor : minor;
}

/** The scale that an amount is written at. */
export const scaleOf = (text: string): number => text.split('.')[1]?.length ?? 0;
