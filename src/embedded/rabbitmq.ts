import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type DetachedProcess, lastLines, spawnDetached } from './detached-process.ts';
import { type EmbeddedServer, EmbeddedServerError } from './embedded-server.ts';
import { freePort } from './free-port.ts';
import { endLeftover } from './leftover-process.ts';
import { type RabbitMqPrograms, rabbitMqPrograms } from './rabbitmq-programs.ts';

export interface EmbeddedRabbitMqOptions {
  /** The ledger's data folder: the node lives in `rabbitmq` below it, its messages in `rabbitmq.log`. */
  readonly dataDir: string;
  /** Broker users beside the ledger's own, with their passwords; each may do everything in the vhost `/`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Whether it serves the management API and pages, too. A node that does needs five seconds more to stop. */
  readonly management?: boolean;
  /** Told what takes time, for whoever waits at a terminal. */
  readonly onProgress?: (message: string) => void;
}

export interface EmbeddedRabbitMq extends EmbeddedServer {
  /** Of the management API, where there is one, with the same user and password as `url`. */
  readonly managementUrl: string;
}

const portSchema = z.int().min(1).max(65535);
const portsSchema = z.object({ amqp: portSchema, management: portSchema, distribution: portSchema, epmd: portSchema });
type Ports = z.output<typeof portsSchema>;
const accessSchema = z.object({
  password: z.string().min(1),
  ports: portsSchema.optional(),
  /** Of the processes as started last, for whoever finds them left behind. */
  pids: z.object({ server: z.int(), epmd: z.int() }).optional(),
});
type Access = z.output<typeof accessSchema>;

const user = 'ledger';
/** Part of where a node keeps its data; it is known to its own port mapper only, so every folder's may have the same one. */
const nodeName = 'ledger@localhost';
const plugins = ['rabbitmq_consistent_hash_exchange'];

/** A cold Erlang on two busy cores. */
const startTimeoutMs = 120_000;
/** A node that is killed loses no message, but a queue declared in its last seconds may be lost or broken. */
const stopGraceMs = 30_000;

/**
 * Starts a RabbitMQ node of one's own from the programs installed on this machine, on the loopback interface: own name,
 * folders, ports, Erlang cookie and port mapper, so that it meets no other node. A random password and the ports are
 * remembered in `rabbitmq-access.json` (0600). A node that a SIGKILL of its ledger left behind is ended first.
 *
 * The caller must hold the lock of the data folder.
 *
 * @returns undefined where no rabbitmq-server is installed; `onProgress` is told what that means.
 * @throws with the end of the node's own messages when it does not come up.
 */
export async function startEmbeddedRabbitMq(options: EmbeddedRabbitMqOptions): Promise<EmbeddedRabbitMq | undefined> {
  const programs = rabbitMqPrograms();
  if (programs === undefined) {
    options.onProgress?.('no rabbitmq-server is installed: commands stay inside this process, and no integration events are published');
    return undefined;
  }
  const dataDir = resolve(options.dataDir);
  const folder = join(dataDir, 'rabbitmq');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let access = readAccess(dataDir);
  const remember = (change: Partial<Access>): void => {
    access = { ...access, ...change };
    writePrivately(join(dataDir, 'rabbitmq-access.json'), `${JSON.stringify(access)}\n`);
  };
  await endLeftover(access.pids?.server, folder, stopGraceMs);
  await endLeftover(access.pids?.epmd, `epmd -port ${access.ports?.epmd}`, stopGraceMs);

  for (let attempt = 1; ; attempt += 1) {
    const ports = await freePorts(access.ports);
    options.onProgress?.(`starting RabbitMQ on port ${ports.amqp}`);
    configure(folder, ports, { [user]: access.password, ...options.users }, options.management === true);
    const epmd = await startEpmd(programs, dataDir, ports);
    const { server, ready } = await startServer(programs, dataDir, ports);
    remember({ ports, pids: { server: server.pid, epmd: epmd.pid } });
    // The port mapper last: a node unregisters there.
    const stop = async (): Promise<void> => {
      await server.stop(stopGraceMs);
      await epmd.stop(stopGraceMs);
    };
    const failure = await ready;
    if (failure === undefined) {
      const credentials = `${user}:${access.password}`;
      return {
        url: `amqp://${credentials}@127.0.0.1:${ports.amqp}`,
        managementUrl: `http://${credentials}@127.0.0.1:${ports.management}`,
        pid: server.pid,
        exited: server.exited,
        stop,
      };
    }
    await stop();
    if (attempt === 3 || !(await isAboutPorts(failure, ports))) throw new EmbeddedServerError(`RabbitMQ ${failure}`);
  }
}

async function freePorts(last: Ports | undefined): Promise<Ports> {
  const ports: Ports = {
    amqp: await freePort(last?.amqp),
    management: await freePort(last?.management),
    distribution: await freePort(last?.distribution),
    epmd: await freePort(last?.epmd),
  };
  // Each is free, but a free one may be the remembered one of the next.
  return new Set(Object.values(ports)).size === 4 ? ports : freePorts(undefined);
}

