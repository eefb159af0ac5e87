// The auditor's own arithmetic: amounts as whole numbers of the smallest unit that is written.

/** `minor` units of 10^-scale. */
export interface Amount {
  readonly minor: bigint;
  readonly scale: number;
}

/** Reads a decimal string as it is written; the event schemas have seen to its shape. */
export function amountFrom(text: string): Amount {
  const dot = text.indexOf('.');
  return dot === -1
    ? { minor: BigInt(text), scale: 0 }
    : { minor: BigInt(text.slice(0, dot) + text.slice(dot + 1)), scale: text.length - dot - 1 };
}

/** "12.50" for 1250 at scale 2. */
export function decimalOf(minor: bigint, scale: number): string {
  const sign = minor < 0n ? '-' : '';
  const digits = `${minor < 0n ? -minor : minor}`.padStart(scale + 1, '0');
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Whether a ≥ b × c, exactly. */
export function isAtLeastProduct(a: Amount, b: Amount, c: Amount): boolean {
  const scale = Math.max(a.scale, b.scale + c.scale);
  return a.minor * 10n ** BigInt(scale - a.scale) >= b.minor * c.minor * 10n ** BigInt(scale - b.scale - c.scale);
}

export const absolute = (minor: bigint): bigint => (minor < 0n ? -minor : minor);
