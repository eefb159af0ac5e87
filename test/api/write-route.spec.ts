import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandIdOf } from '../../src/domain/ids.ts';
import type { Answer, TestApi } from './api-stack.ts';
import { as, expectProblem, fundedAccount, NOBODY, newKey, openedAccount, startTestApi } from './api-stack.ts';

let api: TestApi;
let accountId: string;
let deposits: string;
beforeAll(async () => {
  api = await startTestApi();
  accountId = await openedAccount(api);
  deposits = `/v1/accounts/${accountId}/deposits`;
});
afterAll(() => api.close());

const DOLLAR = { asset: 'USD', amount: '1.00' };
const json = { 'content-type': 'application/json' };
const depositedSoFar = async (): Promise<string> => (await api.post(`${deposits}?dryRun=true`, DOLLAR)).body.balances[0].available;
/** Everything of an answer that a repeat must say again. */
const said = ({ status, body: { position: _position, ...body } }: Answer) => ({ status, body });

describe('a key', () => {
  test('has one effect, however often the command is sent, and one answer', async () => {
    const account = await openedAccount(api);
    const headers = { 'idempotency-key': newKey() };
    const first = await api.post(`/v1/accounts/${account}/deposits`, DOLLAR, headers);
    const second = await api.post(
      `/v1/accounts/${account}/deposits`,
      { amount: '1.0', asset: 'USD' },
      { ...headers, 'x-request-id': 'again' },
    );
    expect(first.status).toBe(201);
    expect(first.headers['idempotency-hit']).toBeUndefined();
    expect(said(second)).toEqual(said(first));
    expect(second.headers).toMatchObject({ 'idempotency-hit': 'true', location: first.headers['location'] });
  });

  test('has one effect when it is sent many times at once', async () => {
    const headers = { 'idempotency-key': newKey() };
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.post(deposits, DOLLAR, headers)));
    expect(new Set(answers.map((answer) => JSON.stringify(said(answer)))).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotency-hit'] === undefined)).toHaveLength(1);
  });

  test('names the command by the account and itself', async () => {
    const key = `"quoted" and ~ ${randomUUID()}`;
    const answer = await api.post(deposits, DOLLAR, { 'idempotency-key': key });
    expect(answer.body.commandId).toBe(commandIdOf(accountId, key));
  });

  test('is refused for another command', async () => {
    const headers = { 'idempotency-key': newKey() };
    await api.post(deposits, DOLLAR, headers);
    expectProblem(await api.post(deposits, { ...DOLLAR, amount: '2.00' }, headers), 422, 'idempotency_key_reused', { retryable: false });
    expectProblem(await api.post(`/v1/accounts/${accountId}/withdrawals`, DOLLAR, headers), 422, 'idempotency_key_reused');
  });

  test('keeps a refusal, with its place in the log', async () => {
    const headers = { 'idempotency-key': newKey() };
    const withdrawals = `/v1/accounts/${await openedAccount(api)}/withdrawals`;
    const first = await api.post(withdrawals, DOLLAR, headers);
    expectProblem(first, 422, 'insufficient_funds', {
      asset: 'USD',
      available: '0.00',
      requested: '1.00',
      commandId: expect.any(String),
      revision: '1',
      position: expect.stringMatching(/^[0-9]+$/),
    });
    const second = await api.post(withdrawals, DOLLAR, headers);
    expect(said(second)).toEqual(said(first));
    expect(second.headers['idempotency-hit']).toBe('true');
  });

  test('is free again after a refusal that is not stored', async () => {
    const headers = { 'idempotency-key': newKey() };
    expectProblem(await api.post(deposits, { asset: 'XAU', amount: '1.00' }, headers), 400, 'unknown_asset', { asset: 'XAU' });
    expect((await api.post(deposits, DOLLAR, headers)).status).toBe(201);
  });

  test('is required on POST', async () => {
    expectProblem(await api.send('POST', deposits, { body: DOLLAR }), 400, 'idempotency_key_missing');
    expectProblem(await api.post(deposits, DOLLAR, { 'idempotency-key': 'sys:mine' }), 400, 'malformed_request');
    expectProblem(await api.post(deposits, DOLLAR, { 'idempotency-key': 'x'.repeat(256) }), 400, 'malformed_request');
  });

  test('is made where none is required, and kept where one is given', async () => {
    const path = `/v1/accounts/${await openedAccount(api)}/limits`;
    const body = { asset: 'USD', perDay: '5.00' };
    const [one, other] = [await api.send('PUT', path, { body }), await api.send('PUT', path, { body })];
    expect(one.status).toBe(200);
    expect(other.body.commandId).not.toBe(one.body.commandId);
    const headers = { 'idempotency-key': newKey() };
    await api.send('PUT', path, { body, headers });
    expect((await api.send('PUT', path, { body, headers })).headers['idempotency-hit']).toBe('true');
  });
});

