import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalDecimal, formatMinor, MAX_MINOR, parseDecimal, toMinor } from '../../src/domain/amounts.ts';

const minorUnits = fc.bigInt({ min: -MAX_MINOR, max: MAX_MINOR });
const scales = fc.integer({ min: 0, max: 18 });

describe('amounts', () => {
  it('come back unchanged from their text, whatever their size', () =>
    fc.assert(
      fc.property(minorUnits, scales, (minor, scale) => {
        const text = formatMinor(minor, scale);
        expect(parseDecimal(text)).toEqual({ minor, scale });
        expect(toMinor(text, scale)).toBe(minor);
      }),
    ));

  it('keep 2^53 + 1 and 60 digits', () => {
    expect(formatMinor(toMinor('9007199254740993', 0) ?? 0n, 0)).toBe('9007199254740993');
    expect(toMinor('9'.repeat(60), 0)).toBe(MAX_MINOR);
    expect(toMinor(`1${'0'.repeat(60)}`, 0)).toBeUndefined();
    expect(toMinor('9'.repeat(59), 2)).toBeUndefined();
  });

  it('show exactly the scale', () => {
    expect(formatMinor(9000n, 2)).toBe('90.00');
    expect(formatMinor(90n, 0)).toBe('90');
    expect(formatMinor(-1n, 18)).toBe('-0.000000000000000001');
    expect(formatMinor(0n, 8)).toBe('0.00000000');
  });

  it('do not fit a scale with fewer decimals, zeros or not', () => {
    expect(toMinor('1.50', 1)).toBeUndefined();
    expect(toMinor('1.5', 2)).toBe(150n);
  });

  it('have one canonical spelling per value', () =>
    fc.assert(
      fc.property(minorUnits, scales, fc.integer({ min: 0, max: 5 }), (minor, scale, zeros) => {
        const text = formatMinor(minor, scale);
        const longer = scale === 0 ? text : text + '0'.repeat(zeros);
        expect(canonicalDecimal(longer)).toBe(canonicalDecimal(text));
        expect(canonicalDecimal(canonicalDecimal(text))).toBe(canonicalDecimal(text));
      }),
    ));

  it.each([
    ['+1.50', '1.5'],
    ['100', '100'],
    ['100.00', '100'],
    ['0.10', '0.1'],
    ['-0.50', '-0.5'],
  ])('%s is %s', (written, canonical) => expect(canonicalDecimal(written)).toBe(canonical));

  it.each(['', '1e5', '.5', '5.', '01', '1,000', ' 1', '0x10', 'NaN', '١'])('%j is no decimal', (text) =>
    expect(() => parseDecimal(text)).toThrow(RangeError),
  );
});
