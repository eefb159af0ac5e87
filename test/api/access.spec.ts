// Who may do what, asked of the API itself: every route by every role, about what is their own, what is somebody else's, and what is not there.
import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { controlAccess } from '../../src/api/access-control.ts';
import { ROUTE_ACCESS } from '../../src/identity/access.ts';
import type { Role } from '../../src/identity/roles.ts';
import { ROLES } from '../../src/identity/roles.ts';
import type { AccessRow } from './access-rows.ts';
import { ANYONE, READS, WRITES } from './access-rows.ts';
import type { World } from './access-worlds.ts';
import { emptyWorld, fullWorld, KEY, nothing, requestOf } from './access-worlds.ts';
import type { Answer, TestApi } from './api-stack.ts';
import { as, expectProblem, NOBODY, newKey, openedAccount, startTestApi, transferEnded } from './api-stack.ts';

const MINE = randomUUID();
const THEIRS = randomUUID();
const asMe = as('user', MINE);
/** Whoever asks: the users' own id, else any. */
const asRole = (role: Role): Readonly<Record<string, string>> => as(role, role === 'user' ? MINE : `some-${role}`);

let api: TestApi;
/** An account of nobody, to send to. */
let recipient: string;
let mine: World;
let theirs: World;
let untouched: readonly { readonly revision: string }[];
/** Of their account, as an entity tag. */
let revision: string;
const eventsOf = async ({ accountId }: World) => (await api.get(`/v1/accounts/${accountId}/events?limit=200`)).body.data;
beforeAll(async () => {
  api = await startTestApi();
  recipient = await openedAccount(api);
  mine = await fullWorld(api, MINE, recipient);
  theirs = await fullWorld(api, THEIRS, recipient);
  await transferEnded(api, theirs.transferId);
  untouched = await eventsOf(theirs);
  revision = `"${untouched[0]?.revision}"`;
});
afterAll(() => api.close());

const ROWS = [...WRITES, ...READS];

describe('the table', () => {
  test('has the rows of the contract, each of a route that is served', () => {
    const named = [...ROWS.map(({ route }) => route), ...ANYONE];
    expect(Object.keys(ROUTE_ACCESS).toSorted()).toEqual(named.toSorted());
    const unserved = named.filter((route) => {
      const [method = '', path = ''] = route.split(' ');
      return !api.app.hasRoute({ method, url: path.replaceAll(/\{([^}]+)\}/g, ':$1').replace('/*', '/json') });
    });
    expect(unserved).toEqual([]);
  });

  test('has a row for every route: another is not served', async () => {
    const app = Fastify();
    controlAccess(app, () => expect.fail('nobody asks'));
    expect(() => app.get('/v1/secrets', async () => 'secret')).toThrow('GET /v1/secrets has no row');
    expect(() => app.delete('/v1/assets', async () => 'gone')).toThrow('DELETE /v1/assets has no row');
    await app.close();
  });
});

const cases = ROWS.flatMap((row) => ROLES.map((role, n) => ({ ...row, role, cell: row.cells[n] })));

const ask = (route: string, world: World, headers: Readonly<Record<string, string>>): Promise<Answer> => {
  const { method, path, body } = requestOf(route, world, recipient);
  return api.send(method, path, { body, headers: { ...(method === 'GET' ? {} : { 'idempotency-key': newKey() }), ...headers } });
};
/** An account in which what the route does can still be done. */
const freshWorld = (route: string, userId: string): Promise<World> =>
  route.endsWith('/close') ? emptyWorld(api, userId) : fullWorld(api, userId, recipient);

async function expectDone(route: string, world: World, role: Role): Promise<void> {
  const answer = await ask(route, world, asRole(role));
  expect([200, 201], answer.text).toContain(answer.status);
  if (route === 'POST /v1/commands') expect(answer.body.results).toMatchObject([{ httpStatus: 201 }]);
}

describe('is forbidden, whatever is asked about, and told nothing else', () => {
  test.each(cases.filter(({ cell }) => cell === '-'))('$role, $route', async ({ role, route }) => {
    const answers = await Promise.all([mine, theirs, nothing()].map((world) => ask(route, world, asRole(role))));
    for (const answer of answers) expectProblem(answer, 403, 'forbidden');
    expect(new Set(answers.map(({ body: { instance: _, ...body } }) => JSON.stringify(body))).size).toBe(1);
  });
});

