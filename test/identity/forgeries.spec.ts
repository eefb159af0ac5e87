// Tokens that are none, against the API as it listens: each is refused with the right code, and the books stay as they are. The list
// follows RFC 8725.
import { randomUUID } from 'node:crypto';
import { exportSPKI } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { bearerPrincipal } from '../../src/api/principal.ts';
import { type BuiltInIssuer, type Identity, openIdentity } from '../../src/identity/identity.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Database, openDatabase } from '../../src/postgres/pool.ts';
import { type Answer, expectProblem, newKey, startTestApi, type TestApi } from '../api/api-stack.ts';
import { startPostgres, type TestDatabase } from '../stack/postgres.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import {
  base64url,
  byEd25519,
  byHmac,
  byKeyObject,
  type Claims,
  decoded,
  ed25519Pair,
  encoded,
  type Header,
  p256Pair,
  rsaPair,
  type Signer,
  tokenOf,
  unsigned,
  withPart,
} from './forged-tokens.ts';

const ISSUER = 'ledgerfold-forgeries';
const AUDIENCE = 'the-ledger';

interface Issuer {
  readonly identity: Identity;
  readonly builtIn: BuiltInIssuer;
  close(): Promise<void>;
}

async function startIssuer(issuer: string): Promise<Issuer> {
  const server: TestDatabase = await startPostgres();
  const database: Database = openDatabase(server.url, { maxConnections: 2 });
  await migrate(database.db, 'identity');
  const identity = await openIdentity({
    db: database.db,
    tokens: { issuer, audience: AUDIENCE },
    keySecret: TEST_KEY_SECRET,
    onError: () => {},
  });
  const { builtIn } = identity;
  if (builtIn === undefined) throw new Error('it issues no tokens');
  const close = async (): Promise<void> => {
    identity.close();
    await database.close();
    await server.close();
  };
  return { identity, builtIn, close };
}

let own: Issuer;
let other: Issuer;
let api: TestApi;
let accountId: string;
let good: string;
/** What a good token has, and who signs it. */
let header: Header;
let claims: Claims;
let byOwnKey: Signer;
beforeAll(async () => {
  [own, other] = [await startIssuer(ISSUER), await startIssuer(ISSUER)];
  api = await startTestApi({ app: { principal: bearerPrincipal(own.identity.verifier) } });
  good = await issuedBy(own);
  const [first = '', second = ''] = good.split('.');
  header = decoded(first);
  claims = decoded(second);
  byOwnKey = byEd25519(own.builtIn.keys.signing().privateKey);
  const opened = await api.post('/v1/accounts', {}, bearer(good));
  expect(opened.status).toBe(201);
  accountId = opened.body.accountId;
});
afterAll(async () => {
  await api?.close();
  await own?.close();
  await other?.close();
});

const issuedBy = async ({ builtIn }: Issuer): Promise<string> =>
  (await builtIn.tokens.issue({ subject: randomUUID(), role: 'operator', name: 'olivia' })).accessToken;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const nowS = (): number => Math.floor(Date.now() / 1000);
/** Signed by the right key, and yet not good. */
const rightlySigned = (more: Claims, moreHeader: Header = {}): Promise<string> =>
  tokenOf({ ...header, ...moreHeader }, { ...claims, ...more }, byOwnKey);
const without = (from: Claims, ...names: readonly string[]): Claims =>
  Object.fromEntries(Object.entries(from).filter(([name]) => !names.includes(name)));
const publicJwk = () => own.builtIn.keys.jwks().keys[0] ?? {};
const publicPem = async (): Promise<string> => {
  const key = await own.builtIn.keys.verifying(String(header['kid']));
  if (key === undefined) throw new Error('the key that signs is not published');
  return exportSPKI(key);
};

/** A read and a write with the token: both are refused so, and nothing is written. */
async function expectRefused(authorization: string, code = 'unauthenticated'): Promise<readonly Answer[]> {
  const before = await api.stack.store.streams.head();
  const headers = { authorization };
  const answers = [
    await api.get(`/v1/accounts/${accountId}`, headers),
    await api.post(`/v1/accounts/${accountId}/deposits`, { asset: 'USD', amount: '1.00' }, headers),
  ];
  for (const answer of answers) {
    expectProblem(answer, 401, code);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer\b/);
  }
  expect(await api.stack.store.streams.head()).toEqual(before);
  return answers;
}

