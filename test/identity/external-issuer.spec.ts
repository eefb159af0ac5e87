// Tokens of another issuer, whose keys come over HTTP.
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearerPrincipal } from '../../src/api/principal.ts';
import { principalUuidOf } from '../../src/domain/ids.ts';
import type { ExternalKeysOptions } from '../../src/identity/external-keys.ts';
import { openIdentity } from '../../src/identity/identity.ts';
import { externalVerifier, roleIn } from '../../src/identity/token-verifier.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { expectProblem, startTestApi, type TestApi } from '../api/api-stack.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import { waitFor } from '../stack/waiting.ts';
import { byHmac, byKeyObject, tokenOf, unsigned } from './forged-tokens.ts';
import type { KeyServer } from './key-server.ts';
import { AUDIENCE, byRsa, claimsOf, ed25519Key, ISSUER, issued, p256Key, rsaKey, startKeyServer } from './key-server.ts';

const keys = { rsa: rsaKey('rsa-1'), p256: p256Key('p256-1'), ed25519: ed25519Key('ed25519-1') };
const small = rsaKey('small', 1024);

describe('an API that takes the tokens of another issuer', () => {
  let server: KeyServer;
  let api: TestApi;
  beforeAll(async () => {
    server = await startKeyServer(...Object.values(keys), small);
    // Another issuer needs no database.
    const database = openDatabase('postgres://nobody@127.0.0.1:1/none');
    const { verifier, builtIn, close } = await openIdentity({
      db: database.db,
      tokens: { issuer: ISSUER, audience: AUDIENCE },
      external: { jwksUrl: server.url, rolesClaim: 'role' },
      keySecret: TEST_KEY_SECRET,
      onError: () => {},
    });
    expect(builtIn).toBeUndefined();
    api = await startTestApi({ app: { principal: bearerPrincipal(verifier) } });
    return async () => {
      close();
      await database.close();
    };
  });
  afterAll(async () => {
    await api?.close();
    await server?.goAway();
  });
  const me = async (token: string) => api.get('/v1/me', { authorization: `Bearer ${token}` });

  it.each(Object.values(keys))('knows who is behind a token signed with $alg', async (key) => {
    const { status, body } = await me(await issued(key, { sub: 'auth0|alice', preferred_username: 'alice' }));
    expect({ status, body }).toMatchObject({ status: 200, body: { userId: principalUuidOf(ISSUER, 'auth0|alice'), name: 'alice' } });
    const sub = randomUUID();
    expect((await me(await issued(key, { sub }))).body).toMatchObject({ userId: sub, name: sub });
  });

  it('takes Ed25519 by its newer name, and every way in which access tokens are called', async () => {
    expect((await me(await issued(keys.ed25519, {}, { alg: 'Ed25519' }))).status).toBe(200);
    for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+jwt', undefined])
      expect((await me(await issued(keys.p256, {}, { typ }))).status, typ).toBe(200);
  });

  it('needs no kid where one key alone fits', async () => {
    expect((await me(await issued(keys.p256, {}, { kid: undefined }))).status).toBe(200);
    expectProblem(await me(await issued(keys.rsa, {}, { kid: undefined })), 401, 'unauthenticated');
  });

  const { rsa, p256, ed25519 } = keys;
  const headerOf = (alg: string, kid: string) => ({ typ: 'JWT', alg, kid });
  const rsaPem = rsa.publicKey.export({ format: 'pem', type: 'spki' });
  const FORGERIES: Readonly<Record<string, () => Promise<string>>> = {
    none: () => tokenOf(headerOf('none', rsa.kid), claimsOf(), unsigned),
    'HS256 under the public key': () => tokenOf(headerOf('HS256', rsa.kid), claimsOf(), byHmac(rsaPem)),
    PS256: () => tokenOf(headerOf('PS256', rsa.kid), claimsOf(), byRsa(rsa.privateKey, 'sha256', 'pss')),
    RS384: () => tokenOf(headerOf('RS384', rsa.kid), claimsOf(), byRsa(rsa.privateKey, 'sha384')),
    RS512: () => tokenOf(headerOf('RS512', rsa.kid), claimsOf(), byRsa(rsa.privateKey, 'sha512')),
    'RS256 with a key of 1024 bits': () => issued(small),
    'RS256 under the kid of another kind of key': () => tokenOf(headerOf('RS256', p256.kid), claimsOf(), byKeyObject(rsa.privateKey)),
    'ES256 under the kid of an Ed25519 key': () => tokenOf(headerOf('ES256', ed25519.kid), claimsOf(), byKeyObject(p256.privateKey)),
    'a key that is not published': () => issued(ed25519Key('ed25519-1')),
    'a kid that is not published': () => issued({ ...ed25519, kid: 'unheard-of' }),
    'another issuer': () => issued(rsa, { iss: `${ISSUER}/` }),
    'another audience': () => issued(rsa, { aud: 'https://shop.example.com' }),
    'no expiry': () => issued(rsa, { exp: undefined }),
    'no subject': () => issued(rsa, { sub: undefined }),
    'a subject that is no text': () => issued(rsa, { sub: { toString: 'alice' } }),
    'no role': () => issued(rsa, { role: undefined }),
    'roles of other services': () => issued(rsa, { role: ['admin', 'offline_access'] }),
    'a token of a log-out': () => issued(rsa, {}, { typ: 'logout+jwt' }),
    'a proof of possession': () => issued(rsa, {}, { typ: 'dpop+jwt' }),
    'a token of the ledger itself': () => issued(ed25519, { iss: 'ledgerfold', aud: 'ledgerfold' }, { typ: 'at+jwt' }),
  };
  it.each(Object.entries(FORGERIES))('refuses %s', async (_what, forge) => {
    expectProblem(await me(await forge()), 401, 'unauthenticated');
  });

  it('says of an expired token that it has expired', async () => {
    expectProblem(await me(await issued(rsa, { exp: Math.floor(Date.now() / 1000) - 60 })), 401, 'token_expired');
  });

  it('asks for the keys seldom, however many keys are named that nobody knows', async () => {
    const before = server.asked();
    for (let count = 0; count < 20; count += 1) await me(await issued({ ...ed25519, kid: `guess-${count}` }));
    expect(server.asked() - before).toBeLessThanOrEqual(1);
  });
});

