import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMinor, MAX_MINOR } from '../../src/domain/amounts.ts';
import { leastOut, meetsPrice } from '../../src/domain/price.ts';

/** A decimal by its digits: text for the rule, whole numbers for the oracle. */
const decimal = (max: bigint, maxScale: number) =>
  fc
    .record({ minor: fc.bigInt({ min: 1n, max }), scale: fc.integer({ min: 0, max: maxScale }) })
    .map(({ minor, scale }) => ({ minor, scale, text: formatMinor(minor, scale) }));
const amounts = decimal(MAX_MINOR, 18);
/** As long as the contract lets a price be: 80 characters. */
const prices = decimal(10n ** 78n - 1n, 77);

/** Cross-multiplied: out / 10^a ≥ in / 10^b × price / 10^c, in whole numbers alone. */
const isMet = (paid: Parts, got: Parts, price: Parts): boolean =>
  got.minor * 10n ** BigInt(paid.scale + price.scale) >= paid.minor * price.minor * 10n ** BigInt(got.scale);
interface Parts {
  readonly minor: bigint;
  readonly scale: number;
}

describe('the price rule', () => {
  it('is exact for every amount and price the contract allows', () =>
    fc.assert(
      fc.property(amounts, amounts, prices, (paid, got, price) => {
        expect(meetsPrice(paid.text, got.text, price.text)).toBe(isMet(paid, got, price));
      }),
      { numRuns: 2_000 },
    ));

  it('turns at the very last digit: 18 decimals, long prices', () =>
    fc.assert(
      fc.property(decimal(10n ** 40n, 18), decimal(10n ** 40n, 40), (paid, price) => {
        // The product's own digits, and one unit of its last place to either side.
        const due = { minor: paid.minor * price.minor, scale: paid.scale + price.scale };
        const outcomes = [-1n, 0n, 1n].map((step) => meetsPrice(paid.text, formatMinor(due.minor + step, due.scale), price.text));
        expect(outcomes).toEqual([false, true, true]);
      }),
      { numRuns: 2_000 },
    ));

  it('says what is due in plain digits, whatever its size', () => {
    expect(leastOut('0.000000000000000001', '0.000000000000000001')).toBe(`0.${'0'.repeat(35)}1`);
    expect(leastOut('9'.repeat(60), '1')).toBe('9'.repeat(60));
    expect(leastOut('100.00', '0.00002537')).toBe('0.002537');
  });
});
