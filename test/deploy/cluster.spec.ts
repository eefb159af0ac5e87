// The cluster's compose file, checked without Docker: held against docker-compose.yml, its processes run for real.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { problemOf, refusal } from '../../src/api/problems.ts';
import { allSettings, readEnv } from '../../src/config.ts';
import { roles } from '../../src/settings.ts';
import { balanceOf, openAccount, send } from '../scenarios/clients.ts';
import { eventually } from '../scenarios/eventually.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { promtool } from '../stack/prometheus.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { startStores } from '../stack/stores.ts';
import { composed, defaults, type Service, text } from './compose-files.ts';
import { PROMETHEUS_FOLDER } from './monitoring-files.ts';

const root = join(import.meta.dirname, '../..');
const single = composed('docker-compose.yml').services;
const file = composed('docker-compose.cluster.yml');
const cluster = file.services;

/** @throws where the file has no such service. */
function service(services: Record<string, Service>, name: string): Service {
  const found = services[name];
  if (found === undefined) throw new Error(`there is no service ${name}`);
  return found;
}
const ledgers = ['ledger', 'consumer', 'worker'];
const eventStores = ['eventstore1', 'eventstore2', 'eventstore3'];
const rabbits = ['rabbitmq1', 'rabbitmq2', 'rabbitmq3'];
const configOf = (name: string) => readEnv(defaults(service(cluster, name)));
const except = ({ environment }: Service, ...names: string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !names.includes(name)));

test('the file stands alone: it takes nothing from another, and its data is its own', () => {
  expect(Object.keys(cluster).toSorted()).toEqual(
    [...eventStores, ...rabbits, ...ledgers, 'postgres', 'proxy', 'prometheus', 'grafana'].toSorted(),
  );
  expect(text('docker-compose.cluster.yml')).not.toMatch(/^\s*(extends:|include:)|!reset|!override/m);
  expect(file.name).not.toBe(composed('docker-compose.yml').name);
  const mounts = Object.values(cluster).flatMap(({ volumes }) => volumes.filter((mount) => !mount.startsWith('.')));
  const named = mounts.map((mount) => mount.split(':')[0]);
  // Each is used once: no two nodes share a folder.
  expect(named.toSorted()).toEqual(Object.keys(file.volumes).toSorted());
});

test('what both files have is the same in both', () => {
  for (const name of ['postgres', 'grafana']) expect(cluster[name], name).toEqual(single[name]);
  const mounted = './deploy/prometheus/prometheus.yml:/etc/prometheus/prometheus.yml:ro';
  const prometheus = service(single, 'prometheus');
  expect(cluster['prometheus']).toEqual({
    ...prometheus,
    volumes: prometheus.volumes.map((mount) => (mount === mounted ? mount.replace('prometheus/', 'cluster/') : mount)),
  });
  const alike = ({ image, healthcheck, stop_grace_period, restart }: Service) => ({ image, healthcheck, stop_grace_period, restart });
  for (const name of eventStores) expect(alike(service(cluster, name)), name).toEqual(alike(service(single, 'eventstore')));
  for (const name of rabbits) {
    expect(alike(service(cluster, name)), name).toEqual(alike(service(single, 'rabbitmq')));
    expect(except(service(cluster, name), 'RABBITMQ_ERLANG_COOKIE'), name).toEqual(service(single, 'rabbitmq').environment);
  }
  const own = ['EVENTSTORE_URL', 'LEDGER_ROLES', 'LEDGER_METRICS_PORT', 'LEDGER_TRUST_PROXY'];
  const ledger = service(single, 'ledger');
  for (const name of ledgers) {
    expect(except(service(cluster, name), ...own), name).toEqual(except(ledger, 'EVENTSTORE_URL'));
    expect(service(cluster, name)).toMatchObject({ stop_grace_period: ledger.stop_grace_period, restart: ledger.restart });
  }
});