const FORGERIES: Readonly<Record<string, () => string | Promise<string>>> = {
  // RFC 8725, 2.1 and 3.1: the algorithm is never the token's to choose.
  'alg none, without a signature': () => tokenOf({ ...header, alg: 'none' }, claims, unsigned),
  'alg none, with the signature of another': () => withPart(good, 'header', () => encoded({ ...header, alg: 'none' })),
  'alg None': () => tokenOf({ ...header, alg: 'None' }, claims, unsigned),
  'alg NONE': () => tokenOf({ ...header, alg: 'NONE' }, claims, byOwnKey),
  'alg nOnE': () => tokenOf({ ...header, alg: 'nOnE' }, claims, unsigned),
  'alg of nothing': () => tokenOf({ ...header, alg: '' }, claims, byOwnKey),
  'no alg': () => tokenOf(without(header, 'alg'), claims, byOwnKey),
  'alg that is a list': () => tokenOf({ ...header, alg: ['EdDSA'] }, claims, byOwnKey),
  'alg that is null': () => tokenOf({ ...header, alg: null }, claims, byOwnKey),
  'alg in small letters': () => tokenOf({ ...header, alg: 'eddsa' }, claims, byOwnKey),
  'HS256 under the public key as JWK': () => tokenOf({ ...header, alg: 'HS256' }, claims, byHmac(JSON.stringify(publicJwk()))),
  'HS256 under the public key as PEM': async () => tokenOf({ ...header, alg: 'HS256' }, claims, byHmac(await publicPem())),
  'HS256 under the bare public key': () =>
    tokenOf({ ...header, alg: 'HS256' }, claims, byHmac(Buffer.from(String(publicJwk()['x']), 'base64url'))),
  'HS256 under the written public key': () => tokenOf({ ...header, alg: 'HS256' }, claims, byHmac(String(publicJwk()['x']))),
  'HS512 under nothing': () => tokenOf({ ...header, alg: 'HS512' }, claims, byHmac('', 'sha512')),
  'ES256 under the right kid': () => tokenOf({ ...header, alg: 'ES256' }, claims, byKeyObject(p256Pair().privateKey)),
  'a P-256 signature called EdDSA': () => tokenOf(header, claims, byKeyObject(p256Pair().privateKey)),
  'RS256 under the right kid': () => tokenOf({ ...header, alg: 'RS256' }, claims, byKeyObject(rsaPair().privateKey)),
  'an RSA signature called EdDSA': () => tokenOf(header, claims, byKeyObject(rsaPair().privateKey)),
  'the right key under its other name': () => rightlySigned({}, { alg: 'Ed25519' }),

  // 2.2, 3.2 and 3.10: the key is the issuer's own, wherever the token points.
  'another key under the right kid': () => tokenOf(header, claims, byKeyObject(ed25519Pair().privateKey)),
  'another key under a kid of nobody': () => tokenOf({ ...header, kid: 'nobody' }, claims, byKeyObject(ed25519Pair().privateKey)),
  'another issuer, with its own kid': () => issuedBy(other),
  "another issuer's key under this one's kid": () => tokenOf(header, claims, byEd25519(other.builtIn.keys.signing().privateKey)),
  'the right key under the kid of another issuer': () => rightlySigned({}, { kid: other.builtIn.keys.signing().kid }),
  'no kid': () => tokenOf(without(header, 'kid'), claims, byOwnKey),
  'a kid that is a number': () => rightlySigned({}, { kid: 1 }),
  'a kid that is null': () => rightlySigned({}, { kid: null }),
  'a kid of a prototype': () => rightlySigned({}, { kid: '__proto__' }),
  'a kid that leads elsewhere': () => tokenOf({ ...header, kid: '../../../../dev/null' }, claims, byHmac('')),
  'a kid that asks Postgres': () => tokenOf({ ...header, kid: "' UNION SELECT 'AA' -- \0" }, claims, byHmac('AA')),
  'its own key in jwk': () => {
    const { publicKey, privateKey } = ed25519Pair();
    return tokenOf({ ...header, jwk: publicKey.export({ format: 'jwk' }) }, claims, byKeyObject(privateKey));
  },
  'its own key in jwk, without kid': () => {
    const { publicKey, privateKey } = ed25519Pair();
    return tokenOf({ ...without(header, 'kid'), jwk: publicKey.export({ format: 'jwk' }) }, claims, byKeyObject(privateKey));
  },
  'its own key set in jku': () =>
    tokenOf({ ...header, kid: 'theirs', jku: `${api.url}/openapi.json` }, claims, byKeyObject(ed25519Pair().privateKey)),
  'its own certificate in x5u and x5c': () =>
    tokenOf({ ...header, x5u: `${api.url}/cert`, x5c: ['AAAA'] }, claims, byKeyObject(ed25519Pair().privateKey)),
  'a demand in crit that nobody knows': () => rightlySigned({}, { crit: ['urn:example:extra'], 'urn:example:extra': true }),
  'an empty crit': () => rightlySigned({}, { crit: [] }),
  'a payload that is not encoded (RFC 7797)': () => rightlySigned({}, { crit: ['b64'], b64: false }),

  // 3.8 and 3.9: who issued it, and for whom.
  'another issuer': () => rightlySigned({ iss: 'somebody-else' }),
  'an issuer in capitals': () => rightlySigned({ iss: ISSUER.toUpperCase() }),
  'several issuers': () => rightlySigned({ iss: [ISSUER, 'somebody-else'] }),
  'no issuer': () => tokenOf(header, without(claims, 'iss'), byOwnKey),
  'another audience': () => rightlySigned({ aud: 'another-service' }),
  'several audiences, none of them the ledger': () => rightlySigned({ aud: ['another-service', `${AUDIENCE}.`] }),
  'no audience': () => tokenOf(header, without(claims, 'aud'), byOwnKey),
  'an audience that is an object': () => rightlySigned({ aud: { [AUDIENCE]: true } }),
  'no subject': () => tokenOf(header, without(claims, 'sub'), byOwnKey),
  'an empty subject': () => rightlySigned({ sub: '' }),
  'a subject that is an object': () => rightlySigned({ sub: { id: claims['sub'] } }),
  'a subject that is a number': () => rightlySigned({ sub: 7 }),
  'a subject with a NUL': () => rightlySigned({ sub: 'a\0b' }),
  'a subject with half a character': () => rightlySigned({ sub: 'a\ud800' }),
  'a subject without end': () => rightlySigned({ sub: 'x'.repeat(256) }),

  // Until when, and from when.
  'no expiry': () => tokenOf(header, without(claims, 'exp'), byOwnKey),
  'an expiry that is a text': () => rightlySigned({ exp: String(nowS() + 60) }),
  'an expiry that is null': () => rightlySigned({ exp: null }),
  'an expiry without end': () => tokenOf(header, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999'), byOwnKey),
  'not yet valid': () => rightlySigned({ nbf: nowS() + 60 }),
  'valid from a time that is a text': () => rightlySigned({ nbf: 'now' }),

  // 3.11 and 3.12: an access token, and nothing else that the issuer may have signed.
  'an id token': () => rightlySigned({}, { typ: 'JWT' }),
  'no type': () => tokenOf(without(header, 'typ'), claims, byOwnKey),
  'a token of a log-out': () => rightlySigned({}, { typ: 'logout+jwt' }),
  'a type that is a list': () => rightlySigned({}, { typ: ['at+jwt'] }),
  'no role': () => tokenOf(header, without(claims, 'role'), byOwnKey),
  'a role of nobody': () => rightlySigned({ role: 'admin' }),
  'a role in capitals': () => rightlySigned({ role: 'OPERATOR' }),
  'several roles': () => rightlySigned({ role: ['user', 'operator'] }),
  'several roles in a text': () => rightlySigned({ role: 'user operator' }),
  'a role that is true': () => rightlySigned({ role: true }),
  'a role of a prototype': () => rightlySigned({ role: 'constructor' }),
  'a role in __proto__': () =>
    tokenOf(header, JSON.stringify(without(claims, 'role')).replace('{', '{"__proto__":{"role":"operator"},'), byOwnKey),
  'a header in __proto__': () => tokenOf(`{"__proto__":${JSON.stringify(header)}}`, claims, byOwnKey),
  'claims in __proto__': () => tokenOf(header, `{"__proto__":${JSON.stringify(claims)}}`, byOwnKey),

  // 2.3 and 3.3: what was signed is what is read.
  'another subject after signing': () => withPart(good, 'claims', (part) => encoded({ ...decoded(part), sub: randomUUID() })),
  'a later expiry after signing': () => withPart(good, 'claims', (part) => encoded({ ...decoded(part), exp: nowS() + 3600 })),
  'another header after signing': () => withPart(good, 'header', (part) => encoded({ ...decoded(part), extra: 1 })),
  'the same claims written otherwise': () => withPart(good, 'claims', (part) => base64url(` ${JSON.stringify(decoded(part))}`)),
  'a signature with a bit turned': () =>
    withPart(good, 'signature', (part) => {
      const bytes = Buffer.from(part, 'base64url');
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      return bytes.toString('base64url');
    }),
  'a signature of zeros': () => tokenOf(header, claims, () => Buffer.alloc(64)),
  'half a signature': () => withPart(good, 'signature', (part) => part.slice(0, 43)),
  'a signature and more': () => withPart(good, 'signature', (part) => `${part}AAAA`),
  'the signature of another token': async () => {
    const [, , theirs = ''] = (await issuedBy(own)).split('.');
    return withPart(good, 'signature', () => theirs);
  },
  'the signature stripped': () => withPart(good, 'signature', () => ''),
  'the signature and its dot stripped': () => good.split('.').slice(0, 2).join('.'),
  'claims alone': () => good.split('.')[1] ?? '',
  'two dots': () => '..',
  'four dots, as of an encrypted token': () => `${good}.AAAA.AAAA`,
  'a dot at the end': () => `${good}.`,
  'other characters': () => withPart(good, 'claims', (part) => `${part}+/`),
  'a filled up signature': () => `${good}==`,
  'a header that is no JSON': () => tokenOf('{', claims, byOwnKey),
  'a header that is a list': () => tokenOf('["EdDSA"]', claims, byOwnKey),
  'a header that is no UTF-8': () =>
    withPart(good, 'header', () => Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')),
  'claims that are no JSON': () => tokenOf(header, 'claims', byOwnKey),
  'claims that are a list': () => tokenOf(header, JSON.stringify([claims]), byOwnKey),
  'claims that are null': () => tokenOf(header, 'null', byOwnKey),
  'deep claims': () => tokenOf(header, '['.repeat(3000), byOwnKey),
  'a giant token': () => rightlySigned({ more: 'x'.repeat(8000) }),
  'a giant of no token': () => 'A'.repeat(12_000),
};

describe('a token is refused', () => {
  test.each(Object.entries(FORGERIES))('%s', async (_what, forge) => {
    await expectRefused(`Bearer ${await forge()}`);
  });

  test('that has expired, with a code of its own', async () => {
    await expectRefused(`Bearer ${await rightlySigned({ iat: nowS() - 960, exp: nowS() - 60 })}`, 'token_expired');
    await expectRefused(`Bearer ${await rightlySigned({ exp: 0 })}`, 'token_expired');
    await expectRefused(`Bearer ${await rightlySigned({ exp: -1e300 })}`, 'token_expired');
  });

  test('that has expired and is forged, without saying that it was good once', async () => {
    const expired = { ...claims, exp: nowS() - 60 };
    await expectRefused(`Bearer ${await tokenOf(header, expired, byKeyObject(ed25519Pair().privateKey))}`);
    await expectRefused(`Bearer ${await tokenOf(header, { ...expired, aud: 'another-service' }, byOwnKey)}`);
  });

  test('once it has expired, also where it was known by sight', async () => {
    const read = () => api.get(`/v1/accounts/${accountId}`, bearer(good));
    expect((await read()).status).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'], now: (Number(claims['exp']) + 4) * 1000 });
    try {
      // Clocks may differ by five seconds.
      expect((await read()).status).toBe(200);
      vi.setSystemTime((Number(claims['exp']) + 5) * 1000);
      await expectRefused(`Bearer ${good}`, 'token_expired');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('an Authorization header is refused', () => {
  const HEADERS: Readonly<Record<string, () => string>> = {
    'of another scheme': () => `Basic ${Buffer.from(`bearer:${good}`).toString('base64')}`,
    'without a scheme': () => good,
    'without a token': () => 'Bearer',
    'with two tokens': () => `Bearer ${good}, Bearer ${good}`,
    'with parameters': () => `Bearer token="${good}"`,
    'with something after the token': () => `Bearer ${good} x`,
    'with something between': () => `Bearer\t${good}`,
  };
  test.each(Object.entries(HEADERS))('%s', async (_what, make) => {
    await expectRefused(make());
  });

  test('and a token elsewhere is not looked at', async () => {
    const elsewhere = await api.get(`/v1/accounts?access_token=${good}`, { cookie: `access_token=${good}`, 'x-access-token': good });
    expectProblem(elsewhere, 401, 'unauthenticated');
  });
});

test('what is refused is said without the token in it, and is not logged', async () => {
  const forged = await tokenOf(header, { ...claims, sub: 'a-forged-subject' }, byKeyObject(ed25519Pair().privateKey));
  const [, , signature = ''] = forged.split('.');
  const answers = await expectRefused(`Bearer ${forged}`);
  for (const { text } of answers) expect(text).not.toMatch(new RegExp(`${signature}|a-forged-subject`));
  await api.get(`/v1/accounts/${accountId}`, bearer(good));
  const [, , goodSignature = ''] = good.split('.');
  expect(api.logged.length).toBeGreaterThan(0);
  expect(api.logged.filter((line) => line.includes(signature) || line.includes(goodSignature))).toEqual([]);
});

test('beside all these, the good token is good', async () => {
  for (const token of [good, await rightlySigned({}), await rightlySigned({ aud: ['another-service', AUDIENCE], nbf: nowS() })]) {
    expect((await api.get(`/v1/accounts/${accountId}`, bearer(token))).status).toBe(200);
  }
  const paid = await api.post(
    `/v1/accounts/${accountId}/deposits`,
    { asset: 'USD', amount: '1.00' },
    { authorization: `bEaReR ${good}`, 'idempotency-key': newKey() },
  );
  expect(paid.status).toBe(201);
  expect(paid.body.balances).toEqual([{ asset: 'USD', available: '1.00', held: '0.00' }]);
});
