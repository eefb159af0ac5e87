// Debian's Prometheus, with the ledger's own configuration and rules: a server of one's own, and its tool.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { PROMETHEUS_FOLDER } from '../deploy/monitoring-files.ts';
import { installDebianPackage } from './debian-package.ts';
import { lastingPort } from './lasting-port.ts';
import { scratchFolder } from './scratch-folder.ts';
import { waitFor } from './waiting.ts';

const run = promisify(execFile);
const [SERVER, TOOL] = ['/usr/bin/prometheus', '/usr/bin/promtool'];

async function install(): Promise<void> {
  if (existsSync(SERVER) && existsSync(TOOL)) return;
  await installDebianPackage('prometheus');
  // The package starts a server of the machine's own. The tests have no use for it.
  await run('invoke-rc.d', ['prometheus', 'stop']).catch(() => undefined);
}

/** Runs `promtool`. @returns what it said. @throws with that where it found something wrong. */
export async function promtool(...args: readonly string[]): Promise<string> {
  await install();
  const { stdout, stderr } = await run(TOOL, args).catch((error: Error & { stdout?: string; stderr?: string }) => {
    throw new Error(`promtool ${args.join(' ')}: ${error.stdout ?? ''}${error.stderr ?? error.message}`);
  });
  return `${stdout}${stderr}`;
}

const sample = z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) });
const answer = z.discriminatedUnion('status', [
  z.object({ status: z.literal('success'), data: z.unknown() }),
  z.object({ status: z.literal('error'), error: z.string() }),
]);
const vector = z.object({ resultType: z.literal('vector'), result: z.array(sample) });
const alertList = z.object({
  alerts: z.array(
    z.object({
      labels: z.record(z.string(), z.string()),
      annotations: z.record(z.string(), z.string()),
      state: z.enum(['pending', 'firing']),
    }),
  ),
});
const ruleList = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string(), lastError: z.string().optional() })) })),
});
const targetList = z.object({
  activeTargets: z.array(z.object({ labels: z.record(z.string(), z.string()), health: z.string(), lastError: z.string() })),
});

export interface TestPrometheus extends AsyncDisposable {
  /** What a query gives at this moment. @throws where it is none. */
  query(expr: string): Promise<ReadonlyArray<{ readonly labels: Readonly<Record<string, string>>; readonly value: number }>>;
  /** The alerts that are pending or firing. */
  alerts(): Promise<z.output<typeof alertList>['alerts']>;
  rules(): Promise<z.output<typeof ruleList>['groups'][number]['rules']>;
  targets(): Promise<z.output<typeof targetList>['activeTargets']>;
}

const Configuration = z.looseObject({
  global: z.looseObject({}),
  scrape_configs: z.array(z.looseObject({ job_name: z.string(), static_configs: z.unknown() })),
});

/**
 * Starts a server with the shipped configuration and rules, but for the targets, which are given by job, and looks at them every second.
 * @param targets `host:port`, by the names of the jobs.
 */
export async function startPrometheus(targets: Readonly<Record<string, readonly string[]>>): Promise<TestPrometheus> {
  await install();
  const folder = await scratchFolder();
  const shipped = Configuration.parse(parse(await readFile(join(PROMETHEUS_FOLDER, 'prometheus.yml'), 'utf8')));
  const configuration = {
    ...shipped,
    global: { ...shipped.global, scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(PROMETHEUS_FOLDER, 'rules/*.yml')],
    scrape_configs: shipped.scrape_configs.map((job) => ({
      ...job,
      scrape_interval: '1s',
      static_configs: [{ targets: targets[job.job_name] ?? [] }],
    })),
  };
  await writeFile(join(folder, 'prometheus.yml'), stringify(configuration));
  const address = `127.0.0.1:${await lastingPort()}`;
  const server = spawn(
    SERVER,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ],
    { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const ended = once(server, 'close');
  const ask = async (path: string): Promise<unknown> => {
    const read = answer.parse(await (await fetch(`http://${address}/api/v1/${path}`)).json());
    if (read.status === 'error') throw new Error(`${decodeURIComponent(path)}: ${read.error}`);
    return read.data;
  };
  const close = async (): Promise<void> => {
    server.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  await waitFor(async () => {
    if (server.exitCode !== null) return;
    const ready = await fetch(`http://${address}/-/ready`);
    if (!ready.ok) throw new Error(`Prometheus is not ready: ${ready.status}`);
  });
  if (server.exitCode !== null) {
    await close();
    throw new Error(`Prometheus ended with code ${server.exitCode}`);
  }
  return {
    query: async (expr) =>
      vector
        .parse(await ask(`query?query=${encodeURIComponent(expr)}`))
        .result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value.replace('Inf', 'Infinity')) })),
    alerts: async () => alertList.parse(await ask('alerts')).alerts,
    rules: async () => ruleList.parse(await ask('rules')).groups.flatMap(({ rules }) => rules),
    targets: async () => targetList.parse(await ask('targets')).activeTargets,
    [Symbol.asyncDispose]: close,
  };
}
