// Three RabbitMQ nodes that find each other by the lines of deploy/cluster, as those of docker-compose.cluster.yml do.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type DetachedProcess, lastLines, spawnDetached } from '../../src/embedded/detached-process.ts';
import { sendSignal } from '../../src/embedded/process-identity.ts';
import { type RabbitMqPrograms, rabbitMqPrograms } from '../../src/embedded/rabbitmq-programs.ts';
import { lastingPort } from './lasting-port.ts';
import { installRabbitMq } from './rabbitmq-server.ts';
import { scratchFolder } from './scratch-folder.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');

/** In the compose file each node has a host name of its own; here one port mapper knows all of them, so the other half of the name differs. */
const nodeName = (index: number): string => `rabbit${index}@localhost`;
const addressOf = (index: number): string => `127.0.0.${10 + index}`;
const NODES = [1, 2, 3];
/** Of newer brokers than Debian's, which does not start with a setting that it does not know. */
const UNKNOWN_TO_DEBIAN = /^quorum_queue\.continuous_membership_reconciliation\..*$/gm;

const members = z.array(z.object({ name: z.string(), leader: z.string(), members: z.array(z.string()), online: z.array(z.string()) }));

export interface TestCluster extends AsyncDisposable {
  /** Of each node, the first to the last: all listen on `port`. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** The queues with the nodes that have a copy, as the node `of` (1 to 3) sees them. */
  queues(of: number): Promise<z.output<typeof members>>;
  /** Ends a node as a power cut would. @param node 1 to 3 */
  kill(node: number): Promise<void>;
  /** Starts a node again, on the same data. Resolves when it serves. */
  restart(node: number): Promise<void>;
}

/**
 * Starts three nodes at once and waits until all of them serve.
 * @param environment what the compose file says of each, with the user, the password and the Erlang cookie.
 * @throws with the end of a node's log when it does not come up.
 */
export async function startRabbitMqCluster(environment: Readonly<Record<string, string>>): Promise<TestCluster> {
  if (rabbitMqPrograms() === undefined) await installRabbitMq();
  const programs = rabbitMqPrograms();
  if (programs === undefined) throw new Error('rabbitmq-server was installed, but is not where packages put it');
  await using opened = new AsyncDisposableStack();
  const folder = await scratchFolder();
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const epmdPort = await lastingPort();
  const epmd = await spawnDetached({
    command: programs.epmd,
    args: ['-port', String(epmdPort), '-address', '127.0.0.1'],
    logFile: join(folder, 'epmd.log'),
    stopSignals: ['SIGKILL'],
  });
  opened.defer(() => epmd.stop(1000));

  const port = await lastingPort();
  const nodes = new Map<number, DetachedProcess>();
  opened.defer(async () => void (await Promise.all([...nodes.values()].map(ended))));
  const variables = new Map<number, NodeJS.ProcessEnv>();
  for (const node of NODES)
    variables.set(node, {
      ...configure(join(folder, `${node}`), node, port, await lastingPort()),
      ...environment,
      ERL_EPMD_PORT: `${epmdPort}`,
    });
  const start = async (node: number): Promise<void> => {
    const { server, ready } = await startNode(programs, join(folder, `${node}`), variables.get(node));
    nodes.set(node, server);
    const failure = await ready;
    if (failure !== undefined) throw new Error(`RabbitMQ ${failure}`);
  };
  await Promise.all(NODES.map(start));

  const everything = opened.move();
  return {
    addresses: NODES.map(addressOf),
    port,
    async queues(of) {
      const args = ['--quiet', '--node', nodeName(of), 'list_queues', 'name', 'leader', 'members', 'online', '--formatter', 'json'];
      const { stdout } = await run(join(dirname(programs.server), 'rabbitmqctl'), args, { env: variables.get(of) });
      return members.parse(JSON.parse(stdout));
    },
    async kill(node) {
      await ended(nodes.get(node));
    },
    restart: start,
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

async function ended(server: DetachedProcess | undefined): Promise<void> {
  if (server === undefined) return;
  sendSignal(server.pid, 'SIGKILL');
  await server.exited;
}

/** Writes what the node reads at its start. @returns its environment */
function configure(folder: string, node: number, port: number, distributionPort: number): NodeJS.ProcessEnv {
  mkdirSync(join(folder, 'conf.d'), { recursive: true });
  // The management plugin is left out: nobody asks it, and it makes a node slower to start.
  writeFileSync(join(folder, 'enabled_plugins'), '[rabbitmq_consistent_hash_exchange].\n');
  writeFileSync(join(folder, 'rabbitmq.conf'), `listeners.tcp.1 = ${addressOf(node)}:${port}\ndisk_free_limit.absolute = 50MB\n`);
  writeFileSync(join(folder, 'conf.d/20-ledger.conf'), text('deploy/rabbitmq/20-ledger.conf'));
  const cluster = text('deploy/cluster/30-rabbitmq-cluster.conf');
  writeFileSync(
    join(folder, 'conf.d/30-rabbitmq-cluster.conf'),
    cluster.replaceAll(/rabbit@rabbitmq([123])/g, (_, index: string) => nodeName(Number(index))).replaceAll(UNKNOWN_TO_DEBIAN, ''),
  );
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: folder,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: nodeName(node),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONFIG_FILES: join(folder, 'conf.d'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'config'),
    RABBITMQ_SCHEMA_DIR: join(folder, 'schema'),
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_LOGS: join(folder, 'rabbitmq.log'),
    RABBITMQ_PID_FILE: join(folder, 'node.pid'),
  };
}

/** Starts a node; `ready` settles when it serves, or with a sentence saying what happened instead. */
async function startNode(
  { server: command }: RabbitMqPrograms,
  folder: string,
  environment: NodeJS.ProcessEnv | undefined,
): Promise<{ server: DetachedProcess; ready: Promise<string | undefined> }> {
  const announced = Promise.withResolvers<undefined>();
  const server = await spawnDetached({
    command,
    args: [],
    logFile: join(folder, 'console.log'),
    directory: folder,
    stopSignals: ['SIGKILL'],
    environment: environment ?? {},
    onLine: (line) => {
      if (line.includes('completed with')) announced.resolve(undefined);
    },
  });
  const ready = Promise.race([
    announced.promise,
    server.exited.then(
      (how) => `${how}; its log ends:\n${lastLines(join(folder, 'rabbitmq.log'))}\n${lastLines(join(folder, 'console.log'))}`,
    ),
  ]);
  return { server, ready };
}
