// What is done to the head of a request: its method, its target, its headers.
import type { Bend } from './bend-bodies.ts';
import type { Draft, Pair } from './draft.ts';
import { asBytes, pathOf, percentEncoded, targetOf } from './draft.ts';
import { ODD_AMOUNTS, ODD_COUNTS, ODD_IDS, ODD_TEXTS, ODD_TIMES, PROTOTYPE_NAMES } from './odd-values.ts';
import type { Random } from './random.ts';

const METHODS = [
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'PUT',
  'DELETE',
  'POST',
  'PROPFIND',
  'QUERY',
  'LINK',
  'MKCOL',
  'BREW',
  'get',
  'G ET',
];

/** What a header may hold: no line ends here, those are for frames. */
const headerText = (text: string): string => asBytes(text.replaceAll(/[\r\n]/g, ' '));
const withHeader = (draft: Draft, ...more: readonly Pair[]): Draft => ({ ...draft, headers: [...draft.headers, ...more] });
const instead = (draft: Draft, name: string, value: string): Draft => ({
  ...draft,
  headers: [...draft.headers.filter(([header]) => header.toLowerCase() !== name.toLowerCase()), [name, value]],
});
const chosen =
  (name: string, values: readonly string[]): Bend =>
  (draft, random) =>
    instead(draft, name, headerText(random.pick(values)));

