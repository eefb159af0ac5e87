// Credentials: what is asked for, and what is said where they are missing or not taken (RFC 6750).
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bearerPrincipal } from '../../src/api/principal.ts';
import { principalFrom } from '../../src/identity/principal.ts';
import type { TokenVerdict } from '../../src/identity/token-verifier.ts';
import type { TestApi } from './api-stack.ts';
import { expectProblem, startTestApi } from './api-stack.ts';

const VERDICTS: Readonly<Record<string, TokenVerdict>> = {
  good: { kind: 'principal', principal: principalFrom('test', 'alice', 'user', 'alice') },
  old: { kind: 'expired' },
  forged: { kind: 'refused', why: 'The claim "aud" is not as it must be – at all.' },
  unchecked: { kind: 'unavailable', error: new Error('no key set') },
};

let api: TestApi;
beforeAll(async () => {
  const verify = async (token: string): Promise<TokenVerdict> => VERDICTS[token] ?? { kind: 'refused', why: 'It is none.' };
  api = await startTestApi({ app: { principal: bearerPrincipal({ verify }) } });
});
afterAll(() => api.close());

const asking = (authorization?: string) => api.get('/v1/me', authorization === undefined ? {} : { authorization });

test('a token that is taken', async () => {
  for (const authorization of ['Bearer good', 'bearer  good', 'BEARER good '])
    expect((await asking(authorization)).body).toMatchObject({ name: 'alice' });
});

test('without a token, the challenge names the scheme and nothing else', async () => {
  for (const authorization of [undefined, 'Basic YWxpY2U6c2VjcmV0', 'Bearer', 'Bearer two words', 'good']) {
    const answer = await asking(authorization);
    expectProblem(answer, 401, 'unauthenticated');
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  }
  const inQuery = await api.get('/v1/me?access_token=good');
  expectProblem(inQuery, 401, 'unauthenticated');
});

test('a token that is not taken is told so, with the reason', async () => {
  const old = await asking('Bearer old');
  expectProblem(old, 401, 'token_expired');
  expect(old.headers['www-authenticate']).toBe(`Bearer error="invalid_token", error_description="${old.body.detail}"`);
  const forged = await asking('Bearer forged');
  expectProblem(forged, 401, 'unauthenticated');
  expect(forged.headers['www-authenticate']).toBe(
    'Bearer error="invalid_token", error_description="The access token is not taken. The claim ?aud? is not as it must be ? at all."',
  );
});

test('a token that nobody can check at the moment is not called invalid', async () => {
  const answer = await asking('Bearer unchecked');
  expectProblem(answer, 503, 'store_unavailable');
  expect(answer.headers).not.toHaveProperty('www-authenticate');
});
