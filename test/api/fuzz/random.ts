// Chance that can be had again: what is drawn depends on a seed and on which request of the run it is for, and on nothing else.

export interface Random {
  /** An integer from 0 up to, and without, the bound. */
  below(bound: number): number;
  chance(probability: number): boolean;
  /** @throws where there is nothing to pick from. */
  pick<T>(items: readonly T[]): T;
}

/** Mixes 32 bits well enough that neighbouring seeds have nothing in common (the finalizer of MurmurHash3). */
function mixed(bits: number): number {
  let hash = bits >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Mulberry32, started from the seed and the request's number. */
export function makeRandom(seed: number, request: number): Random {
  let state = mixed(mixed(seed) + request);
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let drawn = Math.imul(state ^ (state >>> 15), state | 1);
    drawn ^= drawn + Math.imul(drawn ^ (drawn >>> 7), drawn | 61);
    return ((drawn ^ (drawn >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    below,
    chance: (probability) => next() < probability,
    pick(items) {
      const [picked] = items.slice(below(items.length)).slice(0, 1);
      if (picked === undefined) throw new Error('there is nothing to pick from');
      return picked;
    },
  };
}
