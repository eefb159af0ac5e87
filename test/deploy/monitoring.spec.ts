// The files that compose mounts for Prometheus and Grafana: their shape, that they fit each other and docs/operations.md, and that
// every metric they ask for is one that a process has. What Prometheus itself makes of them: test/scenarios/prometheus.spec.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { makeLoadMetrics } from '../../packages/load/src/metrics.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';
import { parseExposition, scrape } from '../telemetry/exposition.ts';
import {
  alertQueries,
  alerts,
  dashboardFolders,
  dashboardQueries,
  dashboards,
  datasources,
  metricsIn,
  scrapeJobs,
} from './monitoring-files.ts';

const root = join(import.meta.dirname, '../..');
const operations = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const services = z
  .object({
    services: z.record(
      z.string(),
      z.object({
        ports: z.array(z.string()).default([]),
        volumes: z.array(z.string()).default([]),
        extra_hosts: z.array(z.string()).default([]),
      }),
    ),
  })
  .parse(parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'))).services;
const mountsOf = (name: string): readonly string[] => services[name]?.volumes ?? [];

/** The names of all series that there can be. */
const exposed = new Set(['up']);
beforeAll(async () => {
  await using stores = await startStores();
  await using broker = await freshVhost();
  await using ledger = await spawnLedger({ ...stores.environment, AMQP_URL: broker.amqpUrl });
  const load = makeLoadMetrics();
  load.watch({ inFlight: () => 0, targetRps: () => 100 });
  for (const families of [await scrape(ledger.apiUrl), parseExposition(await load.text())]) {
    for (const { name, type } of families.values()) {
      const ends = type === 'histogram' ? ['_bucket', '_sum', '_count'] : type === 'summary' ? ['', '_sum', '_count'] : [''];
      for (const end of ends) exposed.add(`${name}${end}`);
    }
  }
});

test.each([...alertQueries, ...dashboardQueries])('$where asks for metrics that there are', ({ expr }) => {
  const asked = metricsIn(expr);
  expect(asked, expr).not.toHaveLength(0);
  expect(
    asked.filter((name) => !exposed.has(name)),
    expr,
  ).toEqual([]);
});

test('the metrics in a query are found, and nothing else is taken for one', () => {
  const expr =
    'sum by (le, http_route) (rate(http_server_x_bucket{http_route=~"a_b"}[5m])) / (max(ledger_y) or vector(0)) > 0.01 and up == 0';
  expect(metricsIn(expr)).toEqual(['http_server_x_bucket', 'ledger_y', 'up']);
});

test('every alert has a part of docs/operations.md to itself, and every such part an alert', () => {
  const headings = [...operations.matchAll(/^#+ (Ledger[A-Z]\w+)$/gm)].map(([, heading]) => heading);
  expect(headings.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  for (const { alert, annotations } of alerts) expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
});

test('docs/operations.md says of every metric of the ledger what it measures', () => {
  const own = [...exposed].map((name) => name.replace(/_(bucket|sum|count)$/, '')).filter((name) => /^(ledger|http_server)_/.test(name));
  expect([...new Set(own)].filter((name) => !name.startsWith('ledger_load_') && !operations.includes(`\`${name}`))).toEqual([]);
});

test('what is asked of is there: the dashboards’ source, the names and ports of the targets', () => {
  const [source] = datasources;
  expect(datasources).toHaveLength(1);
  expect(source).toMatchObject({ type: 'prometheus', url: 'http://prometheus:9090', isDefault: true });
  for (const { panels } of dashboards)
    for (const { datasource, targets } of panels)
      for (const one of [datasource, ...targets.map((target) => target.datasource)]) if (one) expect(one.uid).toBe(source?.uid);
  expect(services['prometheus']?.ports).toEqual(['127.0.0.1:9090:9090']);
  const targets = Object.fromEntries(
    scrapeJobs.scrape_configs.map((job) => [job.job_name, job.static_configs.flatMap((one) => one.targets)]),
  );
  expect(targets).toEqual({ ledger: ['ledger:3000'], 'ledger-load': ['host.docker.internal:9464'] });
  expect(services['ledger']?.ports).toEqual(['127.0.0.1:3000:3000']);
  expect(services['prometheus']?.extra_hosts).toEqual(['host.docker.internal:host-gateway']);
  expect(new Set(Object.values(services).flatMap(({ ports }) => ports.map((port) => port.split(':')[1]))).size).toBe(5);
});

test('the files are mounted where Prometheus and Grafana look for them', () => {
  expect(mountsOf('prometheus')).toContain('./deploy/prometheus/prometheus.yml:/etc/prometheus/prometheus.yml:ro');
  expect(mountsOf('prometheus')).toContain('./deploy/prometheus/rules:/etc/prometheus/rules:ro');
  expect(scrapeJobs.rule_files).toEqual(['rules/*.yml']); // from the folder of prometheus.yml
  expect(mountsOf('grafana')).toContain('./deploy/grafana/provisioning:/etc/grafana/provisioning:ro');
  expect(dashboardFolders).toEqual(['/etc/grafana/dashboards']);
  expect(mountsOf('grafana')).toContain('./deploy/grafana/dashboards:/etc/grafana/dashboards:ro');
});

test('there is a dashboard of the service and one of the load client; panels have ids of their own and do not overlap', () => {
  expect(dashboards.map(({ uid }) => uid)).toEqual(['ledger-load', 'ledger-service']);
  for (const { uid, panels, templating } of dashboards) {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)}/${y + Math.floor(n / w)}`),
    );
    expect(new Set(cells).size, uid).toBe(cells.length);
    for (const { type, gridPos, targets } of panels)
      expect([gridPos.x + gridPos.w <= 24, targets.length > 0]).toEqual([true, type !== 'row']);
    expect(templating.list.map(({ name, definition }) => [name, definition])).toEqual([
      ['instance', `label_values(up{job="${uid === 'ledger-load' ? 'ledger-load' : 'ledger'}"}, instance)`],
    ]);
  }
});
