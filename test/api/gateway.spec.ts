// REST over the broker: the same answers as without one, and 202 where an answer takes longer.
import assert from 'node:assert';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerGateway } from '../../src/api/gateway.ts';
import type { CommandAnswer, PendingAnswer } from '../../src/commands/bus.ts';
import type { CommandConsumer } from '../../src/consumers/command-consumer.ts';
import { keepInReceipts } from '../../src/consumers/unstored-outcomes.ts';
import { scopeOf } from '../../src/domain/commands.ts';
import { commandIdOf } from '../../src/domain/ids.ts';
import { rejection } from '../../src/domain/rejections.ts';
import { makeReceipts } from '../../src/identity/receipts.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { findAccount } from '../../src/projections/account-list.ts';
import { connectBroker } from '../../src/rabbitmq/connection.ts';
import { makeRabbitMqBus } from '../../src/rabbitmq/rabbitmq-bus.ts';
import { commandQueues } from '../../src/rabbitmq/topology.ts';
import type { BrokerStack } from '../rabbitmq/broker-stack.ts';
import { QUEUES, startBrokerStack } from '../rabbitmq/broker-stack.ts';
import { eventually } from '../scenarios/eventually.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import type { Answer, TestApi } from './api-stack.ts';
import { as, expectProblem, fundedAccount, newKey, openedAccount, startTestApi } from './api-stack.ts';

const DOLLAR = { asset: 'USD', amount: '1.00' };
const ASYNC = { prefer: 'respond-async' };
/** Nothing listens there. */
const NOWHERE = '127.0.0.1:1';

interface BrokerApi extends AsyncDisposable {
  readonly api: TestApi;
  readonly broker: BrokerStack;
  /** Starts to decide what waits in the broker. */
  consume(): CommandConsumer;
  /** Messages that wait in the command queues. */
  waiting(): Promise<number>;
}

