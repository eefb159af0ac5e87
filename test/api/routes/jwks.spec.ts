import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JWKS_MAX_AGE_S } from '../../../src/identity/signing-keys.ts';
import type { TestApi } from '../api-stack.ts';
import { expectProblem, NOBODY } from '../api-stack.ts';
import { PASSWORD, registered, startAuthApi } from './auth-stack.ts';

const JWKS = '/.well-known/jwks.json';

describe('the key set', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startAuthApi();
  });
  afterAll(() => api.close());

  test('is anyone’s, may be kept for some minutes, and holds nothing private', async () => {
    const { status, body, headers } = await api.get(JWKS, NOBODY);
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe(`public, max-age=${JWKS_MAX_AGE_S}`);
    const kid = expect.stringMatching(/^[A-Za-z0-9_-]{43}$/);
    expect(body).toEqual({ keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', x: expect.any(String), kid }] });
  });

  test('verifies the tokens that the ledger issues, for whoever has nothing else', async () => {
    const { accessToken, userId } = await registered(api);
    const keys = createRemoteJWKSet(new URL(JWKS, api.url));
    const { payload } = await jwtVerify(accessToken, keys, { issuer: 'ledgerfold', audience: 'ledgerfold', typ: 'at+jwt' });
    expect(payload).toMatchObject({ sub: userId, role: 'user' });
  });

  test('takes no query', async () => {
    expectProblem(await api.get(`${JWKS}?a=1`), 400, 'malformed_request');
  });
});

describe('where another issuer’s tokens are taken', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startAuthApi({ external: { jwksUrl: 'http://127.0.0.1:9/jwks.json', rolesClaim: 'role' } });
  });
  afterAll(() => api.close());

  test('the key set is empty', async () => {
    expect((await api.get(JWKS)).body).toEqual({ keys: [] });
  });

  test.each(['register', 'login', 'refresh', 'logout', 'token'])(
    'there is nothing at /v1/auth/%s, and the answer says why',
    async (route) => {
      const sent = { body: { name: 'alice', password: PASSWORD } };
      for (const asked of [{}, sent, { body: { nonsense: true } }])
        expectProblem(await api.send('POST', `/v1/auth/${route}`, asked), 404, 'not_found', {
          detail: expect.stringContaining('another issuer'),
        });
    },
  );
});
