import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('the document is served', async () => {
  const answer = await api.get('/openapi.json');
  expect([answer.type, answer.body.openapi]).toEqual(['application/json', '3.1.0']);
});

test('the document of the messages is served', async () => {
  const answer = await api.get('/asyncapi.json');
  expect([answer.type, answer.body.asyncapi]).toEqual(['application/json', '3.0.0']);
});

test('the API’s document can be browsed without a network: everything the page needs is served here', async () => {
  const page = await api.get('/docs');
  expect([page.status, page.type]).toEqual([200, 'text/html']);
  const needed = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].flatMap(([, path]) => path ?? []);
  expect(needed.length).toBeGreaterThan(3);
  for (const path of needed) {
    const { pathname, origin } = new URL(path, `${api.url}/docs`);
    expect(origin).toBe(api.url);
    expect((await api.get(pathname)).status, pathname).toBe(200);
  }
  // Its own scripts and styles, and the document: nothing else, from nowhere else.
  expect(page.headers['content-security-policy']).toContain("script-src 'self'");
  expect((await api.get('/docs/json')).body.openapi).toBe('3.1.0');
});
