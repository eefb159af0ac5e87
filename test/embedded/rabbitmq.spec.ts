import { mkdir, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { isRunning, waitUntilGone } from '../../src/embedded/process-identity.ts';
import { startEmbeddedRabbitMq } from '../../src/embedded/rabbitmq.ts';
import { processesNaming } from '../cli/processes-naming.ts';
import { PATIENCE_MS } from '../stack/patience.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { discard } from '../stack/rabbitmq-server.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { waitFor } from '../stack/waiting.ts';
import { orphanedServer } from './orphaned-server.ts';

let dataDir: string;
// Asking for the run's own node installs a RabbitMQ where there is none.
beforeAll(() => freshVhost().then(({ close }) => close()));
beforeEach(async () => {
  dataDir = await scratchFolder();
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

async function start(options: { users?: Record<string, string> } = {}) {
  const node = await startEmbeddedRabbitMq({ dataDir, management: true, ...options });
  if (node === undefined) throw new Error('no RabbitMQ');
  return node;
}

/** A call of the management API, as the user in the URL. @returns its status and what it answers */
async function manage(managementUrl: string, method: string, path: string, body?: unknown): Promise<{ status: number; said: unknown }> {
  const { origin, username, password } = new URL(managementUrl);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const answer = await fetch(`${origin}/api/${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, said: text === '' ? undefined : JSON.parse(text) };
}

async function keepMessage(managementUrl: string, payload: string): Promise<void> {
  const message = { routing_key: 'kept', payload, payload_encoding: 'string', properties: { delivery_mode: 2 } };
  const { said } = await manage(managementUrl, 'POST', 'exchanges/%2F/amq.default/publish', message);
  expect(said).toEqual({ routed: true });
}

async function keptMessages(managementUrl: string): Promise<string[]> {
  // A quorum queue elects its leader in the moments after a start.
  const kept = z.array(z.object({ payload: z.string() }));
  return waitFor(
    async () => {
      const { status, said } = await manage(managementUrl, 'POST', 'queues/%2F/kept/get', {
        count: 10,
        ackmode: 'ack_requeue_true',
        encoding: 'auto',
      });
      expect(status).toBe(200);
      return kept.parse(said).map(({ payload }) => payload);
    },
    { intervalMs: 100 },
  );
}

test('listens on the loopback interface only, wants its password, keeps it, its ports and its messages, and leaves no process', async () => {
  const first = await start({ users: { producer: 'secret' } });
  const exchange = { type: 'x-consistent-hash', durable: true, internal: true };
  expect((await manage(first.managementUrl, 'PUT', 'exchanges/%2F/shard', exchange)).status).toBe(201);
  expect(await listeningAddresses(first.pid)).toEqual(['127.0.0.1']);
  const wrong = new URL(first.managementUrl);
  wrong.password = 'ledger';
  expect((await manage(wrong.href, 'GET', 'whoami')).status).toBe(401);
  const users = z.array(z.object({ name: z.string() })).parse((await manage(first.managementUrl, 'GET', 'users')).said);
  expect(users.map(({ name }) => name).sort()).toEqual(['ledger', 'producer']);

  // A queue's messages are on the disk as soon as they are confirmed; that there is such a queue, RabbitMQ writes some seconds later.
  await manage(first.managementUrl, 'PUT', 'queues/%2F/kept', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await keepMessage(first.managementUrl, 'before the stop');
  // Its command line names the folder, and so does no other's: no daemon was started on the side.
  expect(processesNaming(join(dataDir, 'rabbitmq')).map(({ pid }) => pid)).toEqual([first.pid]);
  const access = join(dataDir, 'rabbitmq-access.json');
  expect((await stat(access)).mode & 0o777).toBe(0o600);
  const { pids } = z.object({ pids: z.object({ epmd: z.number() }) }).parse(JSON.parse(await readFile(access, 'utf8')));
  await first.stop();
  await first.stop();
  expect([first.pid, pids.epmd].filter(isRunning)).toEqual([]);

  const second = await start();
  expect([second.url, second.managementUrl]).toEqual([first.url, first.managementUrl]);
  await keepMessage(second.managementUrl, 'before the kill');
  process.kill(second.pid, 'SIGKILL');
  await second.exited;
  await second.stop();

  // Somebody else has its port by now.
  const port = Number(new URL(first.url).port);
  const squatter = createServer().listen(port, '127.0.0.1');
  const third = await start();
  expect(Number(new URL(third.url).port)).not.toBe(port);
  expect(await keptMessages(third.managementUrl)).toEqual(['before the stop', 'before the kill']);
  await discard(third);
  squatter.close();
});

test('a node that lost its parent and its guard is replaced; one that lost its parent only ends by itself', async () => {
  const first = await orphanedServer('rabbitmq', dataDir, { keepGuard: false });
  expect(isRunning(first.pid)).toBe(true);
  const second = await orphanedServer('rabbitmq', dataDir, { keepGuard: true });
  expect(isRunning(first.pid)).toBe(false);
  expect(await waitUntilGone(second.pid, PATIENCE_MS)).toBe(true);
});

test('a node that does not come up says what it said itself', async () => {
  await mkdir(join(dataDir, 'rabbitmq'));
  await writeFile(join(dataDir, 'rabbitmq', 'data'), 'a file where its data folder should be');
  await expect(start()).rejects.toThrow(/RabbitMQ ended with code \d+; its log/);
});

/** The addresses on which a process listens, without ports. */
async function listeningAddresses(pid: number): Promise<string[]> {
  const sockets = new Set(
    (await Promise.all((await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))).flatMap(
      (target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [],
    ),
  );
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/net/${table}`, 'utf8')));
  const listening = '0A';
  const addresses = tables
    .flatMap((table) => table.trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === listening && sockets.has(columns[9] ?? ''))
    .map((columns) => (columns[1] ?? '').split(':')[0]);
  return [...new Set(addresses)].map((hex) => (hex === '0100007F' ? '127.0.0.1' : String(hex)));
}
