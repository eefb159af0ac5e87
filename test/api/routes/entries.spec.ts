import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { expectProblem, openedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
let path: string;
let position: string;
beforeAll(async () => {
  api = await startTestApi();
  const account = `/v1/accounts/${await openedAccount(api)}`;
  path = `${account}/entries`;
  await api.post(`${account}/deposits`, { asset: 'USD', amount: '9', reference: 'r-1', externalId: 'e-1', metadata: { note: 'x' } });
  await api.post(`${account}/coins`, { symbol: 'BTC', quantity: '2' });
  const body = { asset: 'USD', amount: '4', effectiveAt: '2020-01-01T00:00:00Z' };
  position = (await api.post(`${account}/withdrawals`, body)).body.position;
});
afterAll(() => api.close());

const read = async (query = '') => (await api.get(`${path}?minPosition=${position}${query}`)).body.data;
const typesOf = (entries: { type: string }[]): string[] => entries.map(({ type }) => type);

test('entries stand newest first, with what they changed and the balance after', async () => {
  const entries = await read();
  expect(typesOf(entries)).toEqual(['withdrawn', 'coin-updated', 'deposited']);
  expect(entries[0]).toEqual({
    entryId: expect.any(String),
    type: 'withdrawn',
    asset: 'USD',
    amount: '-4.00',
    available: '-4.00',
    held: '0.00',
    availableAfter: '5.00',
    heldAfter: '0.00',
    recordedAt: expect.stringMatching(/Z$/),
    occurredAt: expect.stringMatching(/Z$/),
    effectiveAt: '2020-01-01T00:00:00.000Z',
    commandId: expect.any(String),
    reference: null,
    externalId: null,
    metadata: null,
    position,
  });
  expect(entries[2]).toMatchObject({ reference: 'r-1', externalId: 'e-1', metadata: { note: 'x' }, amount: '9.00', effectiveAt: null });
});

describe('entries are found', () => {
  test.each([
    ['asset=BTC', ['coin-updated']],
    ['type=deposited', ['deposited']],
    ['reference=r-1', ['deposited']],
    ['reference=r-2', []],
    ['from=2020-01-01T00:00:00Z', ['withdrawn', 'coin-updated', 'deposited']],
    ['from=2999-01-01T00:00:00Z', []],
    ['to=2020-01-01T00:00:00Z', []],
    ['asset=USD&type=withdrawn', ['withdrawn']],
    ['by=effective', ['coin-updated', 'deposited', 'withdrawn']],
    ['by=effective&to=2020-01-02T00:00:00Z', ['withdrawn']],
    ['by=effective&from=2020-01-02T00:00:00Z', ['coin-updated', 'deposited']],
    ['by=system&to=2020-01-02T00:00:00Z', []],
  ])('by %s', async (query, types) => {
    expect(typesOf(await read(`&${query}`))).toEqual(types);
  });
  test.each(['asset=usd', 'type=paid', 'from=yesterday', 'from=0000-01-01T00:00:00Z', 'to=2020-01-01', 'reference=', 'by=time'])(
    'not by %s',
    async (query) => {
      expectProblem(await api.get(`${path}?${query}`), 400, 'malformed_request');
    },
  );
});
