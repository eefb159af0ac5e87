// The compose file and the Dockerfile, checked without Docker: what they say, and that real ledger processes run with it.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { allSettings, readEnv } from '../../src/config.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { startStores } from '../stack/stores.ts';

const root = join(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');

const service = z.object({
  image: z.string().optional(),
  build: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  stop_grace_period: z.string(),
});
const compose = z
  .object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) })
  .parse(parse(text('docker-compose.yml')));
const { eventstore, postgres, ledger, rabbitmq } = z
  .object({ eventstore: service, postgres: service, ledger: service, rabbitmq: service })
  .parse(compose.services);

/** The environment as Docker would set it with nothing in `.env`: `${NAME:-default}` is the default. */
const environmentOf = ({ environment }: z.output<typeof service>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')]));

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test('every image has a full version, every service a health check of its own or its image', () => {
  for (const [name, { image, build, healthcheck }] of Object.entries(compose.services)) {
    if (build === undefined) {
      expect(image, name).toMatch(/^[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
      expect(healthcheck, name).toBeDefined();
    }
  }
  expect(text('Dockerfile')).toMatch(/^HEALTHCHECK /m);
  for (const [, image] of text('Dockerfile').matchAll(/^FROM (\S+)/gm)) expect(image).toMatch(/^node:24\.\d+\.\d+-[a-z-]+$/);
});

test('the ledger waits until its stores are healthy', () => {
  const condition = 'service_healthy';
  expect(ledger.depends_on).toEqual({ eventstore: { condition }, postgres: { condition }, rabbitmq: { condition } });
});

test('data is kept in named volumes, and every named volume is used', () => {
  const mounts = Object.values(compose.services).flatMap(({ volumes }) => volumes);
  const named = mounts.filter((mount) => !mount.startsWith('.')).map((mount) => mount.split(':')[0]);
  expect([...named].sort()).toEqual(Object.keys(compose.volumes).sort());
  expect(postgres.volumes).toEqual(['postgres-data:/var/lib/postgresql']);
  expect(eventstore.volumes).toContain('eventstore-data:/var/lib/eventstore');
});

test('what is published is published to this machine only', () => {
  for (const port of Object.values(compose.services).flatMap(({ ports }) => ports)) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  expect(postgres.ports).toEqual([]);
});

test('the environment of the ledger is a valid configuration that names the services, their ports and their passwords', () => {
  const environment = environmentOf(ledger);
  const known = allSettings().map(({ variable }) => variable);
  expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual(['NODE_ENV']);
  const config = readEnv(environment);
  expect(config).toMatchObject({ selfDeposit: false, anonymousProducers: false });
  expect(ledger.ports).toEqual([`127.0.0.1:${config.port}:${config.port}`]);
  expect(config.host).toBe('0.0.0.0');
  expect(config.eventStoreUrl).toBe('esdb://eventstore:2113?tls=false');
  const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = environmentOf(postgres);
  expect(config.databaseUrl).toBe(`postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@postgres:5432/${POSTGRES_DB}`);
  const { RABBITMQ_DEFAULT_USER, RABBITMQ_DEFAULT_PASS } = environmentOf(rabbitmq);
  expect(config.amqpUrl).toBe(`amqp://${RABBITMQ_DEFAULT_USER}:${RABBITMQ_DEFAULT_PASS}@rabbitmq:5672`);
  expect(ledger.environment['AMQP_URL']).toContain(rabbitmq.environment['RABBITMQ_DEFAULT_PASS']);
  expect(ledger.environment['DATABASE_URL']).toContain(postgres.environment['POSTGRES_PASSWORD']);
  expect(Number.parseInt(ledger.stop_grace_period, 10) * 1000).toBeGreaterThan(config.shutdownGraceMs);
});

test('the broker has the plugins that its file names, and gives an account the same queue again', () => {
  expect(rabbitmq.volumes).toContain('./deploy/rabbitmq/20-ledger.conf:/etc/rabbitmq/conf.d/20-ledger.conf:ro');
  expect(text('deploy/rabbitmq/20-ledger.conf')).toMatch(/^default_worker_pool_size = 1$/m);
  expect(text('deploy/rabbitmq/20-ledger.conf')).toMatch(/^frame_max = 8192$/m);
  expect(text('deploy/rabbitmq/20-ledger.conf')).toMatch(/^max_message_size = 2097152$/m);
  expect(rabbitmq.volumes).toContain('./deploy/rabbitmq/enabled_plugins:/etc/rabbitmq/enabled_plugins:ro');
  expect(text('deploy/rabbitmq/enabled_plugins').trim()).toBe('[rabbitmq_consistent_hash_exchange,rabbitmq_management].');
});

test('the image holds exactly what is copied, runs as nobody special, and hands signals to node', () => {
  const dockerfile = text('Dockerfile');
  expect(dockerfile).toMatch(/^USER node$/m);
  expect(dockerfile).toMatch(/^ENTRYPOINT \["node", "src\/cli\/ledger\.ts"\]$/m);
  expect(dockerfile).toMatch(/^RUN npm ci --omit=dev --workspaces=false/m);
  const allowedIn = text('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const copied = [...copiedInto('dependencies'), ...copiedInto('image')];
  expect([...new Set(copied)].sort()).toEqual([...allowedIn].sort());
});

test('what the image holds runs, with the compose environment, until it is ready, and stops on SIGTERM', async () => {
  await using stores = await startStores();
  await using broker = await freshVhost();
  const image = assembleImage();
  const compose = environmentOf(ledger);
  // The host names mean something only between containers: they are mapped to servers on this machine.
  const environment = { ...compose, ...stores.environment, AMQP_URL: broker.amqpUrl, HOST: '127.0.0.1', PORT: '0' };
  await using running = await spawnLedger(environment, [], { program: join(image, 'src/cli/ledger.ts') });
  expect((await fetch(`${running.apiUrl}/health/ready`)).status).toBe(200);
  expect(await running.stop('SIGTERM')).toEqual({ code: 0, signal: null });
});

test('without its stores the image says what is missing', async () => {
  const image = assembleImage();
  const started = spawnLedger({ HOST: '127.0.0.1' }, [], { program: join(image, 'src/cli/ledger.ts') });
  await expect(started).rejects.toThrow(/code 3[\s\S]*set DATABASE_URL/);
});

function copiedInto(stage: 'dependencies' | 'image'): string[] {
  const [, dependencies = '', image = ''] = text('Dockerfile').split(/^FROM /m);
  return [...(stage === 'dependencies' ? dependencies : image).matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  );
}

/** The image's folder: what the Dockerfile copies, and links to the packages that `npm ci --omit=dev` would install. */
function assembleImage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-image-'));
  folders.push(folder);
  for (const source of copiedInto('image')) cpSync(join(root, source), join(folder, source), { recursive: true });
  const lock = z
    .object({
      packages: z.record(
        z.string(),
        z.object({ dev: z.boolean().default(false), optional: z.boolean().default(false), link: z.boolean().default(false) }),
      ),
    })
    .parse(JSON.parse(text('package-lock.json')));
  for (const [path, { dev, optional, link }] of Object.entries(lock.packages)) {
    if (dev || optional || link || !/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path)) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    symlinkSync(join(root, path), join(folder, path));
  }
  return folder;
}
