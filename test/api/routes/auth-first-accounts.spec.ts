import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Gateway } from '../../../src/api/gateway.ts';
import type { CommandEnvelope } from '../../../src/commands/bus.ts';
import { makeInProcessBus } from '../../../src/commands/in-process-bus.ts';
import { scopeOf } from '../../../src/domain/commands.ts';
import { AccountIdSchema, commandIdOf } from '../../../src/domain/ids.ts';
import type { RejectionCode } from '../../../src/domain/rejections.ts';
import { rejection } from '../../../src/domain/rejections.ts';
import type { TestApi } from '../api-stack.ts';
import { expectProblem } from '../api-stack.ts';
import { bearer, firstAccountOf, newName, PASSWORD, refreshTokenOf, registered, startAuthApi, withCookie } from './auth-stack.ts';

let api: TestApi;
/** What every command is refused with; undefined: they are decided. */
let refusing: RejectionCode | undefined;
beforeAll(async () => {
  api = await startAuthApi({
    gateway: ({ bus }): Gateway => ({
      async send(envelope) {
        if (refusing === undefined) return bus.send(envelope);
        const commandId = commandIdOf(scopeOf(envelope.command), envelope.key);
        return { status: 'rejected', hit: false, commandId, rejection: rejection(refusing, 'As the test wants it.') };
      },
    }),
  });
});
afterEach(() => {
  refusing = undefined;
});
afterAll(() => api.close());

const builtIn = () => {
  if (api.identity.builtIn === undefined) throw new Error('the ledger issues no tokens');
  return api.identity.builtIn;
};
/** A user whose registration was cut short right after the identity was written. */
async function stranded(): Promise<{ readonly name: string; readonly userId: string; readonly token: string }> {
  const registration = await builtIn().users.register({ name: newName(), password: PASSWORD });
  if (registration.kind !== 'registered') throw new Error(registration.kind);
  const { name, userId } = registration.user;
  return { name, userId, token: await userToken(userId) };
}
const userToken = async (subject: string): Promise<string> =>
  (await builtIn().tokens.issue({ subject, role: 'user', name: subject })).accessToken;
const logIn = (name: string) => api.send('POST', '/v1/auth/login', { body: { name, password: PASSWORD } });
const accountIdsOf = async (token: string): Promise<readonly string[]> =>
  (await api.get('/v1/me', bearer(token))).body.accounts.map(({ accountId }: { accountId: string }) => accountId);
const eventsOf = async (accountId: string) => {
  const events = await Array.fromAsync(api.stack.store.streams.read(`account-${accountId}`, 0n));
  return events.map(({ event }) => event.type);
};

describe('a registration that was cut short', () => {
  test('is mended by a log-in', async () => {
    const { name, userId } = await stranded();
    const { status, body } = await logIn(name);
    expect(status).toBe(200);
    expect(body.accountId).toBe(firstAccountOf(userId));
    expect(await accountIdsOf(body.accessToken)).toEqual([body.accountId]);
  });

  test('is mended by the first use of any route', async () => {
    const { userId, token } = await stranded();
    const deposit = await api.post(`/v1/accounts/${firstAccountOf(userId)}/deposits`, { asset: 'USD', amount: '5.00' }, bearer(token));
    expect(deposit.status).toBe(201);
  });

  test('is mended by log-ins and uses at once, with one account', async () => {
    const { name, userId, token } = await stranded();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => (index % 2 ? logIn(name) : api.get('/v1/assets', bearer(token)))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
    expect(await eventsOf(firstAccountOf(userId))).toEqual(['account-opened']);
  });

  test('is mended by several processes at once, with one account', async () => {
    const { userId, token } = await stranded();
    const accountId = AccountIdSchema.parse(firstAccountOf(userId));
    const elsewhere = makeInProcessBus(api.stack.another());
    const opening: CommandEnvelope = {
      command: { type: 'open-account', accountId, ownerId: userId },
      key: 'first-account',
      actor: userId,
      onlyOwner: userId,
      transport: 'rest',
      correlationId: 'elsewhere',
      dryRun: false,
    };
    const [here, there] = await Promise.all([api.get('/v1/assets', bearer(token)), elsewhere.send(opening)]);
    expect([here.status, there.status]).toEqual([200, 'applied']);
    expect(await eventsOf(accountId)).toEqual(['account-opened']);
    await elsewhere.close();
  });
});

describe.each(['overloaded', 'store_unavailable', 'broker_unavailable', 'projection_behind', 'outcome_unknown'] as const)(
  'while commands are answered %s',
  (code) => {
    test('who registers is told so, with the account that will be theirs; the next use opens it', async () => {
      refusing = code;
      const user = await registered(api);
      expect(user.accountId).toBe(firstAccountOf(user.userId));
      expect((await logIn(user.name)).status).toBe(200);
      const refreshed = await api.send('POST', '/v1/auth/refresh', { headers: withCookie(user.refreshToken) });
      expect(refreshTokenOf(refreshed)).not.toBe('');

      // Until then each use is refused as something that was not done, and may be later.
      const refused = await api.get('/v1/me', bearer(user.accessToken));
      expectProblem(refused, 503, code === 'overloaded' ? 'overloaded' : 'store_unavailable', { retryable: true });
      expect(refused.headers['retry-after']).toBeDefined();
      refusing = undefined;
      expect(await accountIdsOf(user.accessToken)).toEqual([user.accountId]);
    });
  },
);

test('a user whose account is open is not kept out by commands that cannot be decided', async () => {
  const { accessToken, accountId } = await registered(api);
  refusing = 'store_unavailable';
  expect(await accountIdsOf(accessToken)).toEqual([accountId]);
});

test('users of another issuer, who never register, get theirs at the first use', async () => {
  // Their subject is whatever the issuer calls them; the UUID is made of it.
  const token = await userToken('auth0|5f7c8ec7c33c6c004bbafe82');
  const { body } = await api.get('/v1/me', bearer(token));
  expect(body.accounts).toMatchObject([{ accountId: firstAccountOf(body.userId), ownerId: body.userId }]);
});

test('nobody else gets one', async () => {
  for (const role of ['operator', 'auditor', 'producer'] as const) {
    const { accessToken } = await builtIn().tokens.issue({ subject: `${role}-machine`, role, name: role });
    const { body } = await api.get('/v1/me', bearer(accessToken));
    expect(body.accounts).toEqual([]);
    expect(await eventsOf(firstAccountOf(body.userId))).toEqual([]);
  }
});

test('an account of that id that an operator has opened for the user in another way is theirs as well', async () => {
  const userId = randomUUID();
  const { accessToken: operator } = await builtIn().tokens.issue({ subject: 'an-operator', role: 'operator', name: 'o' });
  const opened = await api.post(
    '/v1/accounts',
    { accountId: firstAccountOf(userId), ownerId: userId, label: 'Opened early' },
    bearer(operator),
  );
  expect(opened.status).toBe(201);
  expect(await accountIdsOf(await userToken(userId))).toEqual([firstAccountOf(userId)]);
});

// The last one here: the projector does not come back.
test('registering waits for a projection that has fallen behind, but not for ever', async () => {
  await api.stack.projector.stop();
  const user = await registered(api);
  expect(await eventsOf(user.accountId)).toEqual(['account-opened']);
  // The account is open, whether reads find it already or not: nobody is kept out.
  expect((await api.get('/v1/assets', bearer(user.accessToken))).status).toBe(200);
});
