// The broker of a test run: started when the first spec file asks for it, so that the runs that need none do not wait for it.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { sendSignal } from '../../src/embedded/process-identity.ts';
import { type EmbeddedRabbitMq, startEmbeddedRabbitMq } from '../../src/embedded/rabbitmq.ts';
import { rabbitMqPrograms } from '../../src/embedded/rabbitmq-programs.ts';
import { installDebianPackage } from './debian-package.ts';
import { lastingPort } from './lasting-port.ts';
import { scratchFolder } from './scratch-folder.ts';

const run = promisify(execFile);

/** A producer's user of every test node; the ledger's own is in the node's URL. */
export const GUEST = { name: 'guest', password: 'guest' } as const;

/** Puts ports and a password where a node in that folder remembers its own. */
export async function rememberPorts(dataDir: string): Promise<void> {
  const ports = {
    amqp: await lastingPort(),
    management: await lastingPort(),
    distribution: await lastingPort(),
    epmd: await lastingPort(),
  };
  const access = { password: randomUUID(), ports };
  await writeFile(join(dataDir, 'rabbitmq-access.json'), JSON.stringify(access), { mode: 0o600 });
}

/**
 * Starts a private RabbitMQ node, installing the Debian package where there is none.
 * @throws with the reason where it can be neither found nor installed: a broker's test never passes without one.
 */
export async function startNode(dataDir: string, { management }: { readonly management: boolean }): Promise<EmbeddedRabbitMq> {
  if (rabbitMqPrograms() === undefined) await installRabbitMq();
  const node = await startEmbeddedRabbitMq({ dataDir, management, users: { [GUEST.name]: GUEST.password } });
  if (node === undefined) throw new Error('rabbitmq-server was installed, but is not where packages put it');
  return node;
}

const Access = z.object({ ports: z.object({ epmd: z.int() }) });

/** In which a shell finds `rabbitmqctl`, and that finds the node of that data folder. */
export function shellEnvironmentOf(dataDir: string): NodeJS.ProcessEnv {
  const server = rabbitMqPrograms()?.server;
  if (server === undefined) throw new Error('no RabbitMQ is installed');
  const { ports } = Access.parse(JSON.parse(readFileSync(join(dataDir, 'rabbitmq-access.json'), 'utf8')));
  return {
    PATH: `${dirname(server)}:${process.env['PATH']}`,
    LANG: 'C.UTF-8',
    // Where the node's Erlang cookie is.
    HOME: join(dataDir, 'rabbitmq'),
    ERL_EPMD_PORT: String(ports.epmd),
    RABBITMQ_NODENAME: 'ledger@localhost',
    RABBITMQ_CONF_ENV_FILE: join(dataDir, 'rabbitmq', 'rabbitmq-env.conf'),
  };
}

/** Installs the Debian package. */
export async function installRabbitMq(): Promise<void> {
  await installDebianPackage('rabbitmq-server');
  // The package starts a node of the machine's own, on the standard ports. The tests have no use for it.
  await run('invoke-rc.d', ['rabbitmq-server', 'stop']).catch(() => undefined);
}

/** Ends a node whose data nobody needs any more; stopping it in order takes six seconds. */
export async function discard({ pid, exited, stop }: EmbeddedRabbitMq): Promise<void> {
  sendSignal(pid, 'SIGKILL');
  await exited;
  await stop();
}

export interface NodeOnDemand {
  /** Answers a GET with the node's `{url, managementUrl}`, once it runs. */
  readonly url: string;
  /** Stops the node if it was ever asked for, and deletes its data. */
  close(): Promise<void>;
}

/** Offers the one node of a run to all its processes. */
export async function offerNode(): Promise<NodeOnDemand> {
  const dataDir = await scratchFolder();
  let node: Promise<EmbeddedRabbitMq> | undefined;
  const server = createServer((_, response) => {
    node ??= startNode(dataDir, { management: true });
    node.then(
      ({ url, managementUrl }) => response.end(JSON.stringify({ url, managementUrl })),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await node?.then(discard).catch(() => undefined);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
