// The bytes of requests. A command's are made once per client, and only the account and the key are written into them.
import { randomUUID } from 'node:crypto';

export interface Sender {
  readonly url: string;
  readonly token: string;
}

const CRLF = '\r\n';

/** The bytes of any request. */
export function requestBytes(
  { url, token }: Sender,
  method: 'GET' | 'POST',
  path: string,
  { key, body, headers = [] }: { readonly key?: string; readonly body?: object; readonly headers?: readonly string[] } = {},
): Buffer {
  const content = body === undefined ? '' : JSON.stringify(body);
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${new URL(url).host}`,
    `Authorization: Bearer ${token}`,
    ...(key === undefined ? [] : [`Idempotency-Key: ${key}`]),
    ...(body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(content)}`]),
    ...headers,
  ];
  return Buffer.from(`${head.join(CRLF)}${CRLF}${CRLF}${content}`);
}

/** What is moved, in turns: more comes in than goes out, so that nothing is ever refused. */
export const MOVEMENTS = [
  { type: 'deposit', path: 'deposits', body: { asset: 'USD', amount: '0.02' } },
  { type: 'withdraw', path: 'withdrawals', body: { asset: 'USD', amount: '0.01' } },
] as const;

const ANY_ACCOUNT = '00000000-0000-0000-0000-000000000000';
const NUMBER_DIGITS = 10;

/** The requests of one client. What is given out is good until the next one is asked for. */
export interface CommandBytes {
  /** The n-th command, to that account. No two numbers have the same key. */
  command(accountId: string, n: number): Uint8Array;
}

export function makeCommandBytes(sender: Sender, headers: readonly string[] = []): CommandBytes {
  const client = randomUUID();
  const made = MOVEMENTS.map(({ path, body }) => {
    const key = `${client}-${'0'.repeat(NUMBER_DIGITS)}`;
    const bytes = requestBytes(sender, 'POST', `/v1/accounts/${ANY_ACCOUNT}/${path}`, { key, body, headers });
    return { bytes, accountAt: bytes.indexOf(ANY_ACCOUNT), numberAt: bytes.indexOf(key) + client.length + 1 };
  });
  return {
    command(accountId, n) {
      const template = made[n % made.length];
      if (template === undefined) throw new Error('there is at least one movement');
      const { bytes, accountAt, numberAt } = template;
      bytes.write(accountId, accountAt, 'latin1');
      bytes.write(String(n).padStart(NUMBER_DIGITS, '0'), numberAt, 'latin1');
      return bytes;
    },
  };
}