const ODD_KEYS = [
  '',
  ' ',
  'sys:expire-1',
  'SYS:x',
  ' sys:x',
  'x'.repeat(255),
  'x'.repeat(256),
  'x'.repeat(5_000),
  'é',
  '\u0000',
  'a\tb',
  ...PROTOTYPE_NAMES,
  '"quoted"',
  "';--",
];
const ODD_TAGS = [
  '*',
  '"0"',
  '"1"',
  'W/"1"',
  '"-1"',
  '"1", "2"',
  '""',
  '"',
  '"9223372036854775807"',
  '"9999999999999999999"',
  '"１"',
  '"1e1"',
  'x'.repeat(2_000),
];
const ODD_TOKENS = [
  'Bearer',
  'Bearer ',
  'Bearer null',
  'Bearer a.b.c',
  'Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoib3BlcmF0b3IifQ.',
  `Bearer ${'a'.repeat(10_000)}`,
  'Bearer é',
  'Basic b3BlcmF0b3I6b3BlcmF0b3I=',
  'Basic JXp6OiU=', // %zz:%
  'Basic bm8gY29sb24=',
  'Basic //79',
  'Basic',
  'Digest username="a"',
  'Test operator:x',
  'bearer\tx',
  '',
];
const ODD_TYPES = [
  '',
  'application/json; charset=utf-16',
  'application/json; charset="utf-8"',
  'application/json; charset=UTF-7',
  'application/json;;;',
  'application/json, text/plain',
  'application/JSON',
  'application/vnd.api+json',
  'text/plain',
  'text/json',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application/xml',
  '*/*',
  '/',
  'é/é',
  'x'.repeat(4_000),
];
const TRICKS: readonly Pair[] = [
  ['X-HTTP-Method-Override', 'DELETE'],
  ['X-HTTP-Method', 'GET'],
  ['X-Original-URL', '/v1/statistics'],
  ['X-Rewrite-URL', '/health/live'],
  ['X-Forwarded-For', "127.0.0.1, ::1, unknown, '"],
  ['X-Forwarded-Host', 'evil.test'],
  ['X-Forwarded-Proto', 'javascript'],
  ['X-Forwarded-Prefix', '/../'],
  ['Forwarded', 'for=127.0.0.1;by="_x"'],
  ['X-Real-IP', '0.0.0.0'],
  ['X-Actor', '0d0e7e10-9e5e-4c0b-8f00-1edce7f01d00'],
  ['X-Request-Id', '../../x'],
  ['X-Request-Id', 'y'.repeat(3_000)],
  ['Traceparent', '00-zz-zz-01'],
  ['Traceparent', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`],
  ['Tracestate', '='.repeat(2_000)],
  ['Range', 'bytes=0-0'],
  ['Range', 'bytes=-1,0-99999999999999999999'],
  ['If-Range', '"1"'],
  ['If-Modified-Since', 'yesterday'],
  ['If-Unmodified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ['Expect', '100-continue'],
  ['Expect', '200-ok'],
  ['TE', 'trailers, deflate;q=0.5'],
  ['Trailer', 'Authorization'],
  ['Upgrade', 'websocket'],
  ['Upgrade', 'h2c'],
  ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
  ['Connection', 'close, Authorization, Idempotency-Key'],
  ['Connection', 'upgrade'],
  ['Keep-Alive', 'timeout=-1'],
  ['Accept', 'text/html;q=NaN, */*;q=-1'],
  ['Accept', 'x'.repeat(3_000)],
  ['Accept-Encoding', 'gzip;q=9, *;q=0'],
  ['Accept-Language', '*'.repeat(1_000)],
  ['Cookie', 'refresh_token=; refresh_token=%00; __proto__=1; =;;;'],
  ['Cookie', 'refresh_token="%ff%fe"; a=%zz'],
  ['Origin', 'null'],
  ['Origin', 'https://evil.test'],
  ['Access-Control-Request-Method', 'DELETE'],
  ['Access-Control-Request-Headers', 'x, y, é'],
  ['Referer', 'javascript:alert(1)'],
  ['User-Agent', '\u0001\u0002'],
  ['Prefer', 'respond-async, wait=99999999999999999999'],
  ['Prefer', 'wait="-1"; ;=,,='],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['Content-MD5', '!'],
  ['Host', ''],
  ['Host', 'a b'],
  ['Host', 'evil.test:99999999'],
];

export const HEADER_BENDS: Readonly<Record<string, Bend>> = {
  'odd key': chosen('Idempotency-Key', ODD_KEYS),
  'no key': (draft) => ({ ...draft, headers: draft.headers.filter(([name]) => name !== 'Idempotency-Key') }),
  'odd If-Match': chosen('If-Match', ODD_TAGS),
  'odd If-None-Match': chosen('If-None-Match', ODD_TAGS),
  'odd credentials': chosen('Authorization', ODD_TOKENS),
  'credentials bent': (draft, random) => {
    const { authorization = '' } = draft.asker;
    const at = random.below(authorization.length + 1);
    return instead(
      draft,
      'Authorization',
      `${authorization.slice(0, at)}${random.pick(['A', '.', '=', ' ', ''])}${authorization.slice(at + 1)}`,
    );
  },
  'odd media type': chosen('Content-Type', ODD_TYPES),
  'a trick': (draft, random) => {
    const [name, value] = random.pick(TRICKS);
    return withHeader(draft, [name, headerText(value)]);
  },
  'an odd value in any header': (draft, random) => {
    const names = [...draft.headers.map(([name]) => name), 'X-Request-Id', 'Prefer', 'Accept', 'Cookie', 'Origin', 'X-Forwarded-For'];
    return instead(draft, random.pick(names), headerText(random.pick(ODD_TEXTS)));
  },
  'odd bytes in a header': (draft, random) =>
    withHeader(draft, [
      random.pick(['X-Odd', 'Cookie', 'Prefer', 'Idempotency-Key']),
      String.fromCharCode(1 + random.below(255))
        .replace(/[\r\n]/, '\u0001')
        .repeat(3),
    ]),
  'a header twice': (draft, random) => {
    const again = draft.headers.length === 0 ? (['X-Request-Id', 'a'] as const) : random.pick(draft.headers);
    return withHeader(draft, ['X-Request-Id', 'first'], again);
  },
  'a header twice, and different': (draft, random) =>
    withHeader(
      draft,
      random.pick<Pair>([
        ['Authorization', 'Bearer a.b.c'],
        ['Idempotency-Key', 'another'],
        ['Content-Type', 'text/plain'],
        ['If-Match', '"0"'],
        ['X-Request-Id', 'another'],
      ]),
    ),
  'another method': (draft, random) => ({ ...draft, method: random.pick(METHODS) }),
  CONNECT: (draft) => ({ ...draft, method: 'CONNECT', target: 'evil.test:443', mayBeCut: true }),
};

const oddText = (random: Random): string =>
  random.pick([ODD_TEXTS, ODD_IDS, ODD_AMOUNTS, ODD_TIMES, ODD_COUNTS].map((texts) => random.pick(texts)));
const RAW_SEGMENTS = [
  '%',
  '%z',
  '%00',
  '%c0%af',
  '%ed%a0%80',
  '%ff',
  '%252e%252e',
  '%2e%2e',
  '..',
  '.',
  '%2F',
  '%5C',
  ';a=b',
  '*',
  ':id',
  '{accountId}',
  '%u0041',
  '+',
  ' ',
  '\u00ff',
  'a'.repeat(1_025),
  'a'.repeat(9_000),
];
const PATHS = [
  '/',
  '/v1',
  '/v1/',
  '//',
  '/v1//accounts',
  '/./v1/accounts',
  '/v1/../v1/accounts',
  '/V1/Accounts',
  '/v1/accounts/',
  '/v1/accounts;x',
  '/v1/accounts%20',
  '/health/live',
  '/health/ready',
  '/metrics',
  '/openapi.json',
  '/asyncapi.json',
  '/.well-known/jwks.json',
  '/docs',
  '/docs/',
  '/docs/json',
  '/docs/yaml',
  '/docs/static/index.html',
  '/docs/static/../../../package.json',
  '/docs/static/%2e%2e%2f%2e%2e%2fpackage.json',
  '/docs/static/..%5c..%5cpackage.json',
  '/docs/static/%00',
  '/docs/static/',
  '/docs/static/a%zz',
  '/problems',
  '/problems/',
  '/problems/insufficient-funds',
  '/problems/__proto__',
  '/problems/constructor',
  '/problems/%00',
  '/favicon.ico',
  '/.env',
  '/%',
  '/%zz',
  '/%00',
  '/\u00ff',
  '/?',
  '/??',
  '/#',
  '/v1/accounts?__proto__',
  '/v1/accounts?%',
  '/v1/accounts?&&==',
  `/${'a/'.repeat(3_000)}`,
  `/${'%41'.repeat(4_000)}`,
  `/v1/accounts?${'a=1&'.repeat(3_000)}`,
  `/${'x'.repeat(20_000)}`,
];
const changedQuery = (draft: Draft, random: Random, change: (pair: Pair) => readonly Pair[]): Draft => {
  const asked = draft.operation.parameters.filter((parameter) => parameter.in === 'query').map(({ name }): Pair => [name, '1']);
  const pairs =
    draft.query.length > 0 && random.chance(0.5)
      ? draft.query
      : [...draft.query, ...asked.slice(random.below(asked.length + 1)).slice(0, 1)];
  if (pairs.length === 0) return draft;
  const meant = random.pick(pairs);
  return { ...draft, query: pairs.flatMap((pair) => (pair === meant ? change(pair) : [pair])) };
};

export const TARGET_BENDS: Readonly<Record<string, Bend>> = {
  'odd path parameter': (draft, random) => bentParam(draft, random, () => percentEncoded(oddText(random))),
  'raw path parameter': (draft, random) => bentParam(draft, random, () => random.pick(RAW_SEGMENTS)),
  'doubly encoded': (draft, random) => bentParam(draft, random, (text) => percentEncoded(percentEncoded(text).replaceAll('-', '%2D'))),
  'needlessly encoded': (draft, random) =>
    bentParam(draft, random, (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('')),
  'odd query value': (draft, random) => changedQuery(draft, random, ([name]) => [[name, percentEncoded(oddText(random))]]),
  'raw query value': (draft, random) => changedQuery(draft, random, ([name]) => [[name, random.pick(RAW_SEGMENTS)]]),
  'query value bent': (draft, random) =>
    changedQuery(draft, random, ([name, value]) => {
      const at = random.below(value.length + 1);
      return [[name, `${value.slice(0, at)}${random.pick(['A', '0', '%00', '=', '_', ''])}${value.slice(at + 1)}`]];
    }),
  'query value twice': (draft, random) => changedQuery(draft, random, (pair) => [pair, pair]),
  'query as an array': (draft, random) => changedQuery(draft, random, ([name, value]) => [[`${name}[]`, value]]),
  'query as an object': (draft, random) =>
    changedQuery(draft, random, ([name, value]) => [[`${name}[${random.pick(PROTOTYPE_NAMES)}]`, value]]),
  'a query value too many': (draft, random) => ({
    ...draft,
    query: [...draft.query, [percentEncoded(random.pick(ODD_TEXTS)), random.pick(['', '1', '%00'])]],
  }),
  'another path': (draft, random) => ({ ...draft, target: random.pick(PATHS) }),
  'an absolute target': (draft, random) => ({
    ...draft,
    target: `${random.pick(['http://evil.test', 'https://u:p@evil.test:1', 'ftp://x', 'http://', 'http:'])}${targetOf(draft)}`,
  }),
  'an odd target': (draft, random) => ({
    ...draft,
    target: random.pick([
      '*',
      'v1/accounts',
      '?',
      '#',
      '\\v1\\accounts',
      `//evil.test${pathOf(draft)}`,
      '/ HTTP/1.1',
      `${pathOf(draft)}#a`,
      `${pathOf(draft)}/`,
      `/${pathOf(draft)}`,
      `${pathOf(draft)}/..`,
    ]),
  }),
};

function bentParam(draft: Draft, random: Random, change: (value: string) => string): Draft {
  const names = Object.keys(draft.params);
  if (names.length === 0) return draft;
  const name = random.pick(names);
  return { ...draft, params: { ...draft.params, [name]: change(draft.params[name] ?? '') } };
}
