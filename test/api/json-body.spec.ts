import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJsonBody } from '../../src/api/json-body.ts';
import { RefusedRequest } from '../../src/api/problems.ts';

const parse = (text: string): unknown => parseJsonBody(new TextEncoder().encode(text));

test('reads whatever JSON says', () => {
  const withoutPrototypes = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'));
  fc.assert(
    fc.property(withoutPrototypes, (value) => {
      expect(parse(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('numbers that a double keeps are kept, however they are spelled', () => {
  expect(parse('[0, -0.0, 1.50, 1e2, 1E+2, 0.1, -9007199254740991, 5e-324, 100000000000000000000000]')).toEqual([
    0, -0, 1.5, 100, 100, 0.1, -9007199254740991, 5e-324, 1e23,
  ]);
});

test('no text is no value', () => expect(parse('')).toBeUndefined());

test('the same name in two objects is no repetition', () => {
  expect(parse('[{"a":1,"b":{"a":2}},{"a":3}]')).toEqual([{ a: 1, b: { a: 2 } }, { a: 3 }]);
});

test('what looks like a name inside a text is none', () => {
  expect(parse('{"a":"{\\"a\\":1,\\"a\\":2}","b":["a","a"]}')).toEqual({ a: '{"a":1,"a":2}', b: ['a', 'a'] });
});

test.each([
  ['cut off', '{"a":'],
  ['only space', ' '],
  ['single quotes', "{'a':1}"],
  ['a byte order mark', '\uFEFF{}'],
  ['a name twice', '{"amount":"1.00","amount":"2.00"}'],
  ['a name twice, once escaped', '{"amount":"1.00","\\u0061mount":"2.00"}'],
  ['a name twice, deep inside', '{"a":[{"b":{"c":1,"d":[],"c":2}}]}'],
  ['a name twice, with space before the colon', '{"a" :1,"a"\n:2}'],
  ['__proto__', '{"__proto__":{"amount":"1"}}'],
  ['__proto__, escaped', '{"\\u005f_proto__":1}'],
  ['a whole number that a double rounds', '{"a":12345678901234567890}'],
  ['2^53 + 1', '[9007199254740993]'],
  ['a fraction that a double rounds', '[0.12345678901234567890]'],
  ['a number beyond every double', '{"a":1e400}'],
  ['a number too small for any double', '[1e-400]'],
  ['arrays nested deeper than 64', `${'['.repeat(65)}${']'.repeat(65)}`],
  ['objects nested deeper than 64', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`],
])('is refused: %s', (_what, text) => {
  expect(() => parse(text)).toThrow(RefusedRequest);
});

test('as many brackets as one likes side by side, and 64 levels of them', () => {
  const text = `[${'[],{},'.repeat(1000)}"${'['.repeat(100)}",${'['.repeat(63)}${']'.repeat(63)}]`;
  expect(parse(text)).toEqual(JSON.parse(text));
});

test('bytes that are no UTF-8 are refused', () => {
  expect(() => parseJsonBody(Uint8Array.of(0x22, 0xff, 0x22))).toThrow('not UTF-8');
});