describe('may, at what is their own alone', () => {
  test.each(cases.filter(({ cell }) => cell === 'own'))('$role, $route', async ({ role, route, missing }) => {
    await expectDone(route, route.startsWith('GET ') ? mine : await freshWorld(route, MINE), role);
    if (missing === undefined) return;
    for (const world of [theirs, nothing()]) expectProblem(await ask(route, world, asRole(role)), 404, missing);
  });
});

describe('may, at everybody’s', () => {
  test.each(cases.filter(({ cell }) => cell === 'yes'))('$role, $route', async ({ role, route, missing }) => {
    await expectDone(route, route.startsWith('GET ') ? theirs : await freshWorld(route, THEIRS), role);
    if (missing !== undefined) expectProblem(await ask(route, nothing(), asRole(role)), 404, missing);
  });
});

test('whoever has no credentials may do nothing of it', async () => {
  for (const { route } of ROWS)
    for (const world of [mine, nothing()]) expectProblem(await ask(route, world, NOBODY), 401, 'unauthenticated');
});

test('what is anyone’s asks nobody who they are', async () => {
  for (const route of ANYONE) {
    const [withNone, withBad] = [await asked(route, nothing(), { headers: {} }), await asked(route, nothing(), { headers: NOBODY })];
    expect([route, withBad.status]).toEqual([route, withNone.status]);
    if (!route.includes('/auth/')) expect([route, withNone.status]).toEqual([route, 200]);
  }
});

