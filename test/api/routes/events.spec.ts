import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { expectProblem, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
let path: string;
let position: string;
beforeAll(async () => {
  api = await startTestApi();
  const account = `/v1/accounts/${await openedAccount(api)}`;
  path = `${account}/events`;
  await api.post(`${account}/deposits`, { asset: 'USD', amount: '9' });
  await api.post(`${account}/withdrawals`, { asset: 'USD', amount: '10' });
  position = (await api.post(`${account}/freeze`, { reason: 'asked for' })).body.position;
});
afterAll(() => api.close());

const read = async (query = '') => (await api.get(`${path}?minPosition=${position}${query}`)).body;
const revisionsOf = ({ data }: { data: { revision: string }[] }): string[] => data.map(({ revision }) => revision);

test('events stand newest first, as the log has them', async () => {
  const { data } = await read();
  expect(data.map(({ type }: { type: string }) => type)).toEqual(['account-frozen', 'command-rejected', 'deposited', 'account-opened']);
  expect(data[2]).toEqual({
    eventId: expect.any(String),
    type: 'deposited',
    revision: '1',
    position: expect.stringMatching(/^[0-9]+$/),
    occurredAt: expect.stringMatching(/Z$/),
    effectiveAt: null,
    commandId: expect.any(String),
    key: expect.any(String),
    actor: expect.any(String),
    transport: 'rest',
    correlationId: expect.any(String),
    data: { version: 1, asset: 'USD', amount: '9.00', balances: [{ asset: 'USD', available: '9.00', held: '0.00' }] },
  });
  expect(data[1].data).toMatchObject({ commandType: 'withdraw', code: 'insufficient_funds', fields: { requested: '10.00' } });
});

test('pages go down and up again, without a gap', async () => {
  const first = await read('&limit=3');
  expect(revisionsOf(first)).toEqual(['3', '2', '1']);
  const second = await read(`&limit=3&cursor=${first.next}`);
  expect([revisionsOf(second), second.next, second.hasMore]).toEqual([['0'], null, false]);
  expect(revisionsOf(await read(`&limit=2&cursor=${second.previous}`))).toEqual(['2', '1']);
});

test('an account that is not there has none, and a cursor of another list is refused', async () => {
  expectProblem(await api.get('/v1/accounts/3a0e6d5c-0000-4000-8000-000000000000/events'), 404, 'account_not_found');
  const { next } = (await api.get('/v1/assets?limit=1')).body;
  expectProblem(await api.get(`${path}?cursor=${next}`), 400, 'malformed_request');
});
