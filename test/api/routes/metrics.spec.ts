import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('requests are timed by method, route and status; no account and no invented path is ever a label', async () => {
  const accountId = await openedAccount(api);
  await api.get(`/v1/accounts/${accountId}/balances`);
  await api.post(`/v1/accounts/${accountId}/withdrawals`, { asset: 'USD', amount: '1.00' });
  await api.get('/made/up/by/a/stranger');
  const answer = await api.get('/metrics');
  expect(answer.type).toBe('text/plain');
  const labels = (method: string, route: string, status: number) =>
    `http_server_request_duration_seconds_count{http_request_method="${method}",http_route="${route}",http_response_status_code="${status}"} 1`;
  expect(answer.text).toContain(labels('POST', '/v1/accounts/:accountId/withdrawals', 422));
  expect(answer.text).toContain(labels('GET', 'none', 404));
  expect(answer.text).not.toContain(accountId);
  expect(answer.text).not.toContain('stranger');
});