interface Variant {
  readonly name: string;
  readonly method?: 'HEAD';
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** A request as it is, without what the spec's client would make of the answer. */
async function asked(route: string, world: World, { method, query = '', headers = asMe, body: given }: Omit<Variant, 'name'>) {
  const request = requestOf(route, world, recipient);
  const body = given ?? request.body;
  const more = request.path.includes('?') ? query.replace('?', '&') : query;
  const answer = await fetch(`${api.url}${request.path}${more}`, {
    method: method ?? request.method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
}

/** All that an answer says, but for which request it answers and the ids that were asked about. */
function told({ status, headers, text }: Awaited<ReturnType<typeof asked>>, world: World): unknown {
  const { date: _date, 'x-request-id': requestId, ...others } = headers;
  let body = text.replaceAll(requestId ?? 'none', '<request>').replaceAll(/"commandId":"[^"]+"/g, '"commandId":"<id>"');
  for (const id of Object.values(world)) body = body.replaceAll(id, '<id>');
  return { status, headers: others, body };
}

const readVariants = (): readonly Variant[] => [
  { name: 'as it is' },
  { name: 'HEAD', method: 'HEAD' },
  { name: 'If-None-Match: any', headers: { ...asMe, 'if-none-match': '*' } },
  { name: 'If-None-Match: its revision', headers: { ...asMe, 'if-none-match': revision } },
  { name: 'minPosition', query: '?minPosition=1' },
  { name: 'a page', query: '?limit=1&cursor=bm9uZQ' },
  { name: 'by their name for it', headers: { ...asMe, 'x-user-id': THEIRS, 'x-actor': THEIRS } },
];
const writeVariants = (): readonly Variant[] => [
  { name: 'with a new key', headers: { ...asMe, 'idempotency-key': 'mine-alone' } },
  { name: 'with a key that was used there', headers: { ...asMe, 'idempotency-key': KEY } },
  { name: 'without a key', headers: asMe },
  { name: 'as a dry run', query: '?dryRun=true' },
  { name: 'as a dry run with a key that was used there', query: '?dryRun=true', headers: { ...asMe, 'idempotency-key': KEY } },
  { name: 'If-Match: any', headers: { ...asMe, 'idempotency-key': KEY, 'if-match': '*' } },
  { name: 'If-Match: its revision', headers: { ...asMe, 'idempotency-key': 'mine-alone', 'if-match': revision } },
  { name: 'If-Match: another revision', headers: { ...asMe, 'idempotency-key': 'mine-alone', 'if-match': '"99"' } },
  { name: 'not to be waited for', headers: { ...asMe, 'idempotency-key': KEY, prefer: 'respond-async' } },
  { name: 'to be waited for not at all', headers: { ...asMe, 'idempotency-key': 'mine-alone', prefer: 'wait=0' } },
  { name: 'with a body that says nothing', headers: { ...asMe, 'idempotency-key': KEY }, body: {} },
  { name: 'with more digits than there are', headers: { ...asMe, 'idempotency-key': KEY }, body: { asset: 'USD', amount: '1.001' } },
  { name: 'in an asset that is none', headers: { ...asMe, 'idempotency-key': KEY }, body: { asset: 'XAU', amount: '1' } },
];

describe('to a user, what is somebody else’s is exactly what is not there', () => {
  const about = (rows: readonly AccessRow[]) => rows.filter(({ missing }) => missing !== undefined);

  test.each(about(READS))('$route', async ({ route }) => {
    for (const { name, ...variant } of readVariants()) {
      const absent = nothing();
      const [one, other] = [await asked(route, theirs, variant), await asked(route, absent, variant)];
      expect([name, told(one, theirs)]).toEqual([name, told(other, absent)]);
      expect(one.status, name).toBeGreaterThanOrEqual(400);
      expect(one.headers, name).not.toHaveProperty('etag');
    }
  });

  test.each(about(WRITES))('$route', async ({ route }) => {
    for (const { name, ...variant } of writeVariants()) {
      if (variant.body && !/deposits|withdrawals|transfers|holds$/.test(route)) continue;
      const absent = nothing();
      const [one, other] = [await asked(route, theirs, variant), await asked(route, absent, variant)];
      expect([name, told(one, theirs)]).toEqual([name, told(other, absent)]);
      expect(one.status, name).toBeGreaterThanOrEqual(400);
    }
  });

  test.each(about(WRITES))('$route, in bulk', async ({ route }) => {
    for (const query of ['', '?dryRun=true'])
      for (const key of ['mine-alone', KEY]) {
        const absent = nothing();
        const inBulk = (world: World) =>
          asked('POST /v1/commands', world, { query, body: { commands: [{ key, ...requestOf(route, world, recipient).entry }] } });
        const [one, other] = [await inBulk(theirs), await inBulk(absent)];
        expect(told(one, theirs)).toEqual(told(other, absent));
        expect(JSON.parse(one.text).results).toMatchObject([{ httpStatus: expect.toSatisfy((status) => [403, 404].includes(status)) }]);
      }
  });

  test('in an account of their own, as well: holds and orders of others', async () => {
    for (const route of [
      'POST /v1/accounts/{accountId}/holds/{holdId}/capture',
      'POST /v1/accounts/{accountId}/holds/{holdId}/release',
      'POST /v1/accounts/{accountId}/orders/{orderId}/cancel',
    ])
      for (const query of ['', '?dryRun=true']) {
        const here = (world: World): World => ({ ...world, accountId: mine.accountId });
        const [one, other] = [here(theirs), here(nothing())];
        const headers = (): Readonly<Record<string, string>> => ({ ...asMe, 'idempotency-key': newKey() });
        const shown = async (world: World) => {
          const { status, text } = await asked(route, world, { query, headers: headers() });
          const { code, detail } = JSON.parse(text);
          return { status, code, detail: detail.replace(world.holdId, '<id>').replace(world.orderId, '<id>') };
        };
        expect(await shown(one)).toEqual(await shown(other));
        expect(await shown(one)).toMatchObject({ status: 404 });
      }
  });

  test('when an account is opened: no id can be tried, and no owner', async () => {
    for (const field of ['accountId', 'ownerId'] as const) {
      const value = { accountId: theirs.accountId, ownerId: THEIRS }[field];
      const opening = (id: string) => api.post('/v1/accounts', { [field]: id }, asMe);
      const [one, other] = [await opening(value), await opening(randomUUID())];
      for (const answer of [one, other]) expectProblem(answer, 403, 'forbidden');
      expect({ ...one.body, instance: '' }).toEqual({ ...other.body, instance: '' });
    }
  });

  test('in lists: nothing of theirs, however it is asked for', async () => {
    const owners = async (path: string, pick: (item: Record<string, string>) => unknown) => {
      const { body } = await api.get(path, asMe);
      expect(body.data, path).toBeInstanceOf(Array);
      return [...new Set(body.data.map(pick))];
    };
    expect(await owners('/v1/accounts?limit=200', ({ ownerId }) => ownerId)).toEqual([MINE]);
    expect(await owners(`/v1/accounts?limit=200&ownerId=${THEIRS}`, ({ ownerId }) => ownerId)).toEqual([MINE]);
    expect(await owners('/v1/orders?limit=200', ({ userId }) => userId)).toEqual([MINE]);
    expect(await owners('/v1/orders/pending?limit=200', ({ userId }) => userId)).toEqual([MINE]);
    const cursors = await Promise.all(['/v1/accounts', '/v1/orders'].map((path) => api.get(`${path}?limit=1`)));
    for (const [n, path] of ['/v1/accounts', '/v1/orders'].entries()) {
      const cursor = cursors[n]?.body.next;
      expect(cursor).toBeTypeOf('string');
      const seen = await owners(`${path}?limit=200&cursor=${cursor}`, ({ ownerId, userId }) => ownerId ?? userId);
      expect(seen.filter((owner) => owner !== MINE)).toEqual([]);
    }
    for (const path of ['/v1/accounts?limit=1', '/v1/orders?limit=1']) {
      const { next } = (await api.get(path, asMe)).body;
      const inside = Buffer.from(next, 'base64url').toString();
      for (const id of Object.values(theirs)) expect(inside).not.toContain(id);
    }
    const route = 'GET /v1/users/{userId}/orders';
    const absent = nothing();
    for (const query of ['', '?status=pending', '?limit=1'])
      expect(told(await asked(route, theirs, { query }), theirs)).toEqual(told(await asked(route, absent, { query }), absent));
  });

  test('a recipient: that the account exists, and nothing else of it', async () => {
    const [open, frozen, closed] = [await openedAccount(api), await openedAccount(api), await openedAccount(api)];
    await api.post(`/v1/accounts/${frozen}/freeze`, { reason: 'asked for' });
    await api.post(`/v1/accounts/${closed}/close`, {});
    const sender = await fullWorld(api, MINE, recipient);
    const path = `/v1/accounts/${sender.accountId}`;
    const send = (to: string) => api.post(`${path}/transfers`, { to, asset: 'USD', amount: '1.00' }, asMe);
    const sent = [await send(open), await send(frozen), await send(closed)];
    expect(sent.map(({ status, body }) => [status, body.result.state])).toEqual(sent.map(() => [201, 'pending']));
    const [, ...returned] = await Promise.all(sent.map(({ body }) => transferEnded(api, body.result.transferId)));
    expect(returned.map(({ reason }) => reason)).toEqual(['recipient_frozen', 'recipient_closed']);
    const pages = await Promise.all([
      ...sent.map(({ body }) => api.get(`/v1/transfers/${body.result.transferId}`, asMe)),
      ...['transfers', 'events', 'entries'].map((list) => api.get(`${path}/${list}?limit=200`, asMe)),
    ]);
    const said = pages.map(({ text }) => text).join('\n');
    expect(said).toContain('recipient_unavailable');
    expect(said).not.toMatch(/recipient_(frozen|closed)/);
    expectProblem(await send(randomUUID()), 422, 'recipient_not_found');
  });

  test('a sender: the transfer, and neither the request nor what else the sender keeps of it', async () => {
    const sender = await fullWorld(api, THEIRS, mine.accountId);
    const body = { to: mine.accountId, asset: 'USD', amount: '1.00', externalId: 'payroll 7', metadata: { note: 'bonus' } };
    const headers = { ...as('user', THEIRS), 'x-request-id': 'about-the-bonus', 'idempotency-key': 'bonus-key' };
    const { transferId } = (await api.post(`/v1/accounts/${sender.accountId}/transfers`, body, headers)).body.result;
    await transferEnded(api, transferId);
    const pages = await Promise.all([
      api.get(`/v1/transfers/${transferId}`, asMe),
      ...['transfers', 'events', 'entries'].map((list) => api.get(`/v1/accounts/${mine.accountId}/${list}?limit=200`, asMe)),
    ]);
    for (const { status, text } of pages) {
      expect(status).toBe(200);
      expect(text).toContain('1.00');
      for (const kept of ['payroll 7', 'bonus', 'about-the-bonus', THEIRS]) expect(text).not.toContain(kept);
    }
  });
});

test('after all of this, nothing of theirs has changed', async () => {
  expect(await eventsOf(theirs)).toEqual(untouched);
  expect((await api.get(`/v1/accounts/${theirs.accountId}/balances/USD`)).body).toMatchObject({ available: '179.00', held: '20.00' });
});
