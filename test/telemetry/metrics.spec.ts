// The metrics that real processes have after real work: their names, types and labels, as dashboards and alerts rely on them.
import { randomUUID } from 'node:crypto';
import { createLedgerProducer } from '@ledgerfold/client';
import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { deadLetters } from '../scenarios/brokers.ts';
import { attempt, balanceOf, openAccount, send } from '../scenarios/clients.ts';
import { createClient } from '../stack/clients.ts';
import { lastingPort } from '../stack/lasting-port.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';
import { waitFor } from '../stack/waiting.ts';
import type { MetricFamily } from './exposition.ts';
import { scrape } from './exposition.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const stores = opened.use(await startStores());
const broker = opened.use(await freshVhost());
const environment = { ...stores.environment, AMQP_URL: broker.amqpUrl, LEDGER_BOOKS_CHECK_MS: '100' };
const metricsPort = await lastingPort();
const projectorUrl = `http://127.0.0.1:${metricsPort}`;
opened.use(await spawnLedger({ ...environment, LEDGER_METRICS_PORT: String(metricsPort) }, ['--roles', 'projector']));
const { apiUrl } = opened.use(await spawnLedger(environment, ['--roles', 'api,consumer,publisher,scheduler']));
await createClient(stores.environment.DATABASE_URL, 'guest');

const accountId = await openAccount(apiUrl, { asset: 'USD', amount: '10.00' });
const other = await openAccount(apiUrl);
await send(apiUrl, { type: 'withdraw', accountId, key: 'too-much', asset: 'USD', amount: '11.00' });
await send(apiUrl, { type: 'transfer', accountId, key: 'transfer', to: other, asset: 'USD', amount: '1.00' });
await attempt(apiUrl, { type: 'deposit', accountId: randomUUID(), key: 'nobody', asset: 'USD', amount: '1.00' });
const producer = opened.adopt(createLedgerProducer({ amqpUrl: broker.guestUrl }), ({ close }) => close());
await producer.send({ type: 'deposit', accountId, asset: 'USD', amount: '1.00' });
await producer.publish({ type: 'deposit', accountId, asset: 'USD', amount: 'a lot' });
await waitFor(async () => expect(await deadLetters(broker)).toHaveLength(1));

const get = (metrics: Awaited<ReturnType<typeof scrape>>, name: string): MetricFamily => {
  const family = metrics.get(name);
  if (family === undefined) throw new Error(`there is no metric ${name}`);
  return family;
};
const figure = async (url: string, name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> =>
  get(await scrape(url), name.replace(/_(count|sum|bucket)$/, '')).samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )?.value;

/** Type and labels of every metric of the ledger's own, by name. */
const OF_EVERY_PROCESS = {
  ledger_build_info: ['gauge', ['version', 'roles']],
  ledger_database_connections: ['gauge', ['state']],
  ledger_database_connections_max: ['gauge', []],
  ledger_database_connections_waiting: ['gauge', []],
  ledger_projection_lag_events: ['gauge', []],
  ledger_projection_lag_seconds: ['gauge', []],
  ledger_projector_halted: ['gauge', []],
  ledger_ready: ['gauge', ['check']],
} as const;
const OF_THE_PROJECTOR = {
  ...OF_EVERY_PROCESS,
  ledger_books_unequal: ['gauge', []],
  ledger_books_checked_timestamp_seconds: ['gauge', []],
  ledger_projection_batch_size: ['histogram', []],
  ledger_projection_batch_duration_seconds: ['histogram', []],
  ledger_projection_delay_seconds: ['histogram', []],
  ledger_projector_leading: ['gauge', []],
} as const;
const OF_THE_OTHERS = {
  ...OF_EVERY_PROCESS,
  http_server_active_requests: ['gauge', []],
  http_server_request_duration_seconds: ['histogram', ['http_request_method', 'http_route', 'http_response_status_code']],
  ledger_append_batch_size: ['histogram', []],
  ledger_append_conflicts_total: ['counter', []],
  ledger_appends_under_way: ['gauge', []],
  ledger_broker_queue_messages: ['gauge', ['queue']],
  ledger_broker_replies_awaited: ['gauge', []],
  ledger_clock_ahead_seconds: ['gauge', []],
  ledger_command_duration_seconds: ['histogram', ['stage']],
  ledger_commands_total: ['counter', ['type', 'outcome', 'transport']],
  ledger_dead_letters: ['gauge', []],
  ledger_mailbox_commands: ['gauge', []],
  ledger_transfers_under_way: ['gauge', []],
} as const;

