// What one process takes at a time, and bytes that become no request: as clients meet it, some of them with a bare socket.
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PrincipalResolver } from '../../src/api/principal.ts';
import { principalFrom } from '../../src/identity/principal.ts';
import { waitFor } from '../stack/waiting.ts';
import type { Answer, TestApi } from './api-stack.ts';
import { expectProblem, newKey, startTestApi } from './api-stack.ts';

let api: TestApi;

const ASKER = principalFrom('test', '0d0e7e10-9e5e-4c0b-8f00-1edce7f01d00', 'operator', 'asker');

/** Authentication that says nothing until it is let go: whoever asks is under way for as long as a test likes. */
function slowly(): { readonly principal: PrincipalResolver; readonly letGo: () => void; readonly waiting: () => number } {
  const { promise, resolve } = Promise.withResolvers<typeof ASKER>();
  let waiting = 0;
  return {
    principal: () => {
      waiting += 1;
      return promise;
    },
    letGo: () => resolve(ASKER),
    waiting: () => waiting,
  };
}

/** However slow the machine is. */
const eventually = (holds: () => unknown): Promise<unknown> => waitFor(holds);

const edge = (maxRequests: number) => ({ maxRequests, anonymousRequestsPerSecond: 0 });

describe('more requests than may be under way', () => {
  afterEach(() => api.close());

  test('are turned away at once, are welcome again later, and health is always answered', async () => {
    const { principal, letGo, waiting } = slowly();
    api = await startTestApi({ app: { principal, edge: edge(2) } });
    const underWay = [api.get('/v1/assets'), api.get('/v1/assets')].map((sent) => sent.then(({ status }: Answer) => status));
    await eventually(() => expect(waiting()).toBe(2));
    const refused = [
      await api.get('/v1/assets'),
      await api.post('/v1/accounts', { label: 'x'.repeat(100_000) }),
      await api.send('POST', '/v1/commands', { body: '{"comm', headers: { 'content-type': 'application/json' } }),
    ];
    for (const answer of refused) {
      expectProblem(answer, 503, 'overloaded', { retryable: true });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
    }
    for (const path of ['/health/live', '/health/ready', '/metrics']) expect((await api.get(path)).status).toBe(200);
    letGo();
    expect(await Promise.all(underWay)).toEqual([200, 200]);
    expect((await api.post('/v1/accounts', {})).status).toBe(201);
  });

  test('a client that has gone makes room', async () => {
    const { principal, letGo, waiting } = slowly();
    api = await startTestApi({ app: { principal, edge: edge(1) } });
    const gone = new AbortController();
    const asked = fetch(`${api.url}/v1/assets`, { signal: gone.signal }).catch(() => 'gone');
    await eventually(() => expect(waiting()).toBe(1));
    expectProblem(await api.get('/v1/assets'), 503, 'overloaded');
    gone.abort();
    expect(await asked).toBe('gone');
    letGo();
    await eventually(async () => expect((await api.get('/v1/assets')).status).toBe(200));
  });
});

const opened = (): Socket => connect(Number(new URL(api.url).port), '127.0.0.1');
/** Sends those bytes over a connection of their own; all that comes back until it is closed. */
async function tell(bytes: string): Promise<string> {
  const socket = opened();
  socket.write(bytes);
  const heard = await text(socket);
  socket.destroy();
  return heard;
}
const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`;
const GET = lines('GET /v1/assets HTTP/1.1', 'Host: ledger');
const BROKEN = lines('GET / HTTP/1.1', 'Broken header');

describe('with all to spare', () => {
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api.close());

  test('what is no request is answered with a problem, and with the headers of every answer', async () => {
    const heard = await tell(BROKEN);
    expect(heard).toMatch(/^HTTP\/1\.1 400 /);
    expect(heard).toContain('"code":"malformed_request"');
    for (const header of [
      'X-Content-Type-Options: nosniff',
      'X-Request-Id: ',
      'Connection: close',
      'Content-Type: application/problem+json',
    ])
      expect(heard).toContain(header);
  });

  test.each([
    ['one header of 20 KB', lines('GET /v1/assets HTTP/1.1', 'Host: ledger', `X-Long: ${'x'.repeat(20_000)}`)],
    ['a thousand of 20 bytes', lines('GET /v1/assets HTTP/1.1', 'Host: ledger', ...new Array<string>(1000).fill(`X: ${'x'.repeat(17)}`))],
    ['an address of 20 KB', lines(`GET /v1/${'x'.repeat(20_000)} HTTP/1.1`, 'Host: ledger')],
  ])('%s', async (_what, bytes) => {
    const heard = await tell(bytes);
    expect(heard).toMatch(/^HTTP\/1\.1 400 /);
    expect(heard).toContain('The head of the request has more than 16384 bytes.');
  });

  test('a body that breaks off in the middle of its chunks', async () => {
    const head = lines('POST /v1/accounts HTTP/1.1', 'Host: ledger', 'Content-Type: application/json', 'Transfer-Encoding: chunked');
    const heard = await tell(`${head}4\r\n{"la\r\nno length\r\n`);
    expect(heard.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(heard).toMatch(/^HTTP\/1\.1 400 /);
    expect((await api.get('/v1/accounts')).body.data).toEqual([]);
  });

  test('what is no request is answered behind one that was answered, too', async () => {
    const socket = opened();
    socket.write(GET);
    const heard: string[] = [];
    socket.on('data', (chunk) => heard.push(String(chunk)));
    await eventually(() => expect(heard.join('')).toContain('"hasMore"'));
    socket.write(BROKEN);
    await eventually(() => expect(socket.readableEnded || socket.destroyed).toBe(true));
    expect(heard.join('').match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
  });

  test('an address of more than 8 KiB', async () => {
    expectProblem(await api.get(`/v1/accounts?cursor=${'x'.repeat(8200)}`), 400, 'malformed_request', {
      detail: 'The address has more than 8192 characters.',
    });
  });

  test('how long anybody may take, and how many may come', async () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections } = api.app.server;
    expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 75_000,
      timeout: 120_000,
      maxConnections: 10_000,
    });
  });
});

test('what is no request is not answered behind one that is under way: that would be taken for the answer to the first', async () => {
  const { principal, letGo, waiting } = slowly();
  api = await startTestApi({ app: { principal } });
  const socket = opened();
  const heard: string[] = [];
  socket.on('data', (chunk) => heard.push(String(chunk)));
  const command = lines('POST /v1/accounts HTTP/1.1', 'Host: ledger', `Idempotency-Key: ${newKey()}`, 'Content-Length: 0');
  socket.write(command);
  await eventually(() => expect(waiting()).toBe(1));
  socket.write(BROKEN);
  letGo();
  await eventually(() => expect(socket.destroyed).toBe(true));
  expect(heard.join('').match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 201']);
  await api.close();
});
