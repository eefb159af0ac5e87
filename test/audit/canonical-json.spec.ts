import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson } from '../../src/audit/canonical-json.ts';

it('is what the package canonicalize makes of the same value (RFC 8785)', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 }), (value) => {
      const parsed: unknown = JSON.parse(JSON.stringify(value));
      expect(canonicalJson(parsed)).toBe(canonicalize(parsed));
    }),
    { numRuns: 2_000 },
  );
});

it('is the example of RFC 8785, section 3.2.3', () => {
  const value: unknown = JSON.parse(
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
  );
  expect(canonicalJson(value)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

it('orders names by UTF-16 code units, and takes those that JavaScript has a meaning for', () => {
  const text = '{"\\ud83d\\ude00":1,"\\ufb33":2,"__proto__":{"b":1,"a":2},"10":3,"9":4,"constructor":5}';
  expect(canonicalJson(JSON.parse(text))).toBe('{"10":3,"9":4,"__proto__":{"a":2,"b":1},"constructor":5,"😀":1,"\ufb33":2}');
});

it('has a text for half characters, and no two values have one text', () => {
  expect(canonicalJson('\ud800')).toBe('"\\ud800"');
  expect(canonicalJson('\ud800')).not.toBe(canonicalJson('\ufffd'));
  expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  for (const none of [undefined, 1n, Number.NaN, Number.POSITIVE_INFINITY, () => 1]) expect(() => canonicalJson(none)).toThrow(TypeError);
});
