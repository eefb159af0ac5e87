import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { principalUuidOf } from '../../../src/domain/ids.ts';
import type { Answer, TestApi } from '../api-stack.ts';
import { expectProblem } from '../api-stack.ts';
import { bearer, startAuthApi } from './auth-stack.ts';

let api: TestApi;
let secret: string;
const CLIENT = 'exchange-feed';
beforeAll(async () => {
  api = await startAuthApi();
  secret = (await api.identity.builtIn?.clients.create(CLIENT, 'producer')) ?? '';
});
afterAll(() => api.close());

const basic = (id: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` });
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const GRANT = 'grant_type=client_credentials';
const ask = (body: string | undefined, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  api.send('POST', '/v1/auth/token', { body, headers: { ...(body === undefined ? {} : form), ...headers } });

/** RFC 6749, 5.2. */
function expectRefused(answer: Answer, status: 400 | 401, error: string): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.type).toBe('application/json');
  // The characters that the RFC allows in a description.
  expect(answer.body).toEqual({ error, error_description: expect.stringMatching(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/) });
  expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
  if (status === 401) expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="/);
  else expect(answer.headers).not.toHaveProperty('www-authenticate');
}

describe('a client', () => {
  test.each([
    ['by HTTP Basic', () => ask(GRANT, basic(CLIENT, secret))],
    ['by HTTP Basic, naming itself in the form as well', () => ask(`${GRANT}&client_id=${CLIENT}`, basic(CLIENT, secret))],
    ['in the form', () => ask(`${GRANT}&client_id=${CLIENT}&client_secret=${encodeURIComponent(secret)}`)],
    ['in the form, beside what nobody here knows', () => ask(`${GRANT}&client_id=${CLIENT}&client_secret=${secret}&resource=x&scope=`)],
  ])('gets a token %s', async (_how, asked) => {
    const answer = await asked();
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({ access_token: expect.any(String), token_type: 'Bearer', expires_in: 900 });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(answer.headers).not.toHaveProperty('set-cookie');
    const { access_token: token } = answer.body;
    expect(decodeJwt(token)).toMatchObject({ sub: CLIENT, role: 'producer' });
    // It acts under the UUID that it has over the broker, too.
    const me = await api.get('/v1/me', bearer(token));
    expect(me.body).toMatchObject({ userId: principalUuidOf('ledgerfold', CLIENT), name: CLIENT, accounts: [] });
  });

  test('may have what needs escaping in its secret and id', async () => {
    const answer = await ask(GRANT, basic(encodeURIComponent(CLIENT).replaceAll('-', '%2D'), secret));
    expect(answer.status).toBe(200);
  });

  test('gets none with another secret, none as somebody else, and none once it is revoked', async () => {
    expectRefused(await ask(GRANT, basic(CLIENT, `${secret}x`)), 401, 'invalid_client');
    expectRefused(await ask(GRANT, basic('nobody', secret)), 401, 'invalid_client');
    expectRefused(await ask(`${GRANT}&client_id=${CLIENT}&client_secret=wrong`), 401, 'invalid_client');
    const revoked = (await api.identity.builtIn?.clients.create('gone', 'producer')) ?? '';
    await api.identity.builtIn?.clients.revoke('gone');
    expectRefused(await ask(GRANT, basic('gone', revoked)), 401, 'invalid_client');
  });

  test('that is not there is refused in the words of one with another secret', async () => {
    const [nobody, wrong] = await Promise.all([ask(GRANT, basic('nobody', 'x')), ask(GRANT, basic(CLIENT, 'x'))]);
    expect(nobody.body).toEqual(wrong.body);
  });
});

describe('a request for a token', () => {
  const authorized = () => basic(CLIENT, secret);
  test.each([
    ['without a grant', '', 'invalid_request'],
    ['with an empty grant', 'grant_type=', 'invalid_request'],
    ['with another grant', 'grant_type=password&username=a&password=b', 'unsupported_grant_type'],
    ['with a grant twice', `${GRANT}&${GRANT}`, 'invalid_request'],
    ['with a scope', `${GRANT}&scope=all`, 'invalid_scope'],
    ['with two ways to authenticate', `${GRANT}&client_id=${CLIENT}&client_secret=x`, 'invalid_request'],
    ['with two clients', `${GRANT}&client_id=other`, 'invalid_request'],
    ['with the prototype of a parameter', '__proto__=client_credentials', 'invalid_request'],
  ])('%s is refused', async (_what, body, error) => expectRefused(await ask(body, authorized()), 400, error));

  test('without a body, or with bytes that are no text, is refused', async () => {
    expectRefused(await ask(undefined, authorized()), 400, 'invalid_request');
    const raw = await fetch(`${api.url}/v1/auth/token`, {
      method: 'POST',
      headers: { ...form, ...authorized() },
      body: Buffer.concat([Buffer.from('grant_type='), Buffer.from([0xff, 0xfe])]),
    });
    expect([raw.status, await raw.json()]).toMatchObject([400, { error: 'invalid_request' }]);
  });

  test.each([
    ['nothing', {}],
    ['a bearer token', { authorization: 'Bearer x' }],
    ['Basic without anything', { authorization: 'Basic' }],
    ['Basic that is no base64', { authorization: 'Basic %%%' }],
    ['Basic without a colon', { authorization: `Basic ${Buffer.from('abc').toString('base64')}` }],
    ['Basic with a broken escape', { authorization: `Basic ${Buffer.from('%zz:x').toString('base64')}` }],
    ['Basic that is no UTF-8', { authorization: `Basic ${Buffer.from([0xff, 0x3a, 0xff]).toString('base64')}` }],
  ])('with %s for credentials is refused', async (_what, headers) => expectRefused(await ask(GRANT, headers), 401, 'invalid_client'));

  test('as JSON, in another encoding, or with a query is none', async () => {
    const json = await ask('{"grant_type":"client_credentials"}', { 'content-type': 'application/json', ...authorized() });
    expectProblem(json, 415, 'unsupported_media_type', { detail: expect.stringContaining('application/x-www-form-urlencoded') });
    expectProblem(await ask(GRANT, { 'content-type': `${form['content-type']}; charset=utf-16` }), 415, 'unsupported_media_type');
    expectProblem(
      await api.send('POST', '/v1/auth/token?grant_type=client_credentials', { headers: authorized() }),
      400,
      'malformed_request',
    );
  });
});

test('a form is taken nowhere else: other sites could send one', async () => {
  for (const path of ['/v1/auth/login', '/v1/auth/refresh', '/v1/auth/logout'])
    expectProblem(await api.send('POST', path, { body: 'name=alice&password=12345678', headers: form }), 415, 'unsupported_media_type');
});

test('no secret and no token is in the log', async () => {
  const { body } = await ask(GRANT, basic(CLIENT, secret));
  await ask(`${GRANT}&client_id=${CLIENT}&client_secret=wrong-${secret}`);
  expect(api.logged.join('\n')).not.toContain(secret);
  expect(api.logged.join('\n')).not.toContain(body.access_token);
  expect(api.logged.some((line) => line.includes('"operation":"issueToken"') && line.includes(`"clientId":"${CLIENT}"`))).toBe(true);
});
