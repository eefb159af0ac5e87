import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROBLEM_CODES, problemType } from '../../../src/api/problems.ts';
import type { TestApi } from '../api-stack.ts';
import { expectProblem, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('the type of a problem leads to a page about it', async () => {
  const problem = await api.post(`/v1/accounts/${await openedAccount(api)}/withdrawals`, { asset: 'USD', amount: '1.00' });
  const page = await api.get(problem.body.type);
  expect([page.status, page.type]).toEqual([200, 'text/html']);
  expect(page.text).toContain('<h2>What to do</h2>');
});

test('every code has its page, and is listed', async () => {
  const list = await api.get('/problems');
  for (const code of PROBLEM_CODES) {
    expect((await api.get(problemType(code))).status).toBe(200);
    expect(list.text).toContain(problemType(code));
  }
  for (const name of ['insufficient_funds', 'nothing', '%2e%2e']) expectProblem(await api.get(`/problems/${name}`), 404, 'not_found');
});
