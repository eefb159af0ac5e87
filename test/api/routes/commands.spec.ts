import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { as, expectProblem, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const DOLLAR = { asset: 'USD', amount: '1.00' };

test('an applied command is found with the answer that it got', async () => {
  const account = await openedAccount(api);
  const { body: answer } = await api.post(`/v1/accounts/${account}/deposits`, DOLLAR);
  const found = await api.get(`/v1/commands/${answer.commandId}?minPosition=${answer.position}`);
  expect(found.body).toEqual(answer);
});

test('a stored refusal is found as rejected, with its problem', async () => {
  const account = await openedAccount(api);
  const { body: problem } = await api.post(`/v1/accounts/${account}/withdrawals`, DOLLAR);
  const { body } = await api.get(`/v1/commands/${problem.commandId}?minPosition=${problem.position}`);
  expect(body).toMatchObject({
    commandId: problem.commandId,
    accountId: account,
    status: 'rejected',
    revision: '1',
    position: problem.position,
  });
  expect(body.problem).toEqual(problem);
});

test('what was not stored is not found', async () => {
  const { body: refused } = await api.post(`/v1/accounts/${await openedAccount(api)}/deposits`, { asset: 'XAU', amount: '1.00' });
  for (const id of [refused.commandId, randomUUID(), 'none']) expectProblem(await api.get(`/v1/commands/${id}`), 404, 'not_found');
});

test("users find the commands of their own accounts; somebody else's are not there", async () => {
  const alice = as('user', randomUUID());
  const { body: answer } = await api.post(`/v1/accounts/${await openedAccount(api, alice)}/deposits`, DOLLAR, alice);
  const path = `/v1/commands/${answer.commandId}?minPosition=${answer.position}`;
  expect((await api.get(path, alice)).status).toBe(200);
  expectProblem(await api.get(path, as('user', randomUUID())), 404, 'not_found');
});
