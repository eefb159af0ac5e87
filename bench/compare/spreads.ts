// Which account the next command goes to.

/** `uniform`: any, each as likely; `zipf`: the n-th 1/n times as often as the first; `hot`: always the same. */
export const SPREADS = ['uniform', 'zipf', 'hot'] as const;
export type Spread = (typeof SPREADS)[number];

/** Numbers from 0 to below 1 that come the same from the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws the numbers of accounts, from 0 to below `accounts`. */
export function makeDraw(spread: Spread, accounts: number, seed: number): () => number {
  const random = seeded(seed);
  switch (spread) {
    case 'uniform':
      return () => Math.floor(random() * accounts);
    case 'zipf':
      return zipf(accounts, random);
    case 'hot':
      return () => 0;
  }
}

function zipf(accounts: number, random: () => number): () => number {
  const upTo = new Float64Array(accounts);
  let sum = 0;
  for (let n = 0; n < accounts; n += 1) {
    sum += 1 / (n + 1);
    upTo[n] = sum;
  }
  return () => {
    const drawn = random() * sum;
    let [low, high] = [0, accounts - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 0) > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
