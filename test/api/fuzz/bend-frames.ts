// What is done to the request as bytes of HTTP/1.1: what no client library would send.
import type { Bend } from './bend-bodies.ts';
import type { Draft, Pair, Parts } from './draft.ts';
import { bodyOf, headText } from './draft.ts';
import type { Random } from './random.ts';

const bytes = (head: string, body: Buffer | string): Buffer => Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]);
const isLength = ([name]: Pair): boolean => name.toLowerCase() === 'content-length';
const withoutLength = (headers: readonly Pair[]): readonly Pair[] => headers.filter((pair) => !isLength(pair));

const framedBy =
  (frame: (parts: Parts, random: Random) => Buffer, more: Partial<Draft> = {}): Bend =>
  (draft, random) => ({
    ...draft,
    ...more,
    frame: (parts) => frame(parts, random),
  });
/** Other headers that say how long the body is, instead of the right one. */
const lengths = (pairs: (length: number) => readonly Pair[], more: Partial<Draft> = {}): Bend =>
  framedBy(({ line, headers, body }) => bytes(headText(line, [...withoutLength(headers), ...pairs(body.length)]), body), more);
const headOf = (change: (head: string) => string, more: Partial<Draft> = {}): Bend =>
  framedBy(({ line, headers, body }) => bytes(change(headText(line, headers)), body), more);
const firstLine = (change: (line: string) => string, more: Partial<Draft> = {}): Bend =>
  framedBy(({ line, headers, body }) => bytes(headText(change(line), headers), body), more);

const hex = (length: number): string => length.toString(16);
const CHUNKED: Pair = ['Transfer-Encoding', 'chunked'];
const chunked = (text: (body: string) => string, more: Partial<Draft> = {}): Bend =>
  framedBy(({ line, headers, body }) => {
    return bytes(headText(line, [...withoutLength(headers), CHUNKED]), Buffer.from(text(body.toString('latin1')), 'latin1'));
  }, more);
const whole = (body: string): string => (body === '' ? '' : `${hex(body.length)}\r\n${body}\r\n`);

/** Only what has a body can have it cut off. */
const withBodyOnly =
  (bend: Bend): Bend =>
  (draft, random) =>
    (bodyOf(draft)?.length ?? 0) > 0 ? bend(draft, random) : draft;
const CUT = { isIncomplete: true, mayBeCut: true };

