// Requests that no client library sends, over a bare socket: how each is answered, and that none takes another's answer away.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from './api-stack.ts';
import { newKey, openedAccount, startTestApi } from './api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

/** Sends the bytes, and reads until the server closes. */
async function answerTo(...lines: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  socket.write(lines.join('\r\n'));
  await once(socket, 'close');
  return text;
}

test.each([
  ['no host', []],
  ['two hosts', ['Host: a', 'Host: b']],
])('%s', async (_what, hosts) => {
  const answer = await answerTo('GET /health/live HTTP/1.1', ...hosts, 'Connection: close', '', '');
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain('"code":"malformed_request"');
});

test('HTTP/1.0 needs no host', async () => {
  expect(await answerTo('GET /health/live HTTP/1.0', '', '')).toMatch(/^HTTP\/1\.1 200 /);
});

test('an expectation that nobody knows is passed over', async () => {
  expect(await answerTo('GET /health/live HTTP/1.1', 'Host: a', 'Expect: 200-ok', 'Connection: close', '', '')).toMatch(/^HTTP\/1\.1 200 /);
});

test('what stands behind a request that said it is the last does not take its answer away', async () => {
  const path = `/v1/accounts/${await openedAccount(api)}/deposits`;
  const body = JSON.stringify({ asset: 'USD', amount: '1.00' });
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: a',
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ];
  const answer = await answerTo(...head, `Idempotency-Key: ${newKey()}`, '', `${body}GET /health/live HTTP/1.1`, 'Host: a', '', '');
  expect(answer).toMatch(/^HTTP\/1\.1 201 /);
  expect(answer).toContain('"status":"applied"');
  expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
});

test('a request is answered though the bytes behind it are none', async () => {
  const answer = await answerTo('GET /v1/assets HTTP/1.1', 'Host: a', '', 'no request at all', '', '');
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
});
