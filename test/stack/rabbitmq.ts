import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { inject } from 'vitest';
import { z } from 'zod';
import { discard, GUEST, rememberPorts, shellEnvironmentOf, startNode } from './rabbitmq-server.ts';
import { scratchFolder } from './scratch-folder.ts';

export interface TestBroker extends AsyncDisposable {
  /** `amqp://…` with the ledger's own user, `ledger`. */
  readonly amqpUrl: string;
  /** `http://…` of the management API, with the same user and password, who is an administrator. */
  readonly managementUrl: string;
  /** The virtual host that both are about; `/` on a node of one's own. */
  readonly vhost: string;
  /** The same broker and virtual host for the user `guest`, a producer like any other. */
  readonly guestUrl: string;
  /** Makes a further user with every right in the virtual host. @returns its AMQP URL */
  addUser(name: string): Promise<string>;
  /** Calls the management API: `administer('GET', 'queues')` and so on, `{vhost}` in the path being this one. */
  administer(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** A node that a test may end, for its own use. */
export interface TestNode extends AsyncDisposable {
  /** `amqp://…` with the ledger's own user, `ledger`. */
  readonly amqpUrl: string;
  /** In which a shell finds `rabbitmqctl`, and that finds this node. */
  readonly shellEnvironment: NodeJS.ProcessEnv;
  /** Stops the node in order. */
  stop(): Promise<void>;
  /** Ends the node as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again, on the same data and ports, with the same users. Stops it first if it still runs. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A virtual host of its own for one test file, on the RabbitMQ node that serves the whole run.
 *
 * @example
 * ```ts
 * const broker = await freshVhost();
 * afterAll(broker.close);
 * ```
 */
export async function freshVhost(): Promise<TestBroker> {
  const answer = await fetch(inject('rabbitMqOnDemand'));
  if (!answer.ok) throw new Error(await answer.text());
  const node = z.object({ url: z.string(), managementUrl: z.string() }).parse(await answer.json());
  const vhost = `test-${randomBytes(6).toString('hex')}`;
  const broker = brokerAt(node.url, node.managementUrl, vhost);
  await broker.administer('PUT', 'vhosts/{vhost}');
  for (const user of [new URL(node.url).username, GUEST.name]) await allow(broker, user);
  const close = async (): Promise<void> => {
    await broker.administer('DELETE', 'vhosts/{vhost}');
  };
  return { ...broker, close, [Symbol.asyncDispose]: close };
}

/**
 * A RabbitMQ node of one's own, for tests that stop or kill it. It takes some seconds to start; where nothing is done to the
 * node itself, `freshVhost` does.
 */
export async function startRabbitMq(): Promise<TestNode> {
  const { node } = await startOwnNode({ management: false });
  return node;
}

/** The same with the management API. It takes six seconds to stop in order, instead of one. */
export async function startManagedRabbitMq(): Promise<TestNode & TestBroker> {
  const { node, managementUrl } = await startOwnNode({ management: true });
  return { ...brokerAt(node.amqpUrl, managementUrl, '/'), ...node };
}

async function startOwnNode(options: { readonly management: boolean }): Promise<{ node: TestNode; managementUrl: string }> {
  const dataDir = await scratchFolder();
  await rememberPorts(dataDir);
  let server = await startNode(dataDir, options);
  const { url, managementUrl } = server;
  const close = async (): Promise<void> => {
    await discard(server);
    await rm(dataDir, { recursive: true, force: true });
  };
  const node: TestNode = {
    amqpUrl: url,
    shellEnvironment: shellEnvironmentOf(dataDir),
    stop: () => server.stop(),
    async kill() {
      process.kill(server.pid, 'SIGKILL');
      await server.exited;
    },
    async restart() {
      await server.stop();
      server = await startNode(dataDir, options);
      if (server.url !== url) throw new Error('the broker came back at another address: somebody took its port');
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return { node, managementUrl };
}

function brokerAt(url: string, managementUrl: string, vhost: string): Omit<TestBroker, 'close' | typeof Symbol.asyncDispose> {
  const { username, password, host } = new URL(url);
  const path = vhost === '/' ? '' : `/${encodeURIComponent(vhost)}`;
  const urlOf = (name: string, secret: string): string => `amqp://${name}:${secret}@${host}${path}`;
  const base = new URL(managementUrl).origin;
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

  const administer: TestBroker['administer'] = async (method, called, body) => {
    const answer = await fetch(`${base}/api/${called.replaceAll('{vhost}', encodeURIComponent(vhost))}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${called}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    amqpUrl: urlOf(username, password),
    managementUrl,
    vhost,
    guestUrl: urlOf(GUEST.name, GUEST.password),
    administer,
    async addUser(name) {
      const secret = randomBytes(12).toString('hex');
      await administer('PUT', `users/${name}`, { password: secret, tags: '' });
      await allow({ administer }, name);
      return urlOf(name, secret);
    },
  };
}

async function allow({ administer }: Pick<TestBroker, 'administer'>, user: string): Promise<void> {
  await administer('PUT', `permissions/{vhost}/${user}`, { configure: '.*', write: '.*', read: '.*' });
}
