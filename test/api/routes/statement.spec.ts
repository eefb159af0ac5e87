import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApi } from '../api-stack.ts';
import { expectProblem, fundedAccount, startTestApi } from '../api-stack.ts';

let api: TestApi;
let accountId: string;
let position: string;
beforeAll(async () => {
  api = await startTestApi();
  accountId = await fundedAccount(api, '100.00');
  const to = await fundedAccount(api, '1.00');
  const write = async (what: string, body: object): Promise<void> => {
    const answer = await api.post(`/v1/accounts/${accountId}/${what}`, body);
    expect(answer.status, answer.text).toBe(201);
    ({ position } = answer.body);
  };
  await write('holds', { asset: 'USD', amount: '10.00' });
  await write('withdrawals', { asset: 'USD', amount: '30.00', reference: '=1+1', externalId: 'a,"b"' });
  await write('transfers', { to, asset: 'USD', amount: '5.00' });
  await write('deposits', { asset: 'USD', amount: '7.00', effectiveAt: '2020-02-29T12:00:00Z' });
});
afterAll(() => api.close());

const statement = (query: string) => api.get(`/v1/accounts/${accountId}/statement?minPosition=${position}&asset=USD${query}`);

test('every entry stands between the balance before and the balance after', async () => {
  const { status, body, headers } = await statement('');
  expect(status).toBe(200);
  expect(headers).not.toHaveProperty('etag');
  expect(body).toMatchObject({
    accountId,
    asset: 'USD',
    from: null,
    to: null,
    by: 'system',
    mayBeNegative: false,
    opening: { total: '0.00', held: '0.00' },
    lines: [
      { type: 'deposited', what: 'Deposit', amount: '100.00', balance: { total: '100.00', held: '0.00' }, reference: null },
      { type: 'hold-placed', what: 'Hold placed', amount: '0.00', balance: { total: '100.00', held: '10.00' } },
      { type: 'withdrawn', amount: '-30.00', balance: { total: '70.00', held: '10.00' }, reference: '=1+1', externalId: 'a,"b"' },
      { type: 'transfer-sent', amount: '-5.00', balance: { total: '65.00', held: '10.00' } },
      { type: 'deposited', amount: '7.00', balance: { total: '72.00', held: '10.00' }, effectiveAt: '2020-02-29T12:00:00.000Z' },
    ],
    closing: { total: '72.00', held: '10.00' },
    totals: { in: '107.00', out: '35.00' },
  });
  expect(BigInt(body.position)).toBeGreaterThanOrEqual(BigInt(position));
});

test('what was before the time asked for is in the opening balance, and what is after it is left out', async () => {
  const { lines } = (await statement('')).body;
  const [from, to] = [lines[1].recordedAt, lines[3].recordedAt];
  const { body } = await statement(`&from=${from}&to=${to}`);
  const inside = lines.filter((line: { recordedAt: string }) => line.recordedAt >= from && line.recordedAt < to);
  expect(body.lines).toEqual(inside);
  const before = lines.filter((line: { recordedAt: string }) => line.recordedAt < from).at(-1);
  expect(body.opening).toEqual(before?.balance ?? { total: '0.00', held: '0.00' });
  expect(body.closing).toEqual(inside.at(-1)?.balance ?? body.opening);
});

test('by effective time, what was dated back stands where it counts, and it says that balances may be negative', async () => {
  const { body } = await statement('&by=effective&to=2021-01-01T00:00:00Z');
  expect(body).toMatchObject({ by: 'effective', mayBeNegative: true, closing: { total: '7.00', held: '0.00' } });
  expect(body.lines).toHaveLength(1);
  const later = await statement('&by=effective&from=2021-01-01T00:00:00Z');
  expect(later.body).toMatchObject({ opening: { total: '7.00', held: '0.00' }, closing: { total: '72.00', held: '10.00' } });
});

test('as CSV it is a file, in which nothing of others is a formula', async () => {
  const { text, headers } = await statement('&format=csv');
  expect(headers).toMatchObject({
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="statement-${accountId}-USD.csv"`,
  });
  const lines = text.split('\r\n');
  expect(lines[0]).toBe('recordedAt,effectiveAt,type,what,reference,externalId,entryId,amount,balance,held');
  expect(lines[1]).toBe(',,opening-balance,Opening balance,,,,,0.00,0.00');
  expect(lines[4]).toMatch(/^[^,]+,,withdrawn,Withdrawal,'=1\+1,"a,""b""",[0-9a-f-]{36},-30\.00,70\.00,10\.00$/);
  expect(lines.slice(-2)).toEqual([',,closing-balance,Closing balance,,,,,72.00,10.00', '']);
});

test('an asset that never moved is a statement of nothing', async () => {
  const { body } = await api.get(`/v1/accounts/${accountId}/statement?asset=JPY&from=0001-01-01T00:00:00Z`);
  expect(body).toMatchObject({
    opening: { total: '0', held: '0' },
    lines: [],
    closing: { total: '0', held: '0' },
    totals: { in: '0', out: '0' },
  });
});

describe('is refused', () => {
  test('without an asset, and with a time that ends before it begins', async () => {
    expectProblem(await api.get(`/v1/accounts/${accountId}/statement`), 400, 'malformed_request');
    expectProblem(await statement('&from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z'), 400, 'malformed_request');
  });
  test('of an asset that is none', async () => {
    const answer = await api.get(`/v1/accounts/${accountId}/statement?asset=XAU`);
    expectProblem(answer, 400, 'unknown_asset', { asset: 'XAU' });
  });
});
