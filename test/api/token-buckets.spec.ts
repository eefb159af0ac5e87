import { expect, test } from 'vitest';
import type { TokenBuckets } from '../../src/api/token-buckets.ts';
import { makeTokenBuckets } from '../../src/api/token-buckets.ts';

let nowS = 0;
const buckets = (options: { perSecond?: number; burst?: number; maxKeys?: number } = {}): TokenBuckets =>
  makeTokenBuckets({ perSecond: 2, burst: 4, maxKeys: 100, ...options, nowS: () => nowS });

/** How many of so many are let through, each charged where it is. */
function letThrough(among: TokenBuckets, key: string, count: number): number {
  let through = 0;
  for (let time = 0; time < count; time += 1) {
    if (among.waitS(key) !== undefined) continue;
    among.charge(key, 1);
    through += 1;
  }
  return through;
}

test('a burst at once, then so many a second, and never more than a burst after a rest', () => {
  const some = buckets();
  expect(letThrough(some, 'a', 10)).toBe(4);
  expect(some.waitS('a')).toBe(1);
  nowS += 1;
  expect(letThrough(some, 'a', 10)).toBe(2);
  nowS += 3600;
  expect(letThrough(some, 'a', 10)).toBe(4);
});

test('one key costs another nothing', () => {
  const some = buckets();
  letThrough(some, 'a', 10);
  expect(letThrough(some, 'b', 10)).toBe(4);
});

test('more than a bucket holds is let in once, and then owed', () => {
  const some = buckets();
  some.charge('a', 104);
  expect(some.waitS('a')).toBe(51); // 101 tokens at 2 a second
  nowS += 50;
  expect(some.waitS('a')).toBe(1);
  nowS += 0.5;
  expect(some.waitS('a')).toBeUndefined();
});

test('less than one a second', () => {
  const slow = buckets({ perSecond: 0.1, burst: 1 });
  slow.charge('a', 1);
  expect(slow.waitS('a')).toBe(10);
});

test('there are never more buckets than asked for: the one not looked at for longest is full again', () => {
  const few = buckets({ maxKeys: 2 });
  for (const key of ['a', 'b', 'c']) few.charge(key, 4);
  expect(['a', 'b', 'c'].map((key) => few.waitS(key))).toEqual([undefined, 1, 1]);
});