describe('a dry run', () => {
  test('says what would happen, needs no key and stores nothing', async () => {
    const before = await depositedSoFar();
    const answer = await api.send('POST', `${deposits}?dryRun=true`, { body: DOLLAR });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ status: 'would_apply', accountId });
    expect(answer.headers['location']).toBeUndefined();
    expect(await depositedSoFar()).toBe(before);
  });

  test('says which refusal there would be', async () => {
    const answer = await api.send('POST', `/v1/accounts/${await openedAccount(api)}/withdrawals?dryRun=true`, { body: DOLLAR });
    expectProblem(answer, 422, 'insufficient_funds');
    expect(answer.body.revision).toBeUndefined();
  });

  test('leaves a key free', async () => {
    const headers = { 'idempotency-key': newKey() };
    await api.post(`${deposits}?dryRun=true`, DOLLAR, headers);
    expect((await api.post(deposits, { ...DOLLAR, amount: '3.00' }, headers)).status).toBe(201);
  });

  test.each(['1', 'TRUE', '', 'true&dryRun=false'])('is asked for with true: dryRun=%s is refused', async (value) => {
    expectProblem(await api.post(`${deposits}?dryRun=${value}`, DOLLAR), 400, 'malformed_request');
  });
  test('a parameter that is written wrong is not taken for none', async () => {
    expectProblem(await api.post(`${deposits}?dryrun=true`, DOLLAR), 400, 'malformed_request');
  });
});

describe('If-Match', () => {
  test('lets a command through at that revision, and no other', async () => {
    const account = await fundedAccount(api, '10.00');
    const path = `/v1/accounts/${account}/withdrawals`;
    expect((await api.post(path, DOLLAR, { 'if-match': '"1"' })).body).toMatchObject({ status: 'applied', revision: '2' });
    expectProblem(await api.post(path, DOLLAR, { 'if-match': '"1"' }), 412, 'revision_mismatch', { retryable: false });
    expect((await api.post(path, DOLLAR, { 'if-match': '*' })).status).toBe(201);
  });
  test('does not stand between a client and the outcome it repeats', async () => {
    const account = await fundedAccount(api, '10.00');
    const headers = { 'if-match': '"1"', 'idempotency-key': newKey() };
    await api.post(`/v1/accounts/${account}/withdrawals`, DOLLAR, headers);
    expect((await api.post(`/v1/accounts/${account}/withdrawals`, DOLLAR, headers)).headers['idempotency-hit']).toBe('true');
  });
  test.each(['1', 'W/"1"', '"1", "2"', '""'])('is refused where it is no revision: %s', async (value) => {
    expectProblem(await api.post(deposits, DOLLAR, { 'if-match': value }), 400, 'malformed_request');
  });
});

describe('of several things that are wrong, the first in this order is said', () => {
  const nowhere = `/v1/accounts/${randomUUID()}/deposits`;
  const tooLarge = JSON.stringify({ note: 'x'.repeat(1024 * 1024) });

  test('credentials', async () => {
    const answer = await api.send('POST', nowhere, { body: 'text', headers: { ...NOBODY, 'content-type': 'text/plain' } });
    expectProblem(answer, 401, 'unauthenticated');
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });
  test('the media type', async () => {
    const headers = { ...as('auditor', 'a'), 'content-type': 'text/plain' };
    expectProblem(await api.send('POST', nowhere, { body: 'text', headers }), 415, 'unsupported_media_type');
  });
  test('the size', async () => {
    expectProblem(await api.send('POST', nowhere, { body: tooLarge, headers: { ...as('auditor', 'a'), ...json } }), 413, 'body_too_large');
  });
  test('the role', async () => {
    expectProblem(await api.send('POST', nowhere, { body: '{"asset":', headers: { ...as('auditor', 'a'), ...json } }), 403, 'forbidden');
  });
  test('the shape', async () => {
    expectProblem(await api.post(nowhere, { asset: 'USD', amount: '0' }), 400, 'invalid_amount');
    expectProblem(await api.post('/v1/accounts/none/deposits', { asset: 'USD' }), 400, 'malformed_request');
  });
  test('the account', async () => {
    expectProblem(await api.post(nowhere, { asset: 'XAU', amount: '1.00' }, { 'if-match': '"7"' }), 404, 'account_not_found');
    expectProblem(await api.post('/v1/accounts/none/deposits', DOLLAR), 404, 'account_not_found');
  });
  test('the key', async () => {
    const headers = { 'idempotency-key': newKey() };
    await api.post(deposits, DOLLAR, headers);
    const answer = await api.post(deposits, { asset: 'XAU', amount: '1.00' }, { ...headers, 'if-match': '"0"' });
    expectProblem(answer, 422, 'idempotency_key_reused');
  });
  test('the revision', async () => {
    expectProblem(await api.post(deposits, { asset: 'XAU', amount: '1.00' }, { 'if-match': '"99999"' }), 412, 'revision_mismatch');
  });
  test('the asset', async () => {
    const closed = await openedAccount(api);
    await api.post(`/v1/accounts/${closed}/close`, {});
    expectProblem(await api.post(`/v1/accounts/${closed}/deposits`, { asset: 'XAU', amount: '1.00' }), 400, 'unknown_asset');
  });
});