export const FRAME_BENDS: Readonly<Record<string, Bend>> = {
  chunked: chunked((body) => `${whole(body)}0\r\n\r\n`),
  'chunked by the byte': chunked((body) => `${[...body.slice(0, 2_000)].map(whole).join('')}${whole(body.slice(2_000))}0\r\n\r\n`),
  'chunks with extensions': chunked((body) => `${whole(body).replace('\r\n', ';a="b"\r\n')}0;x\r\n\r\n`),
  'chunks with a trailer': chunked((body) => `${whole(body)}0\r\nIdempotency-Key: trailer\r\nAuthorization: Bearer x\r\n\r\n`),
  'chunk size in signs': chunked((body) => `-1\r\n${body}\r\n0\r\n\r\n`),
  'chunk size with 0x': chunked((body) => `0x${hex(body.length)}\r\n${body}\r\n0\r\n\r\n`),
  'chunk size too large': chunked((body) => `ffffffffffffffffff\r\n${body}\r\n0\r\n\r\n`),
  'chunk longer than said': chunked((body) => `1\r\n${body}xx\r\n0\r\n\r\n`),
  'chunks without an end': withBodyOnly(chunked(whole, CUT)),
  'chunked and a length': framedBy(({ line, headers, body }) =>
    bytes(headText(line, [...headers, CHUNKED]), `${whole(body.toString('latin1'))}0\r\n\r\n`),
  ),
  'a length and chunked': lengths(() => [['Content-Length', '3'], CHUNKED]),
  'chunked twice': lengths(() => [CHUNKED, CHUNKED]),
  'odd transfer encoding': framedBy(({ line, headers, body }, random) => {
    const coding = random.pick(['identity', 'gzip, chunked', 'chunked, identity', 'xchunked', ' chunked', '\u000bchunked', 'CHUNKED', '']);
    return bytes(headText(line, [...withoutLength(headers), ['Transfer-Encoding', coding]]), `${whole(body.toString('latin1'))}0\r\n\r\n`);
  }, CUT),
  'length too large': withBodyOnly(lengths((length) => [['Content-Length', String(length + 10)]], CUT)),
  'length far too large': lengths(() => [['Content-Length', '99999999999']], CUT),
  'length too small': withBodyOnly(lengths((length) => [['Content-Length', String(length - 1)]])),
  'length that is none': framedBy(({ line, headers, body }, random) => {
    const length = random.pick(['-1', '+1', '0x10', '1e1', '', 'abc', '1, 1', '1 1', '18446744073709551616', '１', '00']);
    return bytes(headText(line, [...withoutLength(headers), ['Content-Length', length]]), body);
  }, CUT),
  'two lengths': lengths((length) => [
    ['Content-Length', String(length)],
    ['Content-Length', String(length)],
  ]),
  'two lengths that differ': lengths(
    (length) => [
      ['Content-Length', String(length)],
      ['Content-Length', String(length + 1)],
    ],
    CUT,
  ),
  'no length': withBodyOnly(lengths(() => [])),
  'bare line feeds': headOf((head) => head.replaceAll('\r\n', '\n')),
  'bare carriage returns': headOf((head) => head.replaceAll('\r\n', '\r'), CUT),
  'a folded header': headOf((head) => head.replace('\r\n\r\n', '\r\nX-Folded: a\r\n b\r\n\r\n')),
  'a folded first header': headOf((head) => head.replace('\r\n', '\r\n X-Folded: a\r\n')),
  'a space before the colon': headOf((head) => head.replace('Connection:', 'Connection :')),
  'a header without a name': headOf((head) => head.replace('\r\n\r\n', '\r\n: a\r\n\r\n')),
  'a header without a colon': headOf((head) => head.replace('\r\n\r\n', '\r\nBroken\r\n\r\n')),
  'NUL in a header': headOf((head) => head.replace('\r\n\r\n', '\r\nX-Nul: a\u0000b\r\n\r\n')),
  'odd name of a header': headOf((head) => head.replace('\r\n\r\n', '\r\nX-\u00ff(é): a\r\n\r\n')),
  'very many headers': headOf((head) => head.replace('\r\n\r\n', `\r\n${'A: b\r\n'.repeat(2_000)}\r\n`)),
  'a very long header': headOf((head) => head.replace('\r\n\r\n', `\r\nX-Long: ${'x'.repeat(17_000)}\r\n\r\n`)),
  'no host': headOf((head) => head.replace(/Host: [^\r]*\r\n/, '')),
  'two hosts': headOf((head) => head.replace('\r\n', '\r\nHost: other.test\r\n')),
  'empty lines first': headOf((head) => `\r\n\r\n${head}`),
  'HTTP/1.0': firstLine((line) => line.replace('HTTP/1.1', 'HTTP/1.0')),
  'HTTP/1.0, kept alive': framedBy(({ line, headers, body }) =>
    bytes(
      headText(line.replace('HTTP/1.1', 'HTTP/1.0'), [...headers.filter(([name]) => name !== 'Connection'), ['Connection', 'keep-alive']]),
      body,
    ),
  ),
  'HTTP/0.9': framedBy(({ line }) => bytes(`${line.replace(' HTTP/1.1', '')}\r\n`, ''), CUT),
  'another version': framedBy(({ line, headers, body }, random) => {
    const version = random.pick(['HTTP/2.0', 'HTTP/1.2', 'HTTP/9.9', 'HTTP/11', 'HTTQ/1.1', 'http/1.1', 'RTSP/1.0', 'ICE/1.0']);
    return bytes(headText(line.replace('HTTP/1.1', version), headers), body);
  }, CUT),
  'HTTP/2': framedBy(() => bytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', Buffer.alloc(9)), CUT),
  TLS: framedBy(() => Buffer.from('16030100c8010000c40303', 'hex'), CUT),
  'head cut short': framedBy(({ line, headers }) => bytes(headText(line, headers).slice(0, -3), ''), CUT),
  nothing: framedBy(() => Buffer.alloc(0), CUT),
  noise: framedBy((_parts, random) => Buffer.from(Array.from({ length: 200 }, () => random.below(256))), CUT),
  'a second request behind': framedBy(({ line, headers, body }) =>
    bytes(headText(line, headers), Buffer.concat([body, Buffer.from('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n')])),
  ),
};
