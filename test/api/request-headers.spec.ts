import { describe, expect, test } from 'vitest';
import { RefusedRequest } from '../../src/api/problems.ts';
import {
  idempotencyKeyOf,
  ifMatchOf,
  isNoneMatchHit,
  preferenceApplied,
  preferenceOf,
  requestIdFrom,
  traceparentOf,
} from '../../src/api/request-headers.ts';

type Raw = readonly (readonly [name: string, value: string])[];
/** A request with these headers, joined as Node joins repeated ones. */
const requestWith = (...lines: Raw) => {
  const headers: Record<string, string> = {};
  for (const [name, value] of lines) headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  return { headers, raw: { rawHeaders: lines.flat() } };
};
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof RefusedRequest) return error.refusal.code;
    throw error;
  }
  return 'none';
};

describe('Idempotency-Key', () => {
  const keyOf = (required: boolean, ...lines: Raw) => idempotencyKeyOf(requestWith(...lines), { required });

  test.each(['a', ' ~!"', '"quoted"', 'x'.repeat(255)])('is taken as it stands: %j', (key) => {
    expect(keyOf(true, ['idempotency-key', key])).toBe(key);
  });
  test.each([
    ['missing', true, [], 'idempotency_key_missing'],
    ['empty', true, [['idempotency-key', '']], 'idempotency_key_missing'],
    ['empty where none is needed', false, [['idempotency-key', '']], 'idempotency_key_missing'],
    ['too long', true, [['idempotency-key', 'x'.repeat(256)]], 'malformed_request'],
    ['not ASCII', true, [['idempotency-key', 'café']], 'malformed_request'],
    ['a control character', true, [['idempotency-key', 'a\tb']], 'malformed_request'],
    ["the ledger's own", true, [['idempotency-key', 'sys:expiry']], 'malformed_request'],
    [
      'twice',
      true,
      [
        ['idempotency-key', 'a'],
        ['idempotency-key', 'a'],
      ],
      'malformed_request',
    ],
  ] as const)('%s', (_what, required, lines, code) => {
    expect(codeOf(() => keyOf(required, ...lines))).toBe(code);
  });
  test('one is made where none is needed, another every time', () => {
    expect(keyOf(false)).not.toBe(keyOf(false));
  });
});

describe('If-Match', () => {
  test('names one revision', () => expect(ifMatchOf(requestWith(['if-match', '"12"']))).toBe(12n));
  test.each([[[]], [[['if-match', '*']]]] as const)('asks for none: %j', (lines) => {
    expect(ifMatchOf(requestWith(...lines))).toBeUndefined();
  });
  test.each(['12', 'W/"12"', '"012"', '"1", "2"', '""', '"-1"', '"1.5"', '"twelve"', `"${'9'.repeat(30)}"`])('is refused: %s', (value) => {
    expect(codeOf(() => ifMatchOf(requestWith(['if-match', value])))).toBe('malformed_request');
  });
  test('may stand once', () => {
    expect(codeOf(() => ifMatchOf(requestWith(['if-match', '"1"'], ['if-match', '"1"'])))).toBe('malformed_request');
  });
});

test.each([
  ['"12"', true],
  ['W/"12"', true],
  ['"11", "12"', true],
  ['*', true],
  ['"11"', false],
  ['12', false],
  [undefined, false],
])('If-None-Match %s against revision 12: %s', (header, hit) => {
  expect(isNoneMatchHit(header, '"12"')).toBe(hit);
});

test.each([
  [undefined, {}, undefined],
  ['respond-async', { isAsync: true }, 'respond-async'],
  ['wait=5', { waitMs: 5000 }, 'wait=5'],
  ['Respond-Async, WAIT="10"', { isAsync: true, waitMs: 10_000 }, 'respond-async, wait=10'],
  ['handling=lenient; a=b, respond-async; foo', { isAsync: true }, 'respond-async'],
  ['wait=1, wait=9', { waitMs: 1000 }, 'wait=1'],
  ['wait=soon, wait=-1', {}, undefined],
  ['wait=1.5', {}, undefined],
  ['return=minimal', {}, undefined],
])('Prefer: %s', (header, preference, applied) => {
  const read = preferenceOf(requestWith(...(header === undefined ? [] : [['prefer', header] as const])));
  expect(read).toEqual(preference);
  expect(preferenceApplied(read)).toBe(applied);
});

test('a request id is taken where it is fit to be logged', () => {
  expect(requestIdFrom('req-1')).toBe('req-1');
  for (const unfit of [undefined, '', 'two words', 'x'.repeat(129), ['a', 'b']]) expect(requestIdFrom(unfit)).toMatch(/^[0-9a-f-]{36}$/);
});

test('a trace context is taken where it is one', () => {
  const good = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  expect(traceparentOf(requestWith(['traceparent', good]))).toBe(good);
  for (const bad of ['', 'garbage', good.replace('4bf9', '4BF9'), `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, good.replace(/^00/, 'ff')])
    expect(traceparentOf(requestWith(['traceparent', bad]))).toBeUndefined();
});
