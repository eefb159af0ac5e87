// Pages of other origins, as a browser asks for them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApi } from './api-stack.ts';
import { NOBODY, startTestApi } from './api-stack.ts';

const PAGE = 'https://app.example.com';
const QUESTION = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,idempotency-key' };

let api: TestApi;
const ask = (origin: string, path = '/v1/accounts') =>
  fetch(`${api.url}${path}`, { method: 'OPTIONS', headers: { origin, ...QUESTION, ...NOBODY } });

describe('an origin that is on the list', () => {
  beforeAll(async () => {
    const edge = { maxRequests: 2_000, anonymousRequestsPerSecond: 0, corsOrigins: [PAGE, 'http://localhost:5173'] };
    api = await startTestApi({ app: { edge } });
  });
  afterAll(() => api.close());

  test('is told beforehand what it may send, without credentials', async () => {
    const answer = await ask(PAGE);
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
    expect(answer.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('idempotency-key');
    expect(answer.headers.get('access-control-allow-methods')).toContain('DELETE');
    expect(answer.headers.get('access-control-max-age')).toBe('600');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('may read answers and refusals, and the headers that matter', async () => {
    for (const headers of [{}, NOBODY]) {
      const answer = await api.get('/v1/assets', { origin: PAGE, ...headers });
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': PAGE,
        'access-control-allow-credentials': 'true',
        vary: expect.stringContaining('Origin'),
      });
      const exposed = answer.headers['access-control-expose-headers'];
      for (const name of ['ETag', 'Location', 'Idempotency-Hit', 'Retry-After', 'X-Request-Id', 'Preference-Applied', 'Link'])
        expect(exposed).toContain(name);
    }
  });

  test.each(['https://evil.example.com', 'http://app.example.com', 'https://app.example.com.evil.com', 'null'])(
    '%s is not, and may nothing',
    async (origin) => {
      expect((await ask(origin)).headers.get('access-control-allow-origin')).toBeNull();
      const answer = await api.get('/v1/assets', { origin });
      expect(answer.status).toBe(200);
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      expect(answer.headers['vary']).toContain('Origin');
    },
  );

  test('OPTIONS that is no question of a browser allows nothing', async () => {
    const answer = await fetch(`${api.url}/v1/accounts`, { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

test('without a list there is no such thing', async () => {
  api = await startTestApi();
  const answer = await ask(PAGE);
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([404, null]);
  expect((await api.get('/v1/assets', { origin: PAGE })).headers).not.toHaveProperty('access-control-allow-origin');
  await api.close();
});
