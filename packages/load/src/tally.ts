// A set of lines of which only the number and a digest are kept: enough to know whether two sets are the same.
import { createHash } from 'node:crypto';

export interface Tally {
  readonly count: number;
  /** The sum of the lines' hashes: the same in whatever order they came. */
  readonly digest: bigint;
}

export const EMPTY: Tally = { count: 0, digest: 0n };

export function withLine({ count, digest }: Tally, line: string): Tally {
  const hash = createHash('sha256').update(line).digest().readBigUInt64LE();
  return { count: count + 1, digest: BigInt.asUintN(64, digest + hash) };
}

export const isSame = (one: Tally, other: Tally): boolean => one.count === other.count && one.digest === other.digest;
