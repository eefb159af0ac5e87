// The price rule of LIMIT orders. Exact: nothing is rounded, so there is no rounding that could favour either side.
import { Decimal } from 'decimal.js';

/**
 * Digits enough for every product of an amount (up to 80 characters) and a price (up to 80): a product has no more than
 * both together, so it is never rounded.
 */
const Exact = Decimal.clone({ precision: 200, toExpNeg: -9e15, toExpPos: 9e15 });

/**
 * The least that a LIMIT fill has to bring in: amountIn × targetPrice, to the last digit; it may have more decimals than
 * its asset. A decimal string.
 */
export const leastOut = (amountIn: string, targetPrice: string): string => new Exact(amountIn).times(targetPrice).toString();

/** Whether a fill meets the price: amountOut ≥ amountIn × targetPrice, before fees. */
export const meetsPrice = (amountIn: string, amountOut: string, targetPrice: string): boolean =>
  new Exact(amountOut).greaterThanOrEqualTo(leastOut(amountIn, targetPrice));
