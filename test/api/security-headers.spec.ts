// What browsers are told with every answer.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from './api-stack.ts';
import { NOBODY, startTestApi } from './api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ app: { edge: { maxRequests: 2_000, anonymousRequestsPerSecond: 0, trustProxy: ['127.0.0.1'] } } });
});
afterAll(() => api.close());

test.each(['/v1/assets', '/v1/me', '/v1/nowhere', '/nowhere', '/v1/%zz', '/openapi.json', '/health/live', '/metrics'])(
  '%s is not to be embedded, guessed at, or told to others',
  async (path) => {
    expect((await api.get(path, NOBODY)).headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'private, no-cache',
      'x-request-id': expect.any(String),
    });
  },
);

test('nothing says which server answers', async () => {
  const { headers } = await api.get('/v1/assets');
  expect(headers).not.toHaveProperty('server');
  expect(headers).not.toHaveProperty('x-powered-by');
});

test.each(['/v1/auth/login', '/v1/%61uth/login'])('%s: what passes there is kept by nothing in between', async (path) => {
  for (const body of ['{}', '{', '{"name":"alice","password":"no such user"}']) {
    const answer = await fetch(`${api.url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }
});

test('over TLS, as a proxy that is believed says, browsers are to come by TLS only', async () => {
  const overTls = { 'x-forwarded-proto': 'https' };
  expect((await api.get('/v1/assets', overTls)).headers['strict-transport-security']).toBe('max-age=63072000');
  expect((await api.get('/nowhere', overTls)).headers['strict-transport-security']).toBe('max-age=63072000');
  expect((await api.get('/v1/assets')).headers).not.toHaveProperty('strict-transport-security');
});

test('without a proxy that is believed, nobody can say so', async () => {
  const direct = await startTestApi();
  const { headers } = await direct.get('/v1/assets', { 'x-forwarded-proto': 'https' });
  expect(headers).not.toHaveProperty('strict-transport-security');
  await direct.close();
});