test('the three EventStoreDB nodes know each other by name, and the ledgers know all of them', async () => {
  const { EVENTSTORE_CLUSTER_SIZE: _one, ...common } = service(single, 'eventstore').environment;
  for (const name of eventStores) {
    const seeds = eventStores.filter((other) => other !== name).map((other) => `${other}:2113`);
    expect(service(cluster, name).environment).toEqual({
      ...common,
      EVENTSTORE_CLUSTER_SIZE: `${eventStores.length}`,
      EVENTSTORE_DISCOVER_VIA_DNS: 'false',
      EVENTSTORE_GOSSIP_SEED: seeds.join(),
      EVENTSTORE_NODE_HOST_ADVERTISE_AS: name,
      EVENTSTORE_REPLICATION_HOST_ADVERTISE_AS: name,
    });
    expect(service(cluster, name).volumes).toEqual([`${name}-data:/var/lib/eventstore`, `${name}-logs:/var/log/eventstore`]);
  }
  const hosts = eventStores.map((name) => `${name}:2113`).join();
  for (const name of ledgers) expect(configOf(name).eventStoreUrl).toBe(`esdb://${hosts}?tls=false&nodePreference=leader`);
  // The client takes such a string, and finds the leader by asking for it; the server of the tests answers that it is the one.
  await using stores = await startStores();
  const { host } = new URL(stores.environment.EVENTSTORE_URL.replace('esdb:', 'http:'));
  const here = configOf('ledger').eventStoreUrl?.replace(hosts, [host, host, host].join()) ?? '';
  const client = EventStoreDBClient.connectionString(here);
  await expect(client.readAll({ maxCount: 1 })[Symbol.asyncIterator]().next()).resolves.toBeDefined();
  await client.dispose();
});

test('the three RabbitMQ nodes are one broker with one name, and none waits for another to be healthy', () => {
  const conf = text('deploy/cluster/30-rabbitmq-cluster.conf');
  const listed = [...conf.matchAll(/^cluster_formation\.classic_config\.nodes\.\d = rabbit@(\S+)$/gm)].map(([, host]) => host);
  expect(listed).toEqual(rabbits);
  const cookies = rabbits.map((name) => defaults(service(cluster, name))['RABBITMQ_ERLANG_COOKIE']);
  expect(new Set(cookies).size).toBe(1);
  for (const name of rabbits) {
    const { hostname, networks, volumes, depends_on } = service(cluster, name);
    expect({ hostname, networks, depends_on }).toEqual({
      hostname: name,
      networks: { default: { aliases: ['rabbitmq'] } },
      depends_on: {},
    });
    const files = service(single, 'rabbitmq').volumes.map((mount) => mount.replace(/^rabbitmq-data/, `${name}-data`));
    expect(volumes).toEqual([...files, './deploy/cluster/30-rabbitmq-cluster.conf:/etc/rabbitmq/conf.d/30-rabbitmq-cluster.conf:ro']);
  }
  for (const name of ledgers) expect(new URL(configOf(name).amqpUrl ?? '').host).toBe('rabbitmq:5672');
});

test('the image of the ledger is built by one service and run by three, which wait for every store', () => {
  const { build, image, pull_policy } = service(cluster, 'ledger');
  expect({ build, pull_policy }).toEqual({ build: '.', pull_policy: 'build' });
  for (const name of ['consumer', 'worker']) {
    const running = service(cluster, name);
    expect([running.image, running.pull_policy, running.build]).toEqual([image, 'never', undefined]);
  }
  const condition = 'service_healthy';
  const stores = Object.fromEntries([...eventStores, ...rabbits, 'postgres'].map((name) => [name, { condition }]));
  for (const name of ledgers) expect(service(cluster, name).depends_on, name).toEqual(stores);
});

