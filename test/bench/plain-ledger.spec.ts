// The plain ledger that the benchmark compares with does the same job: the same answers to the same commands, for good.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, expect, test } from 'vitest';
import type { LedgerService } from '../../bench/ledger-service.ts';
import { PLAIN_LEDGER, startService } from '../../bench/ledger-service.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { startStores } from '../stack/stores.ts';

const SECRET = { LEDGER_KEY_SECRET: 'a secret of the tests and of nothing else' };
const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());

const folder = await scratchFolder();
opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));
/** With its settings as they are in the benchmark: durable. */
const plainDataDir = { dataDir: `${folder}/plain` };
let postgres = await startEmbeddedPostgres(plainDataDir);
opened.defer(() => postgres.stop());
const startPlain = (): Promise<LedgerService> =>
  startService({ folder: plainDataDir.dataDir, databaseUrl: postgres.url }, SECRET, { program: PLAIN_LEDGER });
let plain = await startPlain();
opened.defer(() => plain.stop());

const stores = opened.use(await startStores());
const ours = await startService(
  { folder: `${folder}/ours`, databaseUrl: stores.database.url, eventStoreUrl: stores.eventStore.url },
  { ...SECRET, AMQP_URL: '' },
);
opened.defer(() => ours.stop());

interface Answer {
  readonly status: number;
  readonly hit: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}
type Body = Readonly<Record<string, unknown>>;

