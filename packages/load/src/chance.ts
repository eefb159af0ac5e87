// Chance that can be had again: everything random in a plan is drawn from here, in one order.
import { createHash } from 'node:crypto';

export interface Chance {
  /** At least 0, below 1. */
  share(): number;
  /** A whole number, at least 0 and below `end`. */
  below(end: number): number;
  /** From `least` to `most`, both included. */
  between(least: bigint, most: bigint): bigint;
  /** True in so many of a hundred cases. */
  percent(percent: number): boolean;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  shuffled<Item>(items: readonly Item[]): Item[];
  /** A UUID (version 4, as far as its form goes). */
  uuid(): string;
}

const WORD = 2 ** 32;

/** The same seed draws the same, on every machine: the generator is sfc32, its state the seed's SHA-256. */
export function makeChance(seed: string): Chance {
  const digest = createHash('sha256').update(seed).digest();
  let [a, b, c, counter] = [digest.readInt32LE(0), digest.readInt32LE(4), digest.readInt32LE(8), 1];
  function word(): number {
    const drawn = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + drawn) | 0;
    return drawn >>> 0;
  }
  // The first words of a fresh state are still alike.
  for (let warmedUp = 0; warmedUp < 16; warmedUp += 1) word();

  const share = (): number => word() / WORD;
  const below = (end: number): number => Math.floor(share() * end);
  return {
    share,
    below,
    between(least, most) {
      // 64 bits more than the range has, so that the remainder favours nobody that could be noticed.
      const bits = BigInt(word()) | (BigInt(word()) << 32n) | (BigInt(word()) << 64n) | (BigInt(word()) << 96n);
      return least + (bits % (most - least + 1n));
    },
    percent: (percent) => share() * 100 < percent,
    pick: (items) => items[below(items.length)] ?? items[0],
    shuffled(items) {
      const left = [...items];
      return items.flatMap(() => left.splice(below(left.length), 1));
    },
    uuid() {
      const hex = [word(), word(), word(), word()].map((drawn) => drawn.toString(16).padStart(8, '0')).join('');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
  };
}
