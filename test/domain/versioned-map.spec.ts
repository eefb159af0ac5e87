import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { versionedMap } from '../../src/domain/versioned-map.ts';

const key = fc.integer({ min: 0, max: 5 });
/** A new version made of one of those there are: which, and what changes in it. */
const change = fc.record({ of: fc.nat(), key, value: fc.option(fc.integer(), { nil: undefined }) });
/** Which version is looked at, again and again. */
const looks = fc.array(fc.nat(), { maxLength: 20 });

describe('a versioned map', () => {
  it('is what a copied map would be, whichever version is read and in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.integer())), fc.array(fc.tuple(change, looks), { maxLength: 30 }), (first, steps) => {
        const versions = [{ map: versionedMap(first), copy: new Map(first) }];
        const version = (n: number) => versions[n % versions.length] ?? expect.unreachable();
        for (const [{ of, key, value }, seen] of steps) {
          const { map, copy } = version(of);
          const next = new Map(copy);
          if (value === undefined) next.delete(key);
          else next.set(key, value);
          versions.push({ map: map.changed(key, value), copy: next });
          for (const n of seen) {
            const { map: looked, copy: expected } = version(n);
            expect(looked.size).toBe(expected.size);
            expect(new Map(looked)).toEqual(expected);
            for (let at = 0; at <= 5; at += 1) expect([looked.has(at), looked.get(at)]).toEqual([expected.has(at), expected.get(at)]);
          }
        }
      }),
    );
  });

  it('can be walked through while others are read', () => {
    const one = versionedMap([
      ['a', 1],
      ['b', 2],
    ]);
    const other = one.changed('a', undefined).changed('c', 3);
    const seen: unknown[] = [];
    one.forEach((value, name) => {
      seen.push([name, value, other.size, [...other.keys()].toSorted()]);
    });
    for (const [name, value] of one) seen.push([name, value, other.has('a'), one.has('a')]);
    expect(seen.toSorted()).toEqual(
      [
        ['a', 1, 2, ['b', 'c']],
        ['b', 2, 2, ['b', 'c']],
        ['a', 1, false, true],
        ['b', 2, false, true],
      ].toSorted(),
    );
    expect([...one.values()].toSorted()).toEqual([1, 2]);
    expect([...one.entries()].length).toBe(2);
  });

  it('equals one with the same entries, and no other', () => {
    const built = versionedMap([['a', 1]]).changed('b', 2);
    expect(built).toEqual(
      versionedMap([
        ['b', 2],
        ['a', 1],
      ]),
    );
    expect(built).not.toEqual(versionedMap([['a', 1]]).changed('b', 3));
    expect(built).not.toEqual(versionedMap([['a', 1]]));
  });
});