describe('an API whose issuer is away from the start', () => {
  it('answers that it cannot say, until the issuer is there', async () => {
    await using server = await startKeyServer(keys.rsa);
    const verifier = externalVerifier({ issuer: ISSUER, audience: AUDIENCE, rolesClaim: 'role', jwksUrl: server.url, onError: () => {} });
    const api = await startTestApi({ app: { principal: bearerPrincipal(verifier) } });
    try {
      const ask = async () => api.get('/v1/me', { authorization: `Bearer ${await issued(keys.rsa)}` });
      server.misbehave((_request, response) => response.writeHead(500).end());
      const away = await ask();
      expectProblem(away, 503, 'store_unavailable', { retryable: true });
      expect(Number(away.headers['retry-after'])).toBeGreaterThan(0);
      server.publish([keys.rsa]);
      expect((await ask()).status).toBe(200);
    } finally {
      await api.close();
    }
  });
});

describe('the keys of another issuer', () => {
  let server: KeyServer;
  beforeEach(async () => {
    server = await startKeyServer(keys.rsa);
  });
  afterEach(() => server.goAway());

  function verifierWith(times: Partial<ExternalKeysOptions> = {}) {
    const errors: unknown[] = [];
    const verifier = externalVerifier({
      issuer: ISSUER,
      audience: AUDIENCE,
      rolesClaim: 'role',
      jwksUrl: server.url,
      onError: (error) => void errors.push(error),
      ...times,
    });
    return { errors, verdict: async (token: string) => (await verifier.verify(token)).kind };
  }

  it('are read again for a key that is not known, and those that are taken back are forgotten', async () => {
    const { verdict } = verifierWith({ refreshMs: 0, unknownKeyMs: 0 });
    expect(await verdict(await issued(keys.rsa))).toBe('principal');
    server.publish([keys.rsa, keys.p256]);
    expect(await verdict(await issued(keys.p256))).toBe('principal');
    server.publish([keys.p256]);
    await waitFor(async () => expect(await verdict(await issued(keys.rsa))).toBe('refused'));
    expect(await verdict(await issued(keys.p256))).toBe('principal');
  });

  it('serve on while their issuer is away, and nobody waits for it', async () => {
    const { verdict, errors } = verifierWith({ refreshMs: 0 });
    expect(await verdict(await issued(keys.rsa))).toBe('principal');
    await server.goAway();
    expect(await verdict(await issued(keys.rsa))).toBe('principal');
    await waitFor(() => expect(errors).not.toEqual([]));
    expect(await verdict(await issued(keys.rsa))).toBe('principal');
  });

  it('end where their issuer is away for too long', async () => {
    const { verdict } = verifierWith({ refreshMs: 0, staleMs: 50 });
    expect(await verdict(await issued(keys.rsa))).toBe('principal');
    await server.goAway();
    await waitFor(async () => expect(await verdict(await issued(keys.rsa))).toBe('unavailable'));
  });

  it('of which one is not known are no answer while their issuer is away', async () => {
    const { verdict } = verifierWith({ unknownKeyMs: 0 });
    expect(await verdict(await issued(keys.rsa))).toBe('principal');
    await server.goAway();
    expect(await verdict(await issued(keys.p256))).toBe('unavailable');
  });

  it.each<[string, Parameters<KeyServer['misbehave']>[0]]>([
    ['no JSON', (_request, response) => response.end('<html>')],
    ['no key set', (_request, response) => response.end('{"keys":{}}')],
    ['an error', (_request, response) => response.writeHead(404).end('{"keys":[]}')],
    ['a way to elsewhere', (_request, response) => response.writeHead(302, { location: '/other' }).end()],
    ['a broken connection', (request) => request.socket.destroy()],
  ])('cannot be had where the answer is %s', async (_what, listener) => {
    server.misbehave(listener);
    expect(await verifierWith().verdict(await issued(keys.rsa))).toBe('unavailable');
  });
});