/** Whether a port was taken between looking for it and using it: then others will do, while anything else would fail again. */
async function isAboutPorts(failure: string, ports: Ports): Promise<boolean> {
  if (/eaddrinuse|in use/i.test(failure)) return true;
  for (const port of Object.values(ports)) if ((await freePort(port)) !== port) return true;
  return false;
}

/** Writes what the node reads at its start. Users are set anew every time, so a lost password file does no lasting harm. */
function configure(folder: string, ports: Ports, users: Readonly<Record<string, string>>, management: boolean): void {
  const definitions = join(folder, 'definitions.json');
  const settings = {
    'listeners.tcp.1': `127.0.0.1:${ports.amqp}`,
    // Bindings are recovered by this pool, each by whichever process is free. With one they come back in their order, and
    // the ring of the consistent-hash exchange, which is made of that order, is the same after a restart.
    default_worker_pool_size: 1,
    // Headers have to fit one frame: nobody can send a table nested so deep that reading it ends a consumer's connection.
    frame_max: 8192,
    // A consumer holds hundreds of messages in memory, whatever their size; the ledger reads bodies of at most 1 MiB anyway.
    max_message_size: 2 * 1024 * 1024,
    ...(management && { 'management.tcp.ip': '127.0.0.1', 'management.tcp.port': `${ports.management}` }),
    load_definitions: definitions,
    // The default is a share of the disk that a laptop may not have free; what the ledger sends is small.
    'disk_free_limit.absolute': '50MB',
    'log.file.level': 'info',
    'log.file.rotation.size': `${8 * 1024 * 1024}`,
    'log.file.rotation.count': '1',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  writePrivately(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
  writePrivately(join(folder, 'enabled_plugins'), `[${[...plugins, ...(management ? ['rabbitmq_management'] : [])].join(',')}].\n`);
  writePrivately(
    definitions,
    JSON.stringify({
      vhosts: [{ name: '/' }],
      users: Object.entries(users).map(([name, password]) => ({ name, password, tags: name === user ? 'administrator' : '' })),
      permissions: Object.keys(users).map((name) => ({ user: name, vhost: '/', configure: '.*', write: '.*', read: '.*' })),
    }),
  );
}

function startEpmd({ epmd }: RabbitMqPrograms, dataDir: string, ports: Ports): Promise<DetachedProcess> {
  // A node would start one by itself, as a daemon that outlives it.
  return spawnDetached({
    command: epmd,
    args: ['-port', String(ports.epmd), '-address', '127.0.0.1'],
    logFile: join(dataDir, 'rabbitmq.console.log'),
    directory: dataDir,
    stopSignals: ['SIGTERM'],
  });
}

/** Starts the node; `ready` settles when it serves, or with a sentence saying what happened instead. */
async function startServer(
  { server: command }: RabbitMqPrograms,
  dataDir: string,
  ports: Ports,
): Promise<{ server: DetachedProcess; ready: Promise<string | undefined> }> {
  const folder = join(dataDir, 'rabbitmq');
  const said: string[] = [];
  let announce: () => void = () => undefined;
  const announced = new Promise<undefined>((done) => {
    announce = () => done(undefined);
  });
  const server = await spawnDetached({
    command,
    // Nothing reads it: it marks the process as this folder's.
    args: ['-extra', folder],
    logFile: join(dataDir, 'rabbitmq.console.log'),
    directory: dataDir,
    // Erlang's own handler stops the node in order.
    stopSignals: ['SIGTERM'],
    environment: environmentOf(dataDir, ports),
    onLine: (line) => {
      said.push(line);
      if (said.length > 30) said.shift();
      if (line.includes('completed with')) announce();
    },
  });
  const logs = (): string =>
    `its log (${join(dataDir, 'rabbitmq.log')}) ends:\n${lastLines(join(dataDir, 'rabbitmq.log'))}\n${said.join('\n')}`;
  const ready = Promise.race([
    announced,
    server.exited.then((how) => `${how}; ${logs()}`),
    timeout(startTimeoutMs).then(() => `was not ready after ${startTimeoutMs / 1000} s; ${logs()}`),
  ]);
  return { server, ready };
}

/** Nothing of the machine's own node: neither its configuration nor its folders, nor the Erlang cookie of this user. */
function environmentOf(dataDir: string, ports: Ports): NodeJS.ProcessEnv {
  const folder = join(dataDir, 'rabbitmq');
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: folder,
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // Makes the script become the node instead of waiting for it, so that there is one process, with the id we know.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_DIST_PORT: String(ports.distribution),
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
    RABBITMQ_LOGS: join(dataDir, 'rabbitmq.log'),
    RABBITMQ_PID_FILE: join(folder, 'node.pid'),
  };
}

function readAccess(dataDir: string): Access {
  const file = join(dataDir, 'rabbitmq-access.json');
  if (existsSync(file)) return accessSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return { password: randomBytes(24).toString('base64url') };
}

function writePrivately(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}

function timeout(milliseconds: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, milliseconds).unref();
  });
}
