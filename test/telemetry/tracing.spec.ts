// Traces of a real ledger over RabbitMQ, as a collector gets them: one command is one trace, whoever began it.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { createLedgerClient, createLedgerProducer } from '@ledgerfold/client';
import { afterAll, expect, test } from 'vitest';
import { freePort } from '../../src/embedded/free-port.ts';
import { openAccount } from '../scenarios/clients.ts';
import { readAccount } from '../scenarios/log.ts';
import { createClient } from '../stack/clients.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';
import { waitFor } from '../stack/waiting.ts';
import type { CollectedSpan } from './collector.ts';
import { startCollector } from './collector.ts';

const run = promisify(execFile);
const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const stores = opened.use(await startStores());
const broker = opened.use(await freshVhost());
const collector = opened.use(await startCollector());
const tracing = {
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
  OTEL_EXPORTER_OTLP_HEADERS: 'x-team=the%20books',
  OTEL_SERVICE_NAME: 'ledger-under-test',
  OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  OTEL_BSP_SCHEDULE_DELAY: '50',
};
const environment = { ...stores.environment, AMQP_URL: broker.amqpUrl, LEDGER_LOG_LEVEL: 'info' };
const ledger = opened.use(await spawnLedger({ ...environment, ...tracing }));
await createClient(stores.environment.DATABASE_URL, 'guest');
const client = createLedgerClient({ url: ledger.apiUrl, token: ledger.operatorToken });
const accountId = await openAccount(ledger.apiUrl, { asset: 'USD', amount: '10.00' });

const DOLLAR = { asset: 'USD', amount: '1.00' } as const;
const ROUTE = 'POST /v1/accounts/:accountId/deposits';

