// Decimal strings, counted exactly: the auditor's own arithmetic, which shares nothing with the ledger's.
import { z } from 'zod';

/** `minor` units of 10^-`scale`: "-0.01" is { minor: -1n, scale: 2 }. */
export interface Amount {
  readonly minor: bigint;
  readonly scale: number;
}

const decimal = z.string().regex(/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/);

/** @throws where it is no decimal string. */
export function amountFrom(value: unknown): Amount {
  const text = decimal.parse(value);
  const scale = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0;
  return { minor: BigInt(text.replace('.', '')), scale };
}

export function decimalOf({ minor, scale }: Amount): string {
  const digits = String(minor < 0n ? -minor : minor).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${minor < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

/** @throws where they are not of one scale: then they are not of one asset. */
export function sum(one: Amount, other: Amount): Amount {
  if (one.scale !== other.scale) throw new Error(`${decimalOf(one)} and ${decimalOf(other)} have different scales`);
  return { minor: one.minor + other.minor, scale: one.scale };
}

export const minus = ({ minor, scale }: Amount): Amount => ({ minor: -minor, scale });
export const zeroAt = ({ scale }: Amount): Amount => ({ minor: 0n, scale });
export const product = (one: Amount, other: Amount): Amount => ({ minor: one.minor * other.minor, scale: one.scale + other.scale });
/** Whatever their scales. */
export const isAtLeast = (one: Amount, other: Amount): boolean =>
  one.minor * 10n ** BigInt(other.scale) >= other.minor * 10n ** BigInt(one.scale);
export const isSame = (one: Amount, other: Amount): boolean => isAtLeast(one, other) && isAtLeast(other, one);