describe('the role in a token of another issuer', () => {
  it.each([
    ['a text', 'role', { role: 'auditor' }, 'auditor'],
    ['one of a text of several', 'scope', { scope: 'openid profile producer' }, 'producer'],
    ['one of a list', 'roles', { roles: ['admin', 'user'] }, 'user'],
    ['further down', 'realm_access.roles', { realm_access: { roles: ['offline_access', 'operator'] } }, 'operator'],
    ['in a claim with dots in its name', 'https://ledger.example/roles', { 'https://ledger.example/roles': ['user'] }, 'user'],
    ['the one that may do most', 'roles', { roles: ['user', 'auditor', 'operator', 'producer'] }, 'operator'],
    ['of several lists the one that is meant', 'a.roles', { a: { roles: ['user'] }, b: { roles: ['operator'] } }, 'user'],
    ['none, where the claim is not there', 'role', {}, undefined],
    ['none, where it names other things', 'role', { role: 'Operator' }, undefined],
    ['none, where it is an object', 'role', { role: { operator: true } }, undefined],
    ['none, where a level is missing', 'realm_access.roles', { realm_access: 'operator' }, undefined],
    ['none, where it is inherited', 'constructor.name', {}, undefined],
    ['none, where a prototype is given', 'role', JSON.parse('{"__proto__":{"role":"operator"}}'), undefined],
    ['none, where a list holds lists', 'roles', { roles: [['operator']] }, undefined],
  ])('is %s', (_what, claim, payload, role) => {
    expect(roleIn(payload, claim)).toBe(role);
  });
});