test.each([
  ['the projector', projectorUrl, OF_THE_PROJECTOR],
  ['the others', apiUrl, OF_THE_OTHERS],
] as const)('%s: every metric by its name, with type, help and labels, and no others', async (_, url, expected) => {
  // The broker's queues are counted every few seconds.
  if (url === apiUrl) await waitFor(async () => expect(await figure(apiUrl, 'ledger_dead_letters')).toBe(1));
  const metrics = await scrape(url);
  const own = [...metrics.keys()].filter((name) => !/^(process|nodejs)_/.test(name));
  expect(own.toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [name, [type, labels]] of Object.entries(expected)) {
    const family = get(metrics, name);
    expect([family.type, family.help.length > 20], name).toEqual([type, true]);
    expect(family.samples, name).not.toHaveLength(0);
    const own = type === 'histogram' ? ['le', ...labels] : labels;
    const found = new Set(family.samples.flatMap((sample) => Object.keys(sample.labels)));
    expect([...found].toSorted(), name).toEqual([...own].toSorted());
  }
});

test('process and event loop are measured, too', async () => {
  const metrics = await scrape(apiUrl);
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'nodejs_heap_size_used_bytes',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_eventloop_utilization_summary',
    'nodejs_gc_duration_seconds',
  ])
    expect(get(metrics, name).samples, name).not.toHaveLength(0);
});

test('the figures are those of the work', async () => {
  const commands = (labels: Readonly<Record<string, string>>) => figure(apiUrl, 'ledger_commands_total', labels);
  expect(await commands({ type: 'deposit', outcome: 'applied', transport: 'rest' })).toBe(1);
  expect(await commands({ type: 'deposit', outcome: 'applied', transport: 'amqp' })).toBe(1);
  expect(await commands({ type: 'withdraw', outcome: 'insufficient_funds', transport: 'rest' })).toBe(1);
  expect(await commands({ type: 'deposit', outcome: 'account_not_found', transport: 'rest' })).toBe(1);
  const route = '/v1/accounts/:accountId/withdrawals';
  expect(await figure(apiUrl, 'http_server_request_duration_seconds_count', { http_route: route })).toBe(1);
  expect(await figure(apiUrl, 'ledger_broker_queue_messages', { queue: 'ledger.commands.00' })).toBe(0);
  expect(await figure(apiUrl, 'ledger_ready', { check: 'broker' })).toBe(1);
  expect(await figure(apiUrl, 'ledger_database_connections_max')).toBe(10);
  const delays = async (): Promise<number | undefined> => figure(projectorUrl, 'ledger_projection_delay_seconds_count');
  await waitFor(async () => expect(await figure(apiUrl, 'ledger_transfers_under_way')).toBe(0));
  // The first assets, and at least one event for every outcome.
  await waitFor(async () => expect(await delays()).toBeGreaterThan(12));
  await waitFor(async () => expect(await figure(projectorUrl, 'ledger_projection_lag_events')).toBe(0));
});

test('a request that is under way is counted while it is', async () => {
  const asked = Array.from({ length: 20 }, (_, n) =>
    send(apiUrl, { type: 'deposit', accountId, key: `under-way-${n}`, asset: 'USD', amount: '1.00' }),
  );
  await Promise.all(asked);
  await waitFor(async () => expect(await figure(apiUrl, 'http_server_active_requests')).toBe(0));
});

test('unequal books show while they are unequal', async () => {
  // An entry that is projected on top of a changed balance would agree with it.
  const last = await send(apiUrl, { type: 'deposit', accountId, key: 'last', asset: 'USD', amount: '1.00' });
  await balanceOf(apiUrl, accountId, 'USD', last.body.position ?? '');
  await waitFor(async () => expect(await figure(projectorUrl, 'ledger_books_unequal')).toBe(0));
  const client = new pg.Client(stores.environment.DATABASE_URL);
  await client.connect();
  opened.defer(() => client.end());
  await client.query('UPDATE balances SET available = available + 1 WHERE account_id = $1', [accountId]);
  await waitFor(async () => expect(await figure(projectorUrl, 'ledger_books_unequal')).toBe(2));
  await client.query('UPDATE balances SET available = available - 1 WHERE account_id = $1', [accountId]);
  await waitFor(async () => expect(await figure(projectorUrl, 'ledger_books_unequal')).toBe(0));
  const checkedAtMs = ((await figure(projectorUrl, 'ledger_books_checked_timestamp_seconds')) ?? 0) * 1000;
  expect(Math.abs(Date.now() - checkedAtMs)).toBeLessThan(3_600_000); // it is a time, in seconds, and not something else
});

test('no account is named', async () => {
  for (const url of [apiUrl, projectorUrl]) {
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  }
});

test('a process without the API answers for metrics and health, and for nothing else', async () => {
  expect((await fetch(`${projectorUrl}/health/live`)).status).toBe(200);
  const ready = await fetch(`${projectorUrl}/health/ready`);
  expect([ready.status, await ready.json()]).toMatchObject([
    200,
    { status: 'ready', checks: { projector: { ok: true, detail: 'running' } } },
  ]);
  const other = await fetch(`${projectorUrl}/v1/assets`);
  expect([other.status, other.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
});
