// The cluster's compose file, checked without Docker: laid over docker-compose.yml as Compose does it, its processes run for real.
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CollectionTag } from 'yaml';
import { parse } from 'yaml';
import { z } from 'zod';
import { readEnv } from '../../src/config.ts';
import { roles } from '../../src/settings.ts';
import { balanceOf, openAccount, send } from '../scenarios/clients.ts';
import { eventually } from '../scenarios/eventually.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { promtool } from '../stack/prometheus.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { startStores } from '../stack/stores.ts';
import { PROMETHEUS_FOLDER } from './monitoring-files.ts';

const root = join(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Compose's mark for what is to replace the value below it. An empty list is all that it stands before here. */
const reset: CollectionTag = { tag: '!reset', collection: 'seq' };
const service = z.object({
  image: z.string().optional(),
  extends: z.object({ file: z.literal('docker-compose.yml'), service: z.literal('ledger') }).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.literal('service_healthy') })).default({}),
  deploy: z.object({ replicas: z.int() }).optional(),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
});
const filesServices = z.object({ services: z.record(z.string(), service) });
const single = z.object({ services: z.object({ ledger: service }).loose() }).parse(parse(text('docker-compose.yml'))).services.ledger;
const cluster = filesServices.parse(parse(text('docker-compose.cluster.yml'), { customTags: [reset] })).services;
const { proxy, prometheus, ...ledgers } = cluster;

/** As Docker would set it with nothing in `.env`. */
const environmentOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...single.environment, ...ledgers[name]?.environment }).map(([variable, value]) => [
      variable,
      value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]),
  );
const names = Object.keys(ledgers);

test('every role has two processes at least, and no process has more than its share', () => {
  expect(names).toEqual(['ledger', 'consumer', 'worker']);
  const rolesOf = names.flatMap((name) => readEnv(environmentOf(name)).roles);
  expect(rolesOf.toSorted()).toEqual([...roles].toSorted());
  for (const name of names) expect(ledgers[name]?.deploy?.replicas, name).toBe(2);
});

test('all of them have the same stores and the same secret, and answer for their health and metrics on one port', () => {
  const [first, ...others] = names.map((name) => readEnv(environmentOf(name)));
  for (const { eventStoreUrl, databaseUrl, amqpUrl, keySecret } of others)
    expect({ eventStoreUrl, databaseUrl, amqpUrl, keySecret }).toEqual({
      eventStoreUrl: first?.eventStoreUrl,
      databaseUrl: first?.databaseUrl,
      amqpUrl: first?.amqpUrl,
      keySecret: first?.keySecret,
    });
  // The image's health check asks PORT.
  for (const name of names.slice(1)) expect(environmentOf(name)['LEDGER_METRICS_PORT']).toBe(environmentOf(name)['PORT']);
  const scraped = z
    .object({
      scrape_configs: z.array(z.object({ dns_sd_configs: z.array(z.object({ names: z.array(z.string()), port: z.int() })).optional() })),
    })
    .parse(parse(text('deploy/cluster/prometheus.yml')));
  expect(scraped.scrape_configs[0]?.dns_sd_configs?.[0]).toMatchObject({ names, port: first?.port });
  expect(prometheus?.volumes).toEqual(['./deploy/cluster/prometheus.yml:/etc/prometheus/prometheus.yml:ro']);
});

test("Prometheus takes the cluster's configuration, mounted in the place of the other", async () => {
  const folder = await scratchFolder();
  try {
    cpSync(PROMETHEUS_FOLDER, folder, { recursive: true });
    cpSync(join(root, 'deploy/cluster/prometheus.yml'), join(folder, 'prometheus.yml'));
    expect(await promtool('check', 'config', join(folder, 'prometheus.yml'))).toMatch(/is valid prometheus config file syntax/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('together they leave Postgres connections for others', () => {
  const postgresDefault = 100;
  const connections = names.map((name) => readEnv(environmentOf(name)).databaseConnections * (ledgers[name]?.deploy?.replicas ?? 1));
  expect(connections.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(postgresDefault - 20);
});

test('the proxy alone is published, on this machine, and what it says of a request is believed', () => {
  for (const name of names) expect(ledgers[name]?.ports, name).toEqual([]);
  expect(proxy?.ports).toEqual(single.ports);
  expect(proxy?.image).toMatch(/^nginx:1\.2[89]\.\d+-alpine$/); // `resolve` in an upstream: 1.27.3
  expect(proxy?.volumes).toEqual(['./deploy/cluster/proxy.conf:/etc/nginx/conf.d/default.conf:ro']);
  const conf = text('deploy/cluster/proxy.conf');
  expect(conf).toMatch(/^ {2}server ledger:3000 resolve /m);
  expect(conf).toMatch(/^ {2}listen 3000;$/m);
  expect(conf).toMatch(/proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;/);
  // A POST that was sent once is not sent again by the proxy.
  expect(conf).not.toMatch(/^\s*proxy_next_upstream[^;]*non_idempotent/m);
  expect(readEnv(environmentOf('ledger')).trustProxy).toEqual(['uniquelocal']);
});

test('with one process of each kind a command goes its whole way, and a transfer to its end', async () => {
  await using opened = new AsyncDisposableStack();
  const stores = opened.use(await startStores());
  const broker = opened.use(await freshVhost());
  // The host names mean something only between containers: they are mapped to servers on this machine.
  const started = names.map((name) => {
    const port = name === 'ledger' ? {} : { LEDGER_METRICS_PORT: '0' };
    return spawnLedger({ ...environmentOf(name), ...stores.environment, AMQP_URL: broker.amqpUrl, HOST: '127.0.0.1', PORT: '0', ...port });
  });
  for (const starting of started) opened.defer(async () => (await starting).close());
  const [api] = await Promise.all(started);
  const apiUrl = api?.apiUrl ?? '';
  const [from, to] = [await openAccount(apiUrl, { asset: 'USD', amount: '10.00' }), await openAccount(apiUrl)];
  const sent = await send(apiUrl, { type: 'transfer', accountId: from, to, key: 'one', asset: 'USD', amount: '4.00' });
  expect(sent.httpStatus).toBe(201);
  await eventually(
    'the worker has led it to its end',
    async () => (await balanceOf(apiUrl, to, 'USD', sent.body.position ?? '')).available === '4.00',
  );
  expect((await balanceOf(apiUrl, from, 'USD', sent.body.position ?? '')).available).toBe('6.00');
});
