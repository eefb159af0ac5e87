// Prices of orders, and what a fill has to bring in for what it takes. Whole numbers throughout: nothing is rounded but upwards, once.
import type { Chance } from './chance.ts';
import type { Asset } from './money.ts';
import { decimalOf, SCALES } from './money.ts';

/** What is given for what, and how much tokenOut one tokenIn is worth: `priceMinor` / 10^`priceScale`. */
export interface Limit {
  readonly tokenIn: Asset;
  readonly tokenOut: Asset;
  readonly priceMinor: bigint;
  readonly priceScale: number;
}

const MARKETS: readonly [Limit, ...Limit[]] = [
  { tokenIn: 'USD', tokenOut: 'BTC', priceMinor: 20_000n, priceScale: 9 },
  { tokenIn: 'BTC', tokenOut: 'USD', priceMinor: 50_000_000n, priceScale: 3 },
  { tokenIn: 'EUR', tokenOut: 'ETH', priceMinor: 400_000n, priceScale: 9 },
  { tokenIn: 'ETH', tokenOut: 'EUR', priceMinor: 2_500_000n, priceScale: 3 },
];
/** Prices go up and down by so many thousandths. */
const SWING = 50n;
const THOUSAND = 1_000n;

/** A market's price of the moment. */
export function priceFrom(chance: Chance): Limit {
  const market = chance.pick(MARKETS);
  return { ...market, priceMinor: (market.priceMinor * (THOUSAND + chance.between(-SWING, SWING))) / THOUSAND };
}

export const priceText = ({ priceMinor, priceScale }: Limit): string => decimalOf(priceMinor, priceScale);

/** The least, in minor units of tokenOut, that a fill of so much tokenIn brings in. */
export function leastOutMinor({ tokenIn, tokenOut, priceMinor, priceScale }: Limit, inMinor: bigint): bigint {
  const worth = inMinor * priceMinor * 10n ** BigInt(SCALES[tokenOut]);
  const unit = 10n ** BigInt(SCALES[tokenIn] + priceScale);
  return (worth + unit - 1n) / unit;
}
