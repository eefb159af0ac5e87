import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { BrokerOutOfReach, findBroker } from '../../src/cli/broker.ts';
import { readEnv } from '../../src/config.ts';
import { writeRuntimeFile } from '../../src/embedded/runtime-file.ts';
import { freshVhost, type TestBroker } from '../stack/rabbitmq.ts';
import { waitFor } from '../stack/waiting.ts';

let dataDir: string;
let broker: TestBroker;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ledger-test-'));
  broker = await freshVhost();
});
afterAll(async () => {
  await broker.close();
  await rm(dataDir, { recursive: true, force: true });
});

const found = (environment: Record<string, string>) => findBroker(readEnv({ LEDGER_DATA_DIR: dataDir, ...environment }), () => undefined);
const servers = { eventstoreUrl: 'esdb://127.0.0.1:1?tls=false', databaseUrl: 'postgres://a:b@127.0.0.1:2/c' };

test('a connection that is lost is said to be lost, and not waited for', async () => {
  await using verb = await found({ AMQP_URL: broker.amqpUrl });
  expect(verb.connection.isConnected()).toBe(true);
  // The management API learns of a connection some seconds after the connection.
  const [name] = await waitFor(
    async () => {
      const connections = z.array(z.object({ name: z.string() })).parse(await broker.administer('GET', 'vhosts/{vhost}/connections'));
      expect(connections).toHaveLength(1);
      return connections.map((one) => encodeURIComponent(one.name));
    },
    { intervalMs: 200 },
  );
  await broker.administer('DELETE', `connections/${name}`);
  await expect(verb.lost).rejects.toThrow(BrokerOutOfReach);
});

test('trouble of a single channel is no trouble of the broker', async () => {
  await using verb = await found({ AMQP_URL: broker.amqpUrl });
  const channel = await verb.connection.openChannel();
  await expect(channel.checkQueue('not-there')).rejects.toThrow('NOT_FOUND');
  const other = await Promise.race([verb.connection.openChannel(), verb.lost]);
  await other.close();
  expect(verb.connection.isConnected()).toBe(true);
});

test('it is that of the ledger that runs on the data folder, unless the environment names another', async () => {
  const remove = writeRuntimeFile(dataDir, { ...servers, amqpUrl: broker.amqpUrl });
  await using verb = await found({});
  expect(verb.connection.isConnected()).toBe(true);
  await expect(found({ AMQP_URL: 'amqp://127.0.0.1:1' })).rejects.toThrow(/out of reach.*ECONNREFUSED/);
  remove();
});

test('a ledger that runs without one is not given one', async () => {
  const remove = writeRuntimeFile(dataDir, servers);
  await expect(found({})).rejects.toThrow('the running ledger has no broker');
  remove();
});