/** @param receiptsAt a Postgres that keeps the receipts, other than the API's own. */
async function startBrokerApi(receiptsAt?: string): Promise<BrokerApi> {
  await using opened = new AsyncDisposableStack();
  const vhost = opened.use(await freshVhost());
  const broker = opened.use(await startBrokerStack(vhost));
  const elsewhere = receiptsAt === undefined ? undefined : opened.adopt(openDatabase(receiptsAt), ({ close }) => close());
  const api = opened.adopt(
    await startTestApi({
      gateway: ({ stack, bus: direct, queries }) =>
        brokerGateway({
          bus: broker.bus,
          isAvailable: broker.bus.isAvailable,
          direct,
          receipts: makeReceipts(elsewhere?.db ?? stack.database.db),
          queries,
          waitMs: 60_000,
        }),
    }),
    ({ close }) => close(),
  );
  const kept = opened.move();
  return {
    api,
    broker,
    consume() {
      const { db } = api.stack.database;
      const keepUnstored = keepInReceipts(makeReceipts(db), (accountId) => findAccount(db, accountId));
      return broker.consume(api.stack.commands.handle, { keepUnstored });
    },
    async waiting() {
      const channel = await broker.connection.openChannel();
      const counts = await Promise.all(commandQueues(QUEUES).map(async (queue) => (await channel.checkQueue(queue)).messageCount));
      await channel.close();
      return counts.reduce((sum, count) => sum + count, 0);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Everything of an answer that a repeat must say again. */
const said = ({ status, body: { position: _position, ...body } }: Answer) => ({ status, body });
const statusOf = async (api: TestApi, { body }: Answer, headers = {}): Promise<Answer['body']> =>
  (await api.get(`/v1/commands/${body.commandId}`, headers)).body;

function expectAccepted(answer: Answer, applied: string | undefined): void {
  const { commandId } = answer.body;
  expect(answer.status, answer.text).toBe(202);
  expect(answer.body).toEqual({ commandId: expect.any(String), accountId: expect.any(String), status: 'pending' });
  expect(answer.headers['location']).toBe(`/v1/commands/${commandId}`);
  expect(answer.headers['preference-applied']).toBe(applied);
}

describe('over the broker', () => {
  let over: BrokerApi;
  let api: TestApi;
  let account: string;
  beforeAll(async () => {
    over = await startBrokerApi();
    ({ api } = over);
    over.consume();
    account = await fundedAccount(api, '10.00');
  });
  afterAll(() => over[Symbol.asyncDispose]());

  test.each([
    { what: 'what is applied', path: 'deposits', body: DOLLAR, status: 201 },
    { what: 'a refusal that is stored', path: 'withdrawals', body: { ...DOLLAR, amount: '999.00' }, status: 422 },
  ])('$what is answered and repeated as without one', async ({ path, body, status }) => {
    const headers = { 'idempotency-key': newKey() };
    const first = await api.post(`/v1/accounts/${account}/${path}`, body, headers);
    const second = await api.post(`/v1/accounts/${account}/${path}`, body, { ...headers, 'x-request-id': 'again' });
    expect(first.status, first.text).toBe(status);
    expect(said(second)).toEqual(said(first));
    expect([first, second].map(({ headers: of }) => of['idempotency-hit'])).toEqual([undefined, 'true']);
    expect(second.headers['location']).toBe(first.headers['location']);
  });

  test('refusals that are not stored are those of a request, with the pointer and the figures', async () => {
    const path = `/v1/accounts/${account}/deposits`;
    expectProblem(await api.post(path, { asset: 'XAU', amount: '1' }), 400, 'unknown_asset', { asset: 'XAU' });
    const errors = [{ pointer: '#/amount', detail: expect.any(String) }];
    expectProblem(await api.post(path, { ...DOLLAR, amount: '1.001' }), 400, 'invalid_amount', { errors });
    expectProblem(await api.post(path, DOLLAR, { 'if-match': '"99"' }), 412, 'revision_mismatch');
    const headers = { 'idempotency-key': newKey() };
    await api.post(path, DOLLAR, headers);
    expectProblem(await api.post(path, { ...DOLLAR, amount: '2.00' }, headers), 422, 'idempotency_key_reused');
    expect(await over.broker.deadLetters()).toBe(0);
  });

  test('a command that is not to be waited for is answered 202, and its outcome is found', async () => {
    const path = `/v1/accounts/${await openedAccount(api)}/deposits`;
    const headers = { ...ASYNC, 'idempotency-key': newKey() };
    const taken = await api.post(path, DOLLAR, headers);
    expectAccepted(taken, 'respond-async');
    const outcome = await eventually('it is applied', async () => {
      const status = await statusOf(api, taken);
      return status.status === 'applied' && status;
    });
    expect(outcome).toMatchObject({ balances: [{ asset: 'USD', available: '1.00', held: '0.00' }], revision: '1' });

    const again = await api.post(path, DOLLAR, headers);
    expect(again).toMatchObject({ status: 201, body: { commandId: taken.body.commandId, revision: '1' } });
    expect(again.headers).toMatchObject({ 'idempotency-hit': 'true' });
    expect(again.headers['preference-applied']).toBeUndefined();
    expectProblem(await api.post(path, { ...DOLLAR, amount: '2.00' }, headers), 422, 'idempotency_key_reused');
  });

  test('an outcome that comes within the wait is answered', async () => {
    const answer = await api.post(`/v1/accounts/${account}/deposits`, DOLLAR, { prefer: 'respond-async, wait=60' });
    expect(answer.status).toBe(201);
  });

  test('a refusal that leaves no event is shown as rejected, until the command is sent again', async () => {
    const accountId = randomUUID();
    const headers = { 'idempotency-key': newKey() };
    const send = () => api.post(`/v1/accounts/${accountId}/deposits`, DOLLAR, { ...headers, ...ASYNC });
    const taken = await send();
    expectAccepted(taken, 'respond-async');
    const rejected = await eventually('it is refused', async () => {
      const status = await statusOf(api, taken);
      return status.status === 'rejected' && status;
    });
    expect(rejected).toEqual({
      commandId: taken.body.commandId,
      accountId,
      status: 'rejected',
      problem: expect.objectContaining({ code: 'account_not_found', status: 404, instance: taken.headers['x-request-id'] }),
    });

    expect((await api.post('/v1/accounts', { accountId })).status).toBe(201);
    expectAccepted(await send(), 'respond-async');
    await eventually('it is applied', async () => (await statusOf(api, taken)).status === 'applied');
  });

  test('a key that was refused without a trace is free for another command', async () => {
    const headers = { ...ASYNC, 'idempotency-key': newKey() };
    const path = `/v1/accounts/${account}/deposits`;
    const refused = await api.post(path, { asset: 'XAU', amount: '1.00' }, headers);
    await eventually('it is refused', async () => (await statusOf(api, refused)).status === 'rejected');
    expectAccepted(await api.post(path, DOLLAR, headers), 'respond-async');
    await eventually('the other is applied', async () => (await statusOf(api, refused)).status === 'applied');
  });

  test('nobody takes a key at the account of somebody else, or learns of their commands', async () => {
    const [alice, mallory] = [as('user', randomUUID()), as('user', randomUUID())];
    const opened = await api.post('/v1/accounts', {}, { ...alice, ...ASYNC });
    expectAccepted(opened, 'respond-async');
    expect(await statusOf(api, opened, mallory)).toMatchObject({ code: 'not_found' });
    expect(['pending', 'applied']).toContain((await statusOf(api, opened, alice)).status);
    await eventually('it is opened', async () => (await statusOf(api, opened, alice)).status === 'applied');

    const path = `/v1/accounts/${opened.body.accountId}/deposits`;
    const key = { 'idempotency-key': newKey() };
    expectProblem(await api.post(path, { ...DOLLAR, amount: '6.66' }, { ...mallory, ...ASYNC, ...key }), 404, 'account_not_found');
    const paid = await api.post(path, DOLLAR, { ...alice, ...ASYNC, ...key });
    expectAccepted(paid, 'respond-async');
    await eventually('it is applied', async () => (await statusOf(api, paid, alice)).status === 'applied');
  });

  test('what somebody tries at the account of somebody else leaves nothing, there or for them to find', async () => {
    const [alice, mallory] = [as('user', randomUUID()), as('user', randomUUID())];
    const accountId = await openedAccount(api, alice);
    const used = { 'idempotency-key': newKey() };
    const refused = { 'idempotency-key': newKey() };
    const deposits = `/v1/accounts/${accountId}/deposits`;
    expect((await api.post(deposits, DOLLAR, { ...alice, ...used })).status).toBe(201);
    const taken = await api.post(deposits, { asset: 'XAU', amount: '1.00' }, { ...alice, ...ASYNC, ...refused });
    const hers = await eventually('it is refused', async () => {
      const status = await statusOf(api, taken, alice);
      return status.status === 'rejected' && status;
    });
    for (const headers of [used, refused, { 'idempotency-key': newKey() }])
      for (const body of [DOLLAR, { asset: 'XAU', amount: '1.00' }, { ...DOLLAR, amount: '1.001' }])
        for (const id of [accountId, randomUUID()]) {
          const tried = await api.post(`/v1/accounts/${id}/deposits`, body, { ...mallory, ...ASYNC, ...headers });
          expect([400, 404]).toContain(tried.status);
          const asked = await api.get(`/v1/commands/${tried.body.commandId}`, mallory);
          expectProblem(asked, 404, 'not_found');
        }
    expect(await statusOf(api, taken, alice)).toEqual(hers);
  });

  test('commands in bulk are decided in their order', async () => {
    const accountId = await openedAccount(api);
    const commands = Array.from({ length: 50 }, (_, n) => ({ key: `b${n}`, type: 'deposit', accountId, asset: 'USD', amount: '1.00' }));
    const { body } = await api.send('POST', '/v1/commands', { body: { commands } });
    const revisions = body.results.map(({ revision }: { revision: string }) => Number(revision));
    expect(revisions).toEqual(commands.map((_, n) => n + 1));
  });
});

describe('while nobody decides', () => {
  test('a command waits in the broker, once, and is shown as pending; then it is decided, and the waiting client has its answer', async () => {
    await using over = await startBrokerApi();
    const { api } = over;
    const accountId = randomUUID();
    const open = { 'idempotency-key': newKey(), prefer: 'wait=1' };
    const opened = await api.post('/v1/accounts', { accountId }, open);
    expectAccepted(opened, 'wait=1');
    expect(await statusOf(api, opened)).toEqual({ commandId: opened.body.commandId, accountId, status: 'pending' });

    const path = `/v1/accounts/${accountId}/deposits`;
    const key = { 'idempotency-key': newKey() };
    const taken = await api.post(path, DOLLAR, { ...key, ...ASYNC });
    expectAccepted(taken, 'respond-async');
    expect(await over.waiting()).toBe(2);
    // Another command under the same key is refused before it is published.
    expectProblem(await api.post(path, { ...DOLLAR, amount: '2.00' }, { ...key, ...ASYNC }), 422, 'idempotency_key_reused');
    expect(await over.waiting()).toBe(2);
    const waitingClient = api.post(path, DOLLAR);
    await eventually('all three are in the broker', async () => (await over.waiting()) === 3);

    over.consume();
    expect((await waitingClient).body).toMatchObject({ status: 'applied', revision: '2', balances: [{ available: '2.00' }] });
    expect((await api.post('/v1/accounts', { accountId }, open)).headers['idempotency-hit']).toBe('true');
  });

  test('another command under the key of one that waits is refused before it is published, also by who would wait', async () => {
    await using over = await startBrokerApi();
    const path = `/v1/accounts/${randomUUID()}/deposits`;
    const key = { 'idempotency-key': newKey() };
    expectAccepted(await over.api.post(path, DOLLAR, { ...key, prefer: 'respond-async, wait=1' }), 'respond-async, wait=1');
    const other = await over.api.post(path, { ...DOLLAR, amount: '2.00' }, { ...key, prefer: 'respond-async, wait=30' });
    expectProblem(other, 422, 'idempotency_key_reused');
    expect(await over.waiting()).toBe(1);
  });

  test('what may wait in the broker is never said to be unsent, and keeps its receipt', async () => {
    const bus = { says: (_: CommandAnswer['commandId']): CommandAnswer | PendingAnswer => assert.fail('not sent yet'), isAvailable: true };
    const refused = (
      commandId: CommandAnswer['commandId'],
      code: 'broker_unavailable' | 'overloaded' | 'outcome_unknown',
    ): CommandAnswer => ({
      status: 'rejected',
      hit: false,
      commandId,
      rejection: rejection(code, 'Because.'),
    });
    const api = await startTestApi({
      gateway: ({ stack, bus: direct, queries }) =>
        brokerGateway({
          bus: {
            ...direct,
            submit: async ({ command, key }) => bus.says(commandIdOf(scopeOf(command), key)),
          },
          isAvailable: () => bus.isAvailable,
          direct,
          receipts: makeReceipts(stack.database.db),
          queries,
          waitMs: 60_000,
        }),
    });
    const path = `/v1/accounts/${randomUUID()}/deposits`;
    const sender = (headers: Record<string, string>) => {
      const key = { 'idempotency-key': newKey() };
      return () => api.post(path, DOLLAR, { ...key, ...headers });
    };
    for (const code of ['broker_unavailable', 'overloaded'] as const) {
      for (const headers of [ASYNC, {}]) {
        for (const first of ['pending', 'outcome_unknown'] as const) {
          const send = sender(headers);
          bus.says = (commandId) => (first === 'pending' ? { status: 'pending', commandId } : refused(commandId, first));
          const { status, body } = await send();
          expect(status).toBe(first === 'pending' ? 202 : 503);
          bus.says = (commandId) => refused(commandId, code);
          expectProblem(await send(), 503, 'outcome_unknown');
          bus.isAvailable = false;
          expectProblem(await send(), 503, 'outcome_unknown');
          bus.isAvailable = true;
          if (first === 'pending') expect((await api.get(`/v1/commands/${body.commandId}`)).body.status).toBe('pending');
        }
        bus.says = (commandId) => refused(commandId, code);
        const send = sender(headers);
        expectProblem(await send(), 503, code);
        expectProblem(await send(), 503, code);
      }
    }
    // Nor does anybody learn so of a command at an account that is not theirs.
    const key = { 'idempotency-key': newKey() };
    bus.says = (commandId) => ({ status: 'pending', commandId });
    expect((await api.post(path, DOLLAR, key)).status).toBe(202);
    const mallory = { ...as('user', randomUUID()), ...key };
    bus.says = (commandId) => refused(commandId, 'overloaded');
    expectProblem(await api.post(path, DOLLAR, mallory), 503, 'overloaded');
    expectProblem(await api.post(path, DOLLAR, key), 503, 'outcome_unknown');
    bus.isAvailable = false;
    expectProblem(await api.post(path, DOLLAR, mallory), 503, 'broker_unavailable');
    expectProblem(await api.post(path, DOLLAR, key), 503, 'outcome_unknown');
    await api.close();
  });

  test('nothing is promised that could not be kept: without Postgres there is no 202', async () => {
    await using over = await startBrokerApi(`postgres://nobody@${NOWHERE}/none`);
    const path = `/v1/accounts/${randomUUID()}/deposits`;
    expectProblem(await over.api.post(path, DOLLAR, ASYNC), 503, 'projection_behind');
    expect(await over.waiting()).toBe(0);
    expectProblem(await over.api.post(path, DOLLAR, { prefer: 'wait=1' }), 503, 'outcome_unknown');
    expect(await over.waiting()).toBe(1);
  });
});

describe('where the broker is away', () => {
  let api: TestApi;
  const connection = connectBroker(`amqp://ledger:secret@${NOWHERE}`);
  const bus = makeRabbitMqBus({ connection, waitMs: 60_000, maxWaiting: 100 });
  beforeAll(async () => {
    api = await startTestApi({
      gateway: ({ stack, bus: direct, queries }) =>
        brokerGateway({ bus, isAvailable: bus.isAvailable, direct, receipts: makeReceipts(stack.database.db), queries, waitMs: 60_000 }),
    });
  });
  afterAll(async () => {
    await api.close();
    await bus.close();
    await connection.close();
  });

  test.each([{}, ASYNC, { prefer: 'wait=30' }])('commands are refused at once: %o', async (headers) => {
    const answer = await api.post('/v1/accounts', {}, headers);
    expectProblem(answer, 503, 'broker_unavailable', { retryable: true });
    expect(answer.headers['retry-after']).toBe('2');
    expect((await api.get(`/v1/commands/${answer.body.commandId}`)).status).toBe(404);
  });

  test('reads and dry runs are answered, and assets registered', async () => {
    expect((await api.get('/v1/assets')).status).toBe(200);
    expect((await api.send('POST', '/v1/accounts?dryRun=true', { body: {} })).body).toMatchObject({ status: 'would_apply' });
    expect((await api.post('/v1/assets', { code: 'CHF', name: 'Swiss franc', kind: 'fiat', scale: 2 })).status).toBe(201);
  });
});

test('without a broker every command is answered when it is decided, whatever was preferred', async () => {
  const api = await startTestApi();
  const answer = await api.post('/v1/accounts', {}, { prefer: 'respond-async, wait=0' });
  expect(answer.status).toBe(201);
  expect(answer.headers['preference-applied']).toBeUndefined();
  await api.close();
});
