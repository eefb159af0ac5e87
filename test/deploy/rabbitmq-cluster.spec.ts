// The broker of docker-compose.cluster.yml, for real: three nodes by its configuration, and ledgers that lose one after another.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import type { Answer, Movement } from '../scenarios/clients.ts';
import { atOnce, attempt, balanceOf, latestPosition, openAccount, tally } from '../scenarios/clients.ts';
import { eventually } from '../scenarios/eventually.ts';
import { readLog } from '../scenarios/log.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { startRabbitMqCluster } from '../stack/rabbitmq-cluster.ts';
import { startStores } from '../stack/stores.ts';
import { environmentOf } from './compose-files.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const { rabbitmq1 = {}, ledger = {} } = environmentOf('docker-compose.cluster.yml');
const [stores, cluster] = await Promise.all([
  startStores().then((started) => opened.use(started)),
  startRabbitMqCluster(rabbitmq1).then((started) => opened.use(started)),
]);

/** What Docker answers who asks for the name that all nodes have: their addresses, in whatever order. The first node is first here. */
const dockersNames = `import dns from 'node:dns';
const { lookup } = dns;
const nodes = ${JSON.stringify(cluster.addresses.map((address) => ({ address, family: 4 })))};
dns.lookup = (name, options, done) => name === 'rabbitmq' && options.all ? process.nextTick(done, null, nodes) : lookup(name, options, done);`;

function brokerUrl(): URL {
  const url = new URL(ledger['AMQP_URL'] ?? '');
  expect(url.hostname).toBe('rabbitmq');
  url.port = String(cluster.port);
  return url;
}

async function start(roles: string): Promise<string> {
  const started = await spawnLedger({
    ...stores.environment,
    AMQP_URL: brokerUrl().href,
    LEDGER_ROLES: roles,
    LEDGER_LEASE_SECONDS: '1',
    LEDGER_REPLY_WAIT_MS: '2000',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(dockersNames)}`,
  });
  opened.use(started);
  return started.apiUrl;
}

/** Sends it, with its key, until its outcome is told. */
async function persist(apiUrl: string, movement: Movement): Promise<Answer> {
  for (;;) {
    const answer = await attempt(apiUrl, movement);
    if (answer.httpStatus !== 503 && answer.httpStatus !== 202) return answer;
    await sleep(50);
  }
}

const PAYMENTS = 60;

/** Pays into each account, and kills a node in the midst of it. */
async function payWhileDying(apiUrl: string, accounts: readonly string[], node: number): Promise<readonly Answer[]> {
  let done = 0;
  const answering = accounts.flatMap((accountId, account) =>
    Array.from({ length: PAYMENTS }, async (_, n) => {
      await sleep((n * accounts.length + account) * 5); // so that some are under way whenever the node dies
      const answer = await persist(apiUrl, { type: 'deposit', accountId, key: `paid ${node}/${n}`, asset: 'USD', amount: '1.00' });
      done += 1;
      return answer;
    }),
  );
  await eventually('some are answered', () => done > answering.length / 4);
  await cluster.kill(node);
  expect(done).toBeLessThan(answering.length);
  return Promise.all(answering);
}

const online = async (of: number): Promise<number[]> => (await cluster.queues(of)).map((queue) => queue.online.length);

test('with one of three nodes killed every command is decided, once, and the node gets its copies back', async () => {
  const [apiUrl] = await Promise.all([start('api'), start('consumer,projector,publisher,scheduler')]);
  const accounts = await atOnce(8, () => openAccount(apiUrl));
  for (const { name, leader, members } of await cluster.queues(2)) {
    expect(members, name).toHaveLength(3);
    expect(leader, name).toMatch(/^rabbit1@/);
  }
  // The node that the ledgers are connected to, and that leads all queues; and, when it is back, the one that they went to.
  const answers = [...(await payWhileDying(apiUrl, accounts, 1))];
  expect(new Set(await online(2))).toEqual(new Set([2]));
  await cluster.restart(1);
  await eventually('it has its copies again', async () => (await online(2)).every((count) => count === 3));
  answers.push(...(await payWhileDying(apiUrl, accounts, 2)));

  expect(tally(answers)).toEqual({ '201': 2 * PAYMENTS * accounts.length });
  const log = await readLog(stores.environment.EVENTSTORE_URL, 'account-');
  const stored = log.map(({ stream, metadata }) => `${stream} ${metadata['key']}`).filter((place) => place.includes(' paid '));
  expect(stored).toHaveLength(answers.length);
  expect(new Set(stored).size).toBe(answers.length);
  const last = latestPosition(answers);
  for (const accountId of accounts) expect((await balanceOf(apiUrl, accountId, 'USD', last)).available).toBe(`${2 * PAYMENTS}.00`);
});
