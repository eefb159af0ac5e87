import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openedAccountIdOf, principalUuidOf } from '../../../src/domain/ids.ts';
import type { TestApi } from '../api-stack.ts';
import { as, expectProblem, newKey, startTestApi } from '../api-stack.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

describe('opening an account', () => {
  test('creates it where it says', async () => {
    const accountId = randomUUID();
    const opened = await api.post('/v1/accounts', { accountId, externalId: 'crm-1', label: 'Household' });
    expect(opened.status).toBe(201);
    expect(opened.headers['location']).toBe(`/v1/accounts/${accountId}`);
    expect(opened.body).toMatchObject({ status: 'applied', accountId, revision: '0', balances: [], result: { accountId } });

    const found = await api.get(`${opened.headers['location']}?minPosition=${opened.body.position}`);
    expect(found.body).toEqual({
      accountId,
      ownerId: null,
      externalId: 'crm-1',
      label: 'Household',
      status: 'open',
      revision: '0',
      openedAt: expect.stringMatching(/Z$/),
    });
  });

  test('without an id, it follows from who asks and the key', async () => {
    const key = newKey();
    const answer = await api.post('/v1/accounts', {}, { 'idempotency-key': key, ...as('operator', 'clerk 7') });
    expect(answer.body.accountId).toBe(openedAccountIdOf(principalUuidOf('test', 'clerk 7'), key));
    const repeat = await api.post('/v1/accounts', {}, { 'idempotency-key': key, ...as('operator', 'clerk 7') });
    expect(repeat.headers['idempotency-hit']).toBe('true');
    expect(repeat.body.accountId).toBe(answer.body.accountId);
  });

  test('one that exists is refused, and the refusal is not stored', async () => {
    const accountId = randomUUID();
    await api.post('/v1/accounts', { accountId });
    const headers = { 'idempotency-key': newKey() };
    for (let time = 0; time < 2; time += 1) {
      const answer = await api.post('/v1/accounts', { accountId }, headers);
      expectProblem(answer, 409, 'already_exists');
      expect(answer.body.revision).toBeUndefined();
      expect(answer.headers['idempotency-hit']).toBeUndefined();
    }
  });

  test('can be tried without a key', async () => {
    const answer = await api.send('POST', '/v1/accounts?dryRun=true', { body: {} });
    expect(answer.status).toBe(200);
    expect(answer.body.status).toBe('would_apply');
  });

  test('a user opens accounts of their own, without choosing an id', async () => {
    const userId = randomUUID();
    const opened = await api.post('/v1/accounts', { label: 'mine' }, as('user', userId));
    const found = await api.get(`/v1/accounts/${opened.body.accountId}?minPosition=${opened.body.position}`, as('user', userId));
    expect(found.body.ownerId).toBe(userId);
    expectProblem(await api.post('/v1/accounts', { accountId: randomUUID() }, as('user', userId)), 403, 'forbidden');
    expectProblem(await api.post('/v1/accounts', { ownerId: randomUUID() }, as('user', userId)), 403, 'forbidden');
    expectProblem(await api.post('/v1/accounts', {}, as('producer', 'till')), 403, 'forbidden');
  });

  test.each([{ accountId: 'mine' }, { ownerId: 7 }, { label: '' }, { externalId: 'x'.repeat(256) }, { name: 'x' }])(
    'refuses %j',
    async (body) => {
      expectProblem(await api.post('/v1/accounts', body), 400, 'malformed_request');
    },
  );
});

test('accounts are listed in the order in which they were opened; users see their own', async () => {
  const userId = randomUUID();
  const mine: string[] = [];
  let position = '';
  for (let count = 0; count < 3; count += 1) {
    const { body } = await api.post('/v1/accounts', { ownerId: userId });
    mine.push(body.accountId);
    position = body.position;
  }
  await api.post('/v1/accounts', {});
  const idsOf = ({ body }: { body: { data: { accountId: string }[] } }) => body.data.map(({ accountId }) => accountId);
  expect(idsOf(await api.get(`/v1/accounts?minPosition=${position}`, as('user', userId)))).toEqual(mine);
  expect(idsOf(await api.get(`/v1/accounts?ownerId=${userId}`))).toEqual(mine);
  expect(idsOf(await api.get(`/v1/accounts?ownerId=${userId}`, as('user', randomUUID())))).toEqual([]);
  expect(idsOf(await api.get('/v1/accounts')).length).toBeGreaterThan(mine.length);
});