test('every role has two processes at least, and no process has more than its share', () => {
  const rolesOf = ledgers.flatMap((name) => configOf(name).roles);
  expect(rolesOf.toSorted()).toEqual([...roles].toSorted());
  for (const name of ledgers) expect(service(cluster, name).deploy?.replicas, name).toBe(2);
});

test('all of them have settings that there are, and answer for their health and metrics on one port', () => {
  const known = allSettings().map(({ variable }) => variable);
  for (const name of ledgers) {
    const environment = defaults(service(cluster, name));
    expect(Object.keys(environment).filter((variable) => !known.includes(variable))).toEqual(['NODE_ENV']);
    // The image's health check asks PORT.
    if (name !== 'ledger') expect(environment['LEDGER_METRICS_PORT']).toBe(environment['PORT']);
  }
  const scraped = z
    .object({
      scrape_configs: z.array(z.object({ dns_sd_configs: z.array(z.object({ names: z.array(z.string()), port: z.int() })).optional() })),
    })
    .parse(parse(text('deploy/cluster/prometheus.yml')));
  expect(scraped.scrape_configs[0]?.dns_sd_configs?.[0]).toMatchObject({ names: ledgers, port: configOf('ledger').port });
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
  const connections = ledgers.map((name) => configOf(name).databaseConnections * (service(cluster, name).deploy?.replicas ?? 1));
  expect(connections.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(postgresDefault - 20);
});

test('the proxy alone takes requests, and says the one address that it knows of each', () => {
  for (const name of ledgers) expect(service(cluster, name).ports, name).toEqual([]);
  for (const port of Object.values(cluster).flatMap(({ ports }) => ports)) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  const proxy = service(cluster, 'proxy');
  expect(proxy.ports).toEqual(service(single, 'ledger').ports);
  expect(proxy.image).toMatch(/^nginx:1\.2[89]\.\d+-alpine$/); // `resolve` in an upstream: 1.27.3
  expect(proxy.volumes).toEqual(['./deploy/cluster/proxy.conf:/etc/nginx/conf.d/default.conf:ro']);
  const conf = text('deploy/cluster/proxy.conf');
  expect(conf).toMatch(/^ {2}server ledger:3000 resolve /m);
  expect(conf).toMatch(/^ {2}listen 3000;$/m);
  // What a client says of itself is dropped, or one in a private network could say anything.
  expect([...conf.matchAll(/X-Forwarded-For (\S+);/g)].map(([, value]) => value)).toEqual(['$remote_addr']);
  expect(readEnv(defaults(service(cluster, 'ledger'))).trustProxy).toEqual(['uniquelocal']);
  // A POST that was sent once is not sent again by the proxy.
  expect(conf).not.toMatch(/^\s*proxy_next_upstream[^;]*non_idempotent/m);
});

test('the proxy refuses the bodies that a ledger would, in the same words', () => {
  const conf = text('deploy/cluster/proxy.conf');
  const { bodyLimitBytes } = configOf('ledger');
  expect(bodyLimitBytes).toBe(1024 * 1024);
  expect(conf).toMatch(/^ {2}client_max_body_size 1m;$/m);
  const [, said = ''] = /return 413 '(.*)';/.exec(conf) ?? [];
  const instance = '$request_id';
  expect(JSON.parse(said)).toEqual(problemOf(refusal('body_too_large', `The body has more than ${bodyLimitBytes} bytes.`), { instance }));
});

test('with one process of each kind a command goes its whole way, and a transfer to its end', async () => {
  await using opened = new AsyncDisposableStack();
  const stores = opened.use(await startStores());
  const broker = opened.use(await freshVhost());
  // The host names mean something only between containers: they are mapped to servers on this machine.
  const started = ledgers.map((name) => {
    const port = name === 'ledger' ? {} : { LEDGER_METRICS_PORT: '0' };
    const environment = defaults(service(cluster, name));
    return spawnLedger({ ...environment, ...stores.environment, AMQP_URL: broker.amqpUrl, HOST: '127.0.0.1', PORT: '0', ...port });
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
