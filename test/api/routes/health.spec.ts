import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Readiness } from '../../../src/api/routes/health.ts';
import type { TestApi } from '../api-stack.ts';
import { NOBODY, startTestApi } from '../api-stack.ts';

let api: TestApi;
let readiness: () => Promise<Readiness>;
beforeAll(async () => {
  api = await startTestApi({ app: { readiness: () => readiness() } });
});
afterAll(() => api.close());

test('a process that answers lives, and needs nobody’s credentials to say so', async () => {
  const answer = await api.get('/health/live', NOBODY);
  expect([answer.status, answer.body]).toEqual([200, { status: 'live' }]);
});

test('it is ready when every check is', async () => {
  readiness = async () => ({ ready: true, checks: { eventStore: { ok: true }, projector: { ok: true } } });
  const answer = await api.get('/health/ready', NOBODY);
  expect([answer.status, answer.body]).toEqual([200, { status: 'ready', checks: { eventStore: { ok: true }, projector: { ok: true } } }]);
});

test('it says which check is not as it should be, and why', async () => {
  const projector = { ok: false, detail: 'halted at account-7c9e6679-7425-40de-944b-e07fc1f90ae7@12' };
  readiness = async () => ({ ready: false, checks: { eventStore: { ok: true }, projector } });
  const answer = await api.get('/health/ready');
  expect([answer.status, answer.body]).toEqual([503, { status: 'not ready', checks: { eventStore: { ok: true }, projector } }]);
});

test('checks that cannot be made are not passed', async () => {
  readiness = () => Promise.reject(new Error('no connection to postgres://ledger:secret@db'));
  const answer = await api.get('/health/ready');
  expect(answer.status).toBe(503);
  expect(answer.text).not.toContain('secret');
});
