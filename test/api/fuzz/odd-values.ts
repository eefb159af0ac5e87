// Values that break programs, by what they pretend to be.
import type { JsonTree } from './json-text.ts';
import { rawJson } from './json-text.ts';

export const PROTOTYPE_NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];

const UNICODE = [
  '\u202egnp.exe', // right to left
  'e\u0301'.repeat(20), // combining
  'Z\u0351\u036b\u0343\u036a\u0302',
  '👩‍👩‍👧‍👦',
  '１２３', // full-width digits
  '٣٤', // Arabic-Indic digits
  'ﬀİıſ', // what changes its length with its case
  '\ufeff',
  '\u200b',
  '\u2028',
  '\uffff',
  '𝟙𝟚',
];
const BROKEN = ['\u0000', 'a\u0000b', '\ud800', '\udfff\ud800', '\u0007', '\u001b[31m', '\r\nSet-Cookie: a=b', '\u0085', '\u007f'];
const CODE = [
  "'; DROP TABLE accounts; --",
  "' OR '1'='1",
  '<script>alert(1)</script>',
  `\${7*7}{{7*7}}`,
  '../../../etc/passwd',
  '%00',
  '%25%32%66',
  '$1',
  '{}',
  '[]',
  '\\',
  '"',
];
const WORDS = ['', ' ', ' USD ', 'null', 'undefined', 'NaN', 'Infinity', 'true', 'sys:expire', '@world', '@transit', 'account-', 'usd'];
/** As long as a limit that the contract knows, and one more. */
export const LENGTHS = [1, 2, 8, 63, 64, 65, 100, 101, 128, 129, 255, 256, 500, 501, 1024, 2048, 2049, 4096, 4097, 20_000];

/** Anything where a text is expected. */
export const ODD_TEXTS: readonly string[] = [...UNICODE, ...BROKEN, ...CODE, ...WORDS, ...PROTOTYPE_NAMES];

export const ODD_AMOUNTS: readonly string[] = [
  '0',
  '-0',
  '+0',
  '0.00',
  '-1',
  '+1',
  '00.1',
  '01',
  '.5',
  '5.',
  '1.0',
  '1e3',
  '1E-3',
  '1,000',
  '0x10',
  '1_000',
  ' 1',
  '1\n',
  '1\u0000',
  '１',
  '١',
  'NaN',
  '-Infinity',
  '9'.repeat(30),
  '9'.repeat(60),
  '9'.repeat(61),
  `${'9'.repeat(42)}.${'9'.repeat(18)}`,
  `0.${'0'.repeat(17)}1`,
  `0.${'0'.repeat(18)}1`,
  '9007199254740993',
  '1'.repeat(81),
  '1'.repeat(10_000),
];

export const ODD_TIMES: readonly string[] = [
  '0000-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '9999-12-31T23:59:59.999999999999Z',
  '+010000-01-01T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  '2016-12-31T23:59:60Z', // a leap second
  '2026-01-31T24:00:00Z',
  '2026-02-30T00:00:00Z',
  '2024-02-29T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '2026-01-31T12:00:00+14:00',
  '2026-01-31T12:00:00-00:00',
  '2026-01-31T12:00:00',
  '2026-01-31t12:00:00z',
  '2026-01-31',
  '2026-01-31 12:00:00Z',
  '20260131T120000Z',
  '1970-01-01T00:00:00Z',
  '294276-12-31T00:00:00Z',
  'now',
  'infinity',
  'epoch',
  '0',
  '1767225600000',
  `2026-01-31T12:00:00.${'0'.repeat(3000)}Z`,
];

export const ODD_IDS: readonly string[] = [
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'FFFFFFFF-FFFF-4FFF-8FFF-FFFFFFFFFFFF',
  '00000000-0000-9000-8000-000000000000',
  '{7c9e6679-7425-40de-944b-e07fc1f90ae7}',
  '7c9e6679742540de944be07fc1f90ae7',
  'urn:uuid:7c9e6679-7425-40de-944b-e07fc1f90ae7',
  '7c9e6679-7425-40de-944b-e07fc1f90ae',
  '7c9e6679-7425-40de-944b-e07fc1f90ae7 ',
  '7c9e6679-7425-40de-944b-e07fc1f90ae７',
];

/** Counters, limits and the like, as texts. */
export const ODD_COUNTS: readonly string[] = [
  '-1',
  '0',
  '00',
  '1.5',
  '1e2',
  '0x10',
  '201',
  '2147483648',
  '9007199254740993',
  '9223372036854775808',
  'NaN',
  '１',
  '',
];

/** Numbers that JSON can spell and a double cannot keep, or that are none. */
const SPELT = ['1e400', '-1e400', '-0', '1.0', '1e-400', '123456789012345678901234567890', '0.1e1', '1E+2', 'NaN', '-', '01', '.5', '0x10'];

/** Anything where anything is expected, of any type. */
export const ODD_TREES: readonly JsonTree[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 53,
  Number.MAX_VALUE,
  [],
  {},
  [[]],
  [null],
  ['USD'],
  { length: 1 },
  { $ne: null },
  { toString: 'x', valueOf: 'y' },
  rawJson('{"then":"x"}'),
  { toJSON: 'x' },
  Array.from({ length: 2_000 }, () => 1),
  ...SPELT.map(rawJson),
  rawJson('"\\ud800"'),
  rawJson('"\\u0000"'),
  rawJson('"\\x41"'),
  rawJson('{"a":1,"a":2}'),
  rawJson('{"__proto__":{"role":"operator"}}'),
  rawJson('{"\\u005f_proto__":{"role":"operator"}}'),
  rawJson('{"constructor":{"prototype":{"role":"operator"}}}'),
  rawJson(`${'['.repeat(64)}${']'.repeat(64)}`),
  rawJson(`${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`),
];