async function post(service: LedgerService, path: string, key: string, body: Body, authorization?: string): Promise<Answer> {
  const answer = await fetch(`${service.url}/v1/${path}`, {
    method: 'POST',
    headers: {
      authorization: authorization ?? `Bearer ${await service.token()}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify(body),
  });
  return { status: answer.status, hit: answer.headers.get('idempotency-hit'), body: (await answer.json()) as Body };
}

async function balanceOf(service: LedgerService, accountId: string, position?: unknown): Promise<unknown> {
  const query = position === undefined ? '' : `?minPosition=${position}`;
  const answer = await fetch(`${service.url}/v1/accounts/${accountId}/balances/USD${query}`, {
    headers: { authorization: `Bearer ${await service.token()}` },
  });
  const { asset, available, held } = (await answer.json()) as Body;
  return { asset, available, held };
}

async function openAccount(...services: readonly LedgerService[]): Promise<string> {
  const accountId = randomUUID();
  for (const service of services)
    expect(await post(service, 'accounts', `open-${accountId}`, { accountId })).toMatchObject({ status: 201 });
  return accountId;
}

/**
 * What of an answer must be the same: not the places in a log, which the plain ledger does not have, no drawn ids, and of what
 * is wrong with a request's form not the pointer into it.
 */
function comparable({ status, hit, body }: Answer): object {
  const { revision: _revision, position: _position, instance: _instance, errors: _errors, commandId, result, ...rest } = body;
  const isStored = status === 201 || status === 422;
  return {
    status,
    hit,
    body: { ...rest, ...(isStored && { commandId }), ...(result !== undefined && { result: Object.keys(Object(result)) }) },
  };
}

test('both answer the same commands in the same way', async () => {
  const accountId = await openAccount(ours, plain);
  const nobody = randomUUID();
  const usd = (amount: string): Body => ({ asset: 'USD', amount });
  const commands: readonly (readonly [path: string, key: string, body: Body, authorization?: string])[] = [
    [`accounts/${accountId}/withdrawals`, 'none there', usd('0.01')],
    [`accounts/${accountId}/deposits`, 'a', { ...usd('100'), reference: 'invoice', metadata: { of: ['May'] } }],
    [`accounts/${accountId}/deposits`, 'a', { ...usd('100.00'), reference: 'invoice', metadata: { of: ['May'] } }],
    [`accounts/${accountId}/deposits`, 'a', usd('100')],
    [`accounts/${accountId}/withdrawals`, 'a', usd('100')],
    [`accounts/${accountId}/withdrawals`, 'b', usd('30.25')],
    [`accounts/${accountId}/withdrawals`, 'too much', usd('69.76')],
    [`accounts/${accountId}/deposits`, 'more', usd('900719925474099.93')],
    [`accounts/${accountId}/withdrawals`, 'too much', usd('69.76')],
    [`accounts/${accountId}/deposits`, 'yen', { asset: 'JPY', amount: '7' }],
    [`accounts/${accountId}/deposits`, 'fraction', { asset: 'JPY', amount: '7.5' }],
    [`accounts/${accountId}/deposits`, 'unknown', { asset: 'XXX', amount: '1' }],
    [`accounts/${accountId}/deposits`, 'zero', usd('0.00')],
    [`accounts/${accountId}/deposits`, 'negative', usd('-1')],
    [`accounts/${accountId}/deposits`, 'number', { asset: 'USD', amount: 1 }],
    [`accounts/${accountId}/deposits`, 'field', { ...usd('1'), amuont: '1' }],
    [`accounts/${accountId}/deposits`, '', usd('1')],
    [`accounts/${nobody}/deposits`, 'nobody', usd('1')],
    [`accounts/nobody/deposits`, 'nobody', usd('1')],
    [`accounts/${accountId}/deposits`, 'stranger', usd('1'), 'Bearer of.bad.news'],
    [`accounts/${accountId}/withdrawals`, 'the rest', usd('900719925474169.68')],
  ];
  for (const command of commands) {
    const [theirs, answer] = [await post(plain, ...command), await post(ours, ...command)];
    expect({ command, ...comparable(theirs) }).toEqual({ command, ...comparable(answer) });
  }
  expect(await balanceOf(plain, accountId)).toEqual({ asset: 'USD', available: '0.00', held: '0.00' });
});

test.for(['plain', 'ours'] as const)('%s is never negative, and applies each key once, whatever comes at once', async (which) => {
  const service = which === 'plain' ? plain : ours;
  const accountId = await openAccount(service);
  await post(service, `accounts/${accountId}/deposits`, 'first', { asset: 'USD', amount: '1.00' });
  const keys = Array.from({ length: 40 }, (_, n) => `w-${n % 20}`); // each of them twice
  const answers = await Promise.all(
    keys.map((key) => post(service, `accounts/${accountId}/withdrawals`, key, { asset: 'USD', amount: '0.10' })),
  );
  const byKey = Map.groupBy(answers, (_, n) => keys[n]);
  for (const [, pair] of byKey) {
    expect(new Set(pair.map(({ status }) => status)).size).toBe(1);
    expect(pair.map(({ hit }) => hit).toSorted()).toEqual([null, 'true'].toSorted());
  }
  expect([...byKey.values()].filter(([first]) => first?.status === 201)).toHaveLength(10);
  expect([...byKey.values()].filter(([first]) => first?.status === 422)).toHaveLength(10);
  // The ledger's projection is waited for; the plain one knows no positions.
  const last = answers.map(({ body }) => Number(body['position'] ?? 0)).toSorted((a, b) => b - a)[0];
  expect(await balanceOf(service, accountId, which === 'ours' ? last : undefined)).toEqual({
    asset: 'USD',
    available: '0.00',
    held: '0.00',
  });
});

test('what the plain ledger has answered outlives it and its Postgres', async () => {
  const accountId = await openAccount(plain);
  const deposit = (key: string): Promise<Answer> => post(plain, `accounts/${accountId}/deposits`, key, { asset: 'USD', amount: '1.00' });
  const first = await Promise.all(Array.from({ length: 30 }, (_, n) => deposit(`d-${n}`)));
  process.kill(postgres.pid, 'SIGKILL');
  await postgres.exited;
  await plain.kill();
  postgres = await startEmbeddedPostgres(plainDataDir);
  plain = await startPlain();
  expect(await balanceOf(plain, accountId)).toEqual({ asset: 'USD', available: '30.00', held: '0.00' });
  const again = await Promise.all(Array.from({ length: 30 }, (_, n) => deposit(`d-${n}`)));
  expect(again).toEqual(first.map((answer) => ({ ...answer, hit: 'true' })));
});