/** A client's own trace: its id, the client's span, and the header that says so. */
function newTrace(flags = '01') {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` };
}

/** The trace once it has that many spans, by their names. */
const traceOf = (traceId: string, names: readonly string[]): Promise<ReadonlyMap<string, CollectedSpan>> =>
  waitFor(() => {
    const spans = collector.trace(traceId);
    expect(spans.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
    return new Map(spans.map((span) => [span.name, span]));
  });

const eventOf = async (key: string) => {
  const event = (await readAccount(stores.environment.EVENTSTORE_URL, accountId)).find(({ metadata }) => metadata['key'] === key);
  if (event === undefined) throw new Error(`no event has the key ${key}`);
  return event;
};

/** Which span each is a part of, by name. */
function parentsIn(trace: ReadonlyMap<string, CollectedSpan>): Readonly<Record<string, string | undefined>> {
  const nameOf = new Map([...trace.values()].map(({ spanId, name }) => [spanId, name]));
  const parents = [...trace].map(([name, { parentSpanId = '' }]) => [name, nameOf.get(parentSpanId) ?? parentSpanId]);
  return Object.fromEntries(parents);
}

const OVER_REST = [ROUTE, 'send ledger.commands', 'process ledger.commands', 'handle deposit', 'append', 'project deposited'];

test('a request that nobody traced begins a trace: gateway, broker, handling, append, projection', async () => {
  await client.deposit(accountId, DOLLAR, { key: 'nobody-traced' });
  const { metadata } = await eventOf('nobody-traced');
  const [, traceId = '', handlingId] = String(metadata['traceparent']).split('-');
  const trace = await traceOf(traceId, OVER_REST);
  expect(parentsIn(trace)).toEqual({
    [ROUTE]: '',
    'send ledger.commands': ROUTE,
    'process ledger.commands': 'send ledger.commands',
    'handle deposit': 'process ledger.commands',
    append: 'handle deposit',
    'project deposited': 'handle deposit',
  });
  expect(trace.get('handle deposit')?.spanId).toBe(handlingId);
  expect([...trace.values()].map(({ name, kind }) => [name, kind])).toEqual(
    expect.arrayContaining([
      [ROUTE, 'server'],
      ['send ledger.commands', 'producer'],
      ['process ledger.commands', 'consumer'],
      ['handle deposit', 'internal'],
      ['append', 'client'],
      ['project deposited', 'internal'],
    ]),
  );
});

test('a client’s trace goes on in the ledger, and what the client sent is what the event has', async () => {
  const { traceId, spanId, traceparent } = newTrace();
  const { commandId } = await client.deposit(accountId, DOLLAR, { key: 'traced', traceparent });
  const trace = await traceOf(traceId, OVER_REST);
  expect(parentsIn(trace)).toMatchObject({
    [ROUTE]: spanId,
    'send ledger.commands': ROUTE,
    'process ledger.commands': 'send ledger.commands',
    'handle deposit': 'process ledger.commands',
    append: 'handle deposit',
    // The event says what the client said, so that is what is known of it later.
    'project deposited': spanId,
  });
  expect((await eventOf('traced')).metadata['traceparent']).toBe(traceparent);

  const attributesOf = (name: string) => trace.get(name)?.attributes;
  expect(attributesOf(ROUTE)).toMatchObject({ 'http.request.method': 'POST', 'http.response.status_code': 201 });
  expect(attributesOf('handle deposit')).toEqual({
    'ledger.command.type': 'deposit',
    'ledger.command.id': commandId,
    'ledger.account.id': accountId,
    'ledger.command.outcome': 'applied',
    'ledger.command.hit': false,
  });
  expect(attributesOf('project deposited')).toMatchObject({
    'ledger.event.type': 'deposited',
    'ledger.event.stream': `account-${accountId}`,
  });
  for (const { resource, status, startTimeUnixNano, endTimeUnixNano } of trace.values()) {
    expect(resource).toMatchObject({ 'service.name': 'ledger-under-test', 'deployment.environment.name': 'test' });
    expect([status, endTimeUnixNano >= startTimeUnixNano]).toEqual([false, true]);
  }
  expect(collector.headers[0]).toMatchObject({ 'x-team': 'the books', 'content-type': 'application/json' });
});

test('a producer’s trace goes on in the same way, and so does a repeat of its command', async () => {
  const producer = opened.adopt(createLedgerProducer({ amqpUrl: broker.guestUrl }), ({ close }) => close());
  const first = newTrace();
  const command = { type: 'deposit', accountId, ...DOLLAR } as const;
  await producer.send(command, { key: 'over-amqp', traceparent: first.traceparent });
  const trace = await traceOf(first.traceId, ['process ledger.commands', 'handle deposit', 'append', 'project deposited']);
  expect(parentsIn(trace)).toEqual({
    'process ledger.commands': first.spanId,
    'handle deposit': 'process ledger.commands',
    append: 'handle deposit',
    'project deposited': first.spanId,
  });
  const again = newTrace();
  await producer.send(command, { key: 'over-amqp', traceparent: again.traceparent });
  const repeat = await traceOf(again.traceId, ['process ledger.commands', 'handle deposit']);
  expect(repeat.get('handle deposit')?.attributes).toMatchObject({ 'ledger.command.outcome': 'applied', 'ledger.command.hit': true });
});

test('a transfer is one trace, to its end', async () => {
  const to = await openAccount(ledger.apiUrl);
  const { traceId, traceparent } = newTrace();
  await client.transfer(accountId, { to, ...DOLLAR }, { key: 'a-transfer', traceparent });
  await waitFor(() => {
    const names = collector.trace(traceId).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['project transfer-sent', 'project transfer-received', 'project transfer-completed']));
  });
});

test('a refusal by the rules is an outcome, and no failure', async () => {
  const { traceId, traceparent } = newTrace();
  await expect(client.withdraw(accountId, { asset: 'USD', amount: '1000.00' }, { traceparent })).rejects.toThrow(/insufficient/i);
  await waitFor(() => {
    const handling = collector.trace(traceId).find(({ name }) => name === 'handle withdraw');
    expect(handling).toMatchObject({ status: false, attributes: { 'ledger.command.outcome': 'insufficient_funds' } });
  });
});

test('a trace that its client does not record is not recorded here either, and stays in the event', async () => {
  const unrecorded = newTrace('00');
  await client.deposit(accountId, DOLLAR, { key: 'unrecorded', traceparent: unrecorded.traceparent });
  expect((await eventOf('unrecorded')).metadata['traceparent']).toBe(unrecorded.traceparent);
  // What is recorded after it has arrived by the time this has.
  const recorded = newTrace();
  await client.deposit(accountId, DOLLAR, { key: 'recorded', traceparent: recorded.traceparent });
  await traceOf(recorded.traceId, OVER_REST);
  expect(collector.trace(unrecorded.traceId)).toEqual([]);
});

test('health and metrics are no requests worth a trace', async () => {
  await fetch(`${ledger.apiUrl}/health/live`);
  await fetch(`${ledger.apiUrl}/metrics`);
  const { traceId, traceparent } = newTrace();
  await client.deposit(accountId, DOLLAR, { key: 'after-health', traceparent });
  await traceOf(traceId, OVER_REST);
  expect(collector.all().filter(({ name }) => /health|metrics/.test(name))).toEqual([]);
});

test('log lines have the id of the trace, at the gateway and at the consumer', async () => {
  const { traceId, traceparent } = newTrace();
  const { commandId } = await client.deposit(accountId, DOLLAR, { key: 'logged', traceparent });
  await waitFor(() => {
    const lines = ledger
      .stderr()
      .split('\n')
      .filter((line) => line.includes(commandId));
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ msg: 'command answered', traceId }),
      expect.objectContaining({ msg: 'command answered', traceId }),
    ]);
  });
});

test('a collector that is away costs the ledger nothing but a warning', async () => {
  const away = `http://127.0.0.1:${await freePort()}`;
  await using other = await spawnLedger({ ...environment, ...tracing, OTEL_EXPORTER_OTLP_ENDPOINT: away });
  const deposit = createLedgerClient({ url: other.apiUrl, token: ledger.operatorToken }).deposit(accountId, DOLLAR);
  await expect(deposit).resolves.toMatchObject({ status: 'applied' });
  expect(await other.stop('SIGTERM')).toEqual({ code: 0, signal: null });
});

test('without a collector nothing of the SDK is loaded, and log lines have the ids of traces all the same', async () => {
  await using other = await spawnLedger({ ...environment, LEDGER_ROLES: 'api,consumer,projector,scheduler' });
  const { traceId, traceparent } = newTrace();
  const untraced = createLedgerClient({ url: other.apiUrl, token: ledger.operatorToken });
  const { commandId } = await untraced.deposit(accountId, DOLLAR, { traceparent });
  const lines = other
    .stderr()
    .split('\n')
    .filter((line) => line.includes(commandId));
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining({ traceId }));

  const loaded = async (start: string): Promise<string[]> => {
    const script = `
      const { createRequire } = await import('node:module');
      await import('./src/main.ts');
      const { startTracing } = await import('./src/telemetry/tracing.ts');
      ${start}
      const { cache } = createRequire(process.cwd() + '/');
      process.stdout.write(JSON.stringify(Object.keys(cache).filter((file) => /@opentelemetry.(?!api.)/.test(file))));
      process.exit();`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: `${import.meta.dirname}/../..` });
    return JSON.parse(stdout);
  };
  expect(await loaded('')).toEqual([]);
  const options = JSON.stringify({ endpoint: collector.endpoint, serviceName: 'x', version: '1', instance: 'x' });
  expect(await loaded(`await startTracing(${options});`)).not.toEqual([]);
});
