// One exchange over a socket: any bytes there, and whatever comes back, read as HTTP/1.1 by nothing but this file.
import { connect } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
export interface Exchange {
  readonly answers: readonly HttpAnswer[];
  /** `silent`: the server neither answered nor closed. */
  readonly ending: 'answered' | 'closed' | 'silent';
  /** What came that is no answer. */
  readonly rest: Buffer;
}

/** Longer than any time limit of the server; it only ends a hang. */
const DEADLINE_MS = 60_000;
const HEAD_END = Buffer.from('\r\n\r\n');

interface Read {
  readonly answer: HttpAnswer;
  readonly rest: Buffer;
}

/** The first answer in the bytes; undefined where it is not whole. */
function readAnswer(bytes: Buffer, isToHead: boolean, isEnded: boolean): Read | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const [line = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
  if (Number.isNaN(status)) return undefined;
  const headers = Object.fromEntries(
    lines.map((text) => [text.slice(0, text.indexOf(':')).toLowerCase(), text.slice(text.indexOf(':') + 1).trim()]),
  );
  const after = bytes.subarray(end + HEAD_END.length);
  const isBare = isToHead || status < 200 || status === 204 || status === 304;
  const read = isBare ? { body: Buffer.alloc(0), rest: after } : readBody(after, headers, isEnded);
  return read && { answer: { status, headers, body: read.body }, rest: read.rest };
}

function readBody(after: Buffer, headers: HttpAnswer['headers'], isEnded: boolean): { body: Buffer; rest: Buffer } | undefined {
  if (headers['transfer-encoding'] === 'chunked') return readChunks(after);
  const length = headers['content-length'];
  if (length === undefined) return isEnded ? { body: after, rest: Buffer.alloc(0) } : undefined;
  const size = Number(length);
  return after.length < size ? undefined : { body: after.subarray(0, size), rest: after.subarray(size) };
}

function readChunks(bytes: Buffer): { body: Buffer; rest: Buffer } | undefined {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    if (bytes.length < end + 2 + size + 2) return undefined;
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
    if (size === 0) return { body: Buffer.concat(chunks), rest: bytes.subarray(at) };
  }
}

function readAnswers(bytes: Buffer, isToHead: boolean, isEnded: boolean): Pick<Exchange, 'answers' | 'rest'> {
  const answers: HttpAnswer[] = [];
  let rest = bytes;
  for (
    let read = readAnswer(rest, isToHead, isEnded);
    read !== undefined;
    read = readAnswer(rest, isToHead && answers.length === 0, isEnded)
  ) {
    rest = read.rest;
    // 1xx: the answer is still to come.
    if (read.answer.status >= 200) answers.push(read.answer);
  }
  return { answers, rest };
}

export interface Sending {
  readonly isToHead: boolean;
  /** Closes its half of the connection behind the bytes. */
  readonly isIncomplete: boolean;
}

/** Sends the bytes over a connection of their own, and reads until the answer is whole or the server closes. */
export function exchange(port: number, bytes: Buffer, { isToHead, isIncomplete }: Sending): Promise<Exchange> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const deadline = setTimeout(() => done('silent'), DEADLINE_MS);
    const done = (ending: Exchange['ending']): void => {
      clearTimeout(deadline);
      socket.destroy();
      const read = readAnswers(Buffer.concat(received), isToHead, true);
      resolve({ ...read, ending: ending === 'closed' && read.answers.length > 0 ? 'answered' : ending });
    };
    socket.on('data', (chunk) => {
      received.push(chunk);
      const { answers, rest } = readAnswers(Buffer.concat(received), isToHead, false);
      const last = answers.at(-1);
      // Who says that the connection closes is given the time to do so.
      if (last !== undefined && rest.length === 0 && last.headers['connection'] !== 'close') done('answered');
    });
    // A server that refuses a request may close before it was sent whole; what it answered is read all the same.
    socket.on('error', () => {});
    socket.on('close', () => done('closed'));
    if (isIncomplete) socket.end(bytes);
    else socket.write(bytes);
  });
}