describe('a body', () => {
  test.each([
    ['no JSON', '{"asset":"USD","amount":'],
    ['a text', '"USD"'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a name twice', '{"asset":"USD","amount":"1.00","amount":"2.00"}'],
    ['a prototype', '{"asset":"USD","amount":"1.00","__proto__":{"x":1}}'],
    ['an unknown field', '{"asset":"USD","amount":"1.00","constructor":1}'],
    ['nothing', ''],
  ])('is refused: %s', async (_what, body) => {
    const headers = { ...json, 'idempotency-key': newKey() };
    expectProblem(await api.send('POST', deposits, { body, headers }), 400, 'malformed_request');
  });

  test('the errors point to what is wrong', async () => {
    expectProblem(await api.post(deposits, { asset: 'USD', sum: '1.00' }), 400, 'malformed_request', {
      errors: [
        { pointer: '#/amount', detail: 'required' },
        { pointer: '#/sum', detail: 'unknown field' },
      ],
    });
  });

  test.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;charset="utf-8"'])('may come as %s', async (type) => {
    const headers = { 'content-type': type, 'idempotency-key': newKey() };
    expect((await api.send('POST', deposits, { body: JSON.stringify(DOLLAR), headers })).status).toBe(201);
  });
  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'application/json; charset=utf-16', 'nonsense'])(
    'may not come as %s',
    async (type) => {
      const headers = { 'content-type': type, 'idempotency-key': newKey() };
      expectProblem(await api.send('POST', deposits, { body: JSON.stringify(DOLLAR), headers }), 415, 'unsupported_media_type');
    },
  );

  test('may not come packed', async () => {
    const headers = { ...json, 'content-encoding': 'gzip', 'idempotency-key': newKey() };
    expectProblem(await api.send('POST', deposits, { body: JSON.stringify(DOLLAR), headers }), 415, 'unsupported_media_type');
  });

  test('that needs no field may be left out', async () => {
    expect((await api.post('/v1/accounts')).status).toBe(201);
    for (const sent of [{}, { body: {} }, { body: '', headers: json }]) {
      const account = await openedAccount(api);
      const headers = { 'idempotency-key': newKey(), ...('headers' in sent ? sent.headers : {}) };
      expect((await api.send('POST', `/v1/accounts/${account}/close`, { ...sent, headers })).status).toBe(200);
    }
    expectProblem(await api.post(`/v1/accounts/${accountId}/close`, { reason: 'x' }), 400, 'malformed_request');
    const headers = { ...json, 'idempotency-key': newKey() };
    expectProblem(await api.send('POST', `/v1/accounts/${accountId}/close`, { body: 'null', headers }), 400, 'malformed_request');
  });
});

test('Prefer changes nothing where there is no broker, and is not said to have been applied', async () => {
  for (const prefer of ['respond-async', 'respond-async, wait=0', 'wait=1', 'nonsense=;']) {
    const answer = await api.post(deposits, DOLLAR, { prefer });
    expect(answer.body).toMatchObject({ status: 'applied' });
    expect(answer.headers['preference-applied']).toBeUndefined();
  }
});

test('the request goes with the event: its id, its trace and who asked', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const account = await openedAccount(api);
  await api.post(`/v1/accounts/${account}/deposits`, DOLLAR, { 'x-request-id': 'req-42', traceparent, ...as('producer', 'till 7') });
  const events = [];
  for await (const recorded of api.stack.store.streams.read(`account-${account}`, 1n)) events.push(recorded);
  expect(events).toHaveLength(1);
  expect(events[0]?.metadata).toMatchObject({
    correlationId: 'req-42',
    traceparent,
    transport: 'rest',
    actor: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test('an outcome is one line of the log, without the body', async () => {
  const answer = await api.post(deposits, { ...DOLLAR, reference: 'to be kept quiet' }, { 'x-request-id': 'req-43' });
  const lines = api.logged.filter((line) => line.includes('req-43'));
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({
      requestId: 'req-43',
      commandId: answer.body.commandId,
      accountId,
      position: answer.body.position,
      type: 'deposit',
      outcome: 'applied',
    }),
  ]);
  expect(api.logged.join('')).not.toContain('kept quiet');
});
