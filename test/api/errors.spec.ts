// What goes wrong outside the ledger's rules, and how it is said: no error leaves as anything but a problem.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createQueries } from '../../src/api/queries.ts';
import type { Rejection } from '../../src/domain/rejections.ts';
import { rejection } from '../../src/domain/rejections.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import type { TestApi, TestApiOptions } from './api-stack.ts';
import { expectProblem, fundedAccount, newKey, openedAccount, startTestApi } from './api-stack.ts';

let api: TestApi;
const start = async (options: TestApiOptions = {}): Promise<TestApi> => {
  api = await startTestApi(options);
  return api;
};
afterEach(() => api.close());

const LIMITS = { mailboxCommands: 2_000, queueCommands: 5_000, cachedAccounts: 1_000, doubtBudgetMs: 500, conflictBudgetMs: 5_000 };
const DOLLAR = { asset: 'USD', amount: '1.00' };
const expectRetryAfter = ({ headers }: { headers: Record<string, string> }): void =>
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);

test('what is not there', async () => {
  await start();
  for (const path of ['/', '/v1', '/v1/acounts', '/v2/accounts', '/v1/accounts/a/b/c'])
    expectProblem(await api.get(path), 404, 'not_found');
  expectProblem(await api.send('DELETE', '/v1/accounts'), 404, 'not_found');
  expectProblem(await api.send('PUT', '/v1/assets', { body: {} }), 404, 'not_found');
  expectProblem(await api.get('/v1/%zz'), 400, 'malformed_request');
});

test('bytes that are no request', async () => {
  await start();
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nBroken header\r\n\r\n');
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  await once(socket, 'end');
  socket.destroy();
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).toContain('Content-Type: application/problem+json');
  expect(text).toContain('"code":"malformed_request"');
});

test('every answer says which request it is for, and tells browsers to do nothing with it', async () => {
  await start();
  for (const path of ['/v1/assets', '/nowhere', '/health/live', '/problems']) {
    const answer = await api.get(path, { 'x-request-id': 'req-1' });
    expect(answer.headers).toMatchObject({ 'x-request-id': 'req-1', 'x-content-type-options': 'nosniff' });
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
  }
  expect((await api.get('/v1/assets', { 'x-request-id': 'two words' })).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
});

test('a mistake of our own in a question', async () => {
  await start();
  await api.stack.database.pool.query('ALTER TABLE statistics RENAME TO lost');
  const answer = await api.get('/v1/statistics', { 'x-request-id': 'req-lost' });
  expectProblem(answer, 500, 'internal_error');
  expect(answer.text).not.toContain('relation');
  expect(api.logged.filter((line) => line.includes('req-lost')).join('')).toContain('relation');
  await api.stack.database.pool.query('ALTER TABLE lost RENAME TO statistics');
});

test('a database that is out of reach of questions', async () => {
  await using nowhere = new AsyncDisposableStack();
  const store = nowhere.adopt(connectEventStore('esdb://127.0.0.1:1?tls=false'), ({ close }) => close());
  const database = nowhere.adopt(openDatabase('postgres://nobody@127.0.0.1:1/nothing'), ({ close }) => close());
  await start({ app: { queries: createQueries({ streams: store.streams, db: database.db, waitFor: async () => false }) } });
  const answer = await api.get('/v1/assets');
  expectProblem(answer, 503, 'store_unavailable', { retryable: true });
  expectRetryAfter(answer);
});

describe('writes', () => {
  test('while the event store is away: not applied, and never will be', async () => {
    await start();
    const accountId = await openedAccount(api);
    await api.stack.stores.eventStore.kill();
    const headers = { 'idempotency-key': newKey() };
    const answer = await api.post(`/v1/accounts/${accountId}/freeze?dryRun=true`, { reason: 'x' }, headers);
    expectProblem(answer, 503, 'store_unavailable', { retryable: true });
    expectRetryAfter(answer);
    await api.stack.stores.eventStore.restart();
  });

  test('whose outcome is not known are learnt by repeating them', async () => {
    await start({ commands: { limits: LIMITS } });
    const path = `/v1/accounts/${await fundedAccount(api, '5.00')}/withdrawals`;
    const headers = { 'idempotency-key': newKey() };
    const { pid } = api.stack.stores.eventStore;
    process.kill(pid, 'SIGSTOP');
    const doubtful = await api.post(path, DOLLAR, headers);
    process.kill(pid, 'SIGCONT');
    expectProblem(doubtful, 503, 'outcome_unknown', { retryable: true, commandId: expect.any(String) });
    expectRetryAfter(doubtful);
    const settled = await api.post(path, DOLLAR, headers);
    expect(settled.status).toBe(201);
    expect(settled.body).toMatchObject({
      commandId: doubtful.body.commandId,
      balances: [{ asset: 'USD', available: '4.00', held: '0.00' }],
    });
  });

  test('beyond what may wait', async () => {
    await start({ commands: { limits: { ...LIMITS, doubtBudgetMs: 20_000, mailboxCommands: 2 } } });
    const accountId = await openedAccount(api);
    const commands = Array.from({ length: 50 }, () => ({ key: newKey(), type: 'deposit', accountId, ...DOLLAR }));
    const { body } = await api.send('POST', '/v1/commands', { body: { commands } });
    const overloaded = body.results.filter(({ httpStatus }: { httpStatus: number }) => httpStatus === 503);
    expect(overloaded.length).toBeGreaterThan(0);
    expect(overloaded[0]).toMatchObject({ code: 'overloaded', retryable: true });
    expect(body.results[0].httpStatus).toBe(201);
  });

  test('while the ledger must not take any', async () => {
    let refused: Rejection | undefined;
    await start({ commands: { admission: () => refused } });
    const path = `/v1/accounts/${await openedAccount(api)}/deposits`;
    refused = rejection('projection_behind', 'The projections are 60000 events behind.');
    const answer = await api.post(path, DOLLAR);
    expectProblem(answer, 503, 'projection_behind', { retryable: true });
    expectRetryAfter(answer);
    refused = undefined;
    expect((await api.post(path, DOLLAR)).status).toBe(201);
  });
});
