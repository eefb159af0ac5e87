// Debian's Prometheus over a real ledger and its load client, with the configuration and the rules that are shipped: it takes them,
// every query of the dashboards has an answer, and alerts come and go.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLedgerProducer } from '@ledgerfold/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { alertQueries, alerts, dashboardQueries, PROMETHEUS_FOLDER } from '../deploy/monitoring-files.ts';
import { createClient } from '../stack/clients.ts';
import { lastingPort } from '../stack/lasting-port.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { ledgerEnvironment, spawnLedger } from '../stack/ledger-process.ts';
import type { TestPrometheus } from '../stack/prometheus.ts';
import { promtool, startPrometheus } from '../stack/prometheus.ts';
import type { TestBroker } from '../stack/rabbitmq.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import type { TestStores } from '../stack/stores.ts';
import { startStores } from '../stack/stores.ts';
import { waitFor } from '../stack/waiting.ts';
import { EVALUATED_AT, HEALTHY, UNHEALTHY } from './alerts.ts';
import { openAccount } from './clients.ts';
import { LOAD_PROGRAM } from './load-client.ts';

const RULES = join(PROMETHEUS_FOLDER, 'rules/ledger.yml');

describe('the shipped files', () => {
  test('are a configuration and rules that Prometheus takes', async () => {
    expect(await promtool('check', 'config', join(PROMETHEUS_FOLDER, 'prometheus.yml'))).toMatch(/is valid prometheus config file syntax/);
    expect(await promtool('check', 'rules', RULES)).toMatch(`SUCCESS: ${alerts.length} rules found`);
  });

  test('have alerts of which each fires for what it is about, and none where all is well', async () => {
    expect(Object.keys(UNHEALTHY).toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
    const folder = await scratchFolder();
    const file = join(folder, 'alerts.test.yml');
    const testWith = (series: Readonly<Record<string, string>>, firing: readonly string[]) => ({
      interval: '15s',
      input_series: Object.entries({ ...HEALTHY, ...series }).map(([name, values]) => ({ series: name, values })),
      promql_expr_test: [
        {
          expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
          eval_time: EVALUATED_AT,
          exp_samples: firing.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
        },
      ],
    });
    const tests = [testWith({}, []), ...Object.entries(UNHEALTHY).map(([alert, series]) => testWith(series, [alert]))];
    await writeFile(file, stringify({ rule_files: [RULES], evaluation_interval: '15s', tests }));
    expect(await promtool('test', 'rules', file)).toMatch(/SUCCESS/);
    await rm(folder, { recursive: true });
  });
});

describe('over a ledger and its load client', () => {
  const opened = new AsyncDisposableStack();
  let stores: TestStores;
  let broker: TestBroker;
  let ledger: LedgerProcess;
  let prometheus: TestPrometheus;
  let loadPort: number;

  beforeAll(async () => {
    stores = opened.use(await startStores());
    broker = opened.use(await freshVhost());
    ledger = opened.use(await spawnLedger({ ...stores.environment, AMQP_URL: broker.amqpUrl, LEDGER_BOOKS_CHECK_MS: '200' }));
    await createClient(stores.environment.DATABASE_URL, 'guest');
    loadPort = await lastingPort();
    prometheus = opened.use(await startPrometheus({ ledger: [new URL(ledger.apiUrl).host], 'ledger-load': [`127.0.0.1:${loadPort}`] }));
  });
  afterAll(() => opened.disposeAsync());

  /** Queries of which nothing was seen yet. */
  async function unanswered(queries: typeof dashboardQueries): Promise<typeof dashboardQueries> {
    const answers = await Promise.all(
      queries.map(async ({ expr }) => (await prometheus.query(expr)).some(({ value }) => Number.isFinite(value))),
    );
    return queries.filter((_, at) => answers[at] !== true);
  }

  test('every query of the dashboards gives figures while there is load, and every alert has figures to look at', async () => {
    const args = ['--url', ledger.apiUrl, '--amqp', broker.guestUrl, '--metrics-port', String(loadPort), '--json'];
    // Far longer than it takes, on a machine that is busy with other things; ended below.
    const short = ['--rps', '20', '--duration', '3600', '--warm-up', '1', '--users', '4', '--timeout', '120', '--log-in-every', '2'];
    const child = spawn(process.execPath, [LOAD_PROGRAM, ...args, ...short], {
      env: { ...ledgerEnvironment({}), LEDGER_TOKEN: ledger.operatorToken },
      cwd: tmpdir(),
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    opened.defer(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
    });
    await waitFor(async () => expect((await prometheus.targets()).map(({ health }) => health)).toEqual(['up', 'up']));

    // An alert's figures, without what they are compared with, and of whatever outcome there is: while all is well nothing else has any.
    const compared = alertQueries.map(({ where, expr }) => ({
      where,
      expr: expr.replace(/ (==|<|>) [\d.]+$/, '').replaceAll(/\b(outcome|http_response_status_code)=~?"[^"]*"/g, '$1=~".+"'),
    }));
    for (const { where, expr } of compared) expect(expr, where).not.toMatch(/[<>=] [\d.]+$/);
    let left: typeof dashboardQueries = [...dashboardQueries, ...compared];
    await waitFor(
      async () => {
        left = await unanswered(left);
        expect(left).toEqual([]);
      },
      { intervalMs: 1000 },
    );
    child.kill('SIGKILL');
    // In whatever order it keeps its groups; a rule has no health before it is first looked at.
    await waitFor(async () =>
      expect(
        (await prometheus.rules()).map(({ name, health, lastError = '' }) => `${name} ${health} ${lastError}`.trimEnd()).toSorted(),
      ).toEqual(alerts.map(({ alert }) => `${alert} ok`).toSorted()),
    );
  });

  const raised = async (name: string) => (await prometheus.alerts()).find(({ labels }) => labels['alertname'] === name);

  test('changed books raise an alert, and put right they end it', async () => {
    expect(await raised('LedgerBooksUnequal')).toBeUndefined();
    const accountId = await openAccount(ledger.apiUrl, { asset: 'USD', amount: '10.00' });
    const client = new pg.Client(stores.environment.DATABASE_URL);
    await client.connect();
    opened.defer(() => client.end());
    const change = (by: number): Promise<{ rowCount: number | null }> =>
      client.query('UPDATE balances SET available = available + $2 WHERE account_id = $1', [accountId, by]);
    await waitFor(async () => expect((await change(1)).rowCount).toBe(1));
    await waitFor(async () =>
      expect(await raised('LedgerBooksUnequal')).toMatchObject({
        state: 'firing',
        labels: { severity: 'critical' },
        annotations: { summary: '2 differences between the balances and the journal', runbook: 'docs/operations.md#ledgerbooksunequal' },
      }),
    );
    await change(-1);
    await waitFor(async () => expect(await raised('LedgerBooksUnequal')).toBeUndefined());
  });

  test('a dead letter, and a ledger that is gone, raise theirs', async () => {
    const producer = opened.adopt(createLedgerProducer({ amqpUrl: broker.guestUrl }), ({ close }) => close());
    await producer.publish({ type: 'deposit', accountId: await openAccount(ledger.apiUrl), asset: 'USD', amount: 'a lot' });
    // They wait a minute before they fire.
    await waitFor(async () => expect(await raised('LedgerDeadLetters')).toMatchObject({ state: expect.stringMatching(/pending|firing/) }));
    await ledger.stop('SIGKILL');
    await waitFor(async () => expect(await raised('LedgerDown')).toMatchObject({ labels: { instance: new URL(ledger.apiUrl).host } }));
  });
});
