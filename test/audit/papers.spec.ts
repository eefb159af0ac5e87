import { expect, it } from 'vitest';
import { openPapers } from '../../src/audit/verify/papers.ts';

/** Enough that most of it is in the file, not in memory. */
const KEYS = 20_000;
const OPERATIONS = 150_000;

/** A number below `end`, the next of a fixed sequence. */
function makeBelow(): (end: number) => number {
  let state = 1;
  return (end) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
}

it('a shelf is what a map would be, in the order of the keys’ bytes', () => {
  const papers = openPapers();
  const shelf = papers.shelf<{ readonly n: number }>();
  const map = new Map<string, { readonly n: number }>();
  const below = makeBelow();
  for (let n = 0; n < OPERATIONS; n += 1) {
    // Some keys are asked for often, most of them seldom.
    const key = `k${below(2) === 0 ? below(50) : below(KEYS)}`;
    const operation = below(3);
    const before = map.get(key);
    if (operation === 0) expect(shelf.get(key)).toEqual(before);
    else if (operation === 1) {
      shelf.put(key, { n });
      map.set(key, { n });
    } else {
      expect(shelf.add(key, { n })).toEqual(before);
      if (before === undefined) map.set(key, { n });
    }
    if (n === OPERATIONS / 2) expect([...shelf.entries()]).toHaveLength(map.size);
  }
  expect([...shelf.entries()]).toEqual([...map].sort(([one], [other]) => (one < other ? -1 : 1)));
  papers.close();
});

it('keys beyond ASCII are in the order of their UTF-8, as Postgres has them', () => {
  const papers = openPapers();
  const shelf = papers.shelf<{ readonly n: number }>();
  const heap = papers.heap<{ readonly n: number }>();
  for (const [n, key] of ['😀', '\uffee', 'é', 'z', ''].entries()) {
    shelf.put(key, { n });
    heap.add(key, { n });
  }
  expect([...shelf.entries()].map(([key]) => key)).toEqual(['', 'z', 'é', '\uffee', '😀']);
  expect([...heap.sorted()].map(([key]) => key)).toEqual(['', 'z', 'é', '\uffee', '😀']);
  papers.close();
});

it('a heap keeps what has the same key, in the order in which it came', () => {
  const papers = openPapers();
  const heap = papers.heap<{ readonly n: number }>();
  for (const [n, key] of ['b', 'a', 'b'].entries()) heap.add(key, { n });
  expect([...heap.sorted()]).toEqual([
    ['a', { n: 1 }],
    ['b', { n: 0 }],
    ['b', { n: 2 }],
  ]);
  papers.close();
});
