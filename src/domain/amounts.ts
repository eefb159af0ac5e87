// Amounts: decimal strings outside, bigint minor units inside. Nothing here ever touches a floating point number.
//
// An amount that the ledger writes always shows exactly its asset's scale ("90.00", JPY "90"), so the scale can be
// read off the text itself; that is how a reader of events needs no registry of assets.

/** The most digits an amount may have in minor units (API contract). */
export const MAX_MINOR_DIGITS = 60;
/** The largest amount, and the largest balance of a customer's bucket, in minor units. */
export const MAX_MINOR = 10n ** BigInt(MAX_MINOR_DIGITS) - 1n;

/** What an unsigned amount looks like at the edges. */
export const UNSIGNED_DECIMAL = /^(0|[1-9][0-9]*)(\.[0-9]+)?$/;
/** A coin quantity: as an amount, with an optional sign. */
export const SIGNED_DECIMAL = /^[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?$/;

/** An exact quantity: `minor` units of 10^-scale. */
export interface Decimal {
  readonly minor: bigint;
  readonly scale: number;
}

/**
 * Reads a decimal string exactly as written: "90.00" is 9000 at scale 2.
 * @throws RangeError where the text is no decimal (callers check the shape at the edge first).
 */
export function parseDecimal(text: string): Decimal {
  if (!SIGNED_DECIMAL.test(text)) throw new RangeError(`not a decimal: ${JSON.stringify(text)}`);
  const dot = text.indexOf('.');
  const scale = dot === -1 ? 0 : text.length - dot - 1;
  const digits = dot === -1 ? text : text.slice(0, dot) + text.slice(dot + 1);
  return { minor: BigInt(digits.startsWith('+') ? digits.slice(1) : digits), scale };
}

/**
 * Minor units of `text` at `scale`.
 * @returns undefined where the text shows more decimals than the scale has, or needs more than 60 digits of minor units.
 */
export function toMinor(text: string, scale: number): bigint | undefined {
  const written = parseDecimal(text);
  if (written.scale > scale) return undefined;
  const minor = written.minor * 10n ** BigInt(scale - written.scale);
  return minor > MAX_MINOR || minor < -MAX_MINOR ? undefined : minor;
}

/** The decimal string of `minor` with exactly `scale` decimals: (9000n, 2) is "90.00", (-1n, 8) is "-0.00000001". */
export function formatMinor(minor: bigint, scale: number): string {
  if (minor === 0n) return scale === 0 ? '0' : `0.${'0'.repeat(scale)}`;
  const negative = minor < 0n;
  const digits = (negative ? -minor : minor).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const text = scale === 0 ? whole : `${whole}.${digits.slice(digits.length - scale)}`;
  return negative ? `-${text}` : text;
}

/** Nothing, at the scale of that amount. */
export const zeroLike = (amount: string): string => formatMinor(0n, parseDecimal(amount).scale);

/** The exact sum, with the decimals of the one that has more. */
export function addDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.scale === b.scale) return { minor: a.minor + b.minor, scale: a.scale };
  const scale = Math.max(a.scale, b.scale);
  return { minor: a.minor * 10n ** BigInt(scale - a.scale) + b.minor * 10n ** BigInt(scale - b.scale), scale };
}

/** The one spelling of a decimal's value, for comparing commands: no sign "+", no trailing zeros ("1.50" and "+1.5" are "1.5"). */
export function canonicalDecimal(text: string): string {
  const { minor, scale } = parseDecimal(text);
  const plain = formatMinor(minor, scale);
  return scale === 0 ? plain : plain.replace(/\.?0+$/, '');
}
