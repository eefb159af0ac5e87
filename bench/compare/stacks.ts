// What is compared, each with servers of its own: started together, so that one run can go from one to the other.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ConfigError } from '../../src/config.ts';
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { startEmbeddedRabbitMq } from '../../src/embedded/rabbitmq.ts';
import type { LedgerService } from '../ledger-service.ts';
import { LEDGER, PLAIN_LEDGER, startService } from '../ledger-service.ts';
import { openLane } from './http-lane.ts';
import { requestBytes } from './requests.ts';

/** `before`: those of another checkout, to see what a change is worth. `two-processes`: one takes commands, one does all that follows the log. */
export const STACKS = ['plain', 'before', 'in-process', 'two-processes', 'before-rabbitmq', 'rabbitmq'] as const;
export type StackName = (typeof STACKS)[number];

export interface Stack {
  readonly name: StackName;
  readonly service: LedgerService;
  /** Each with far more money than a run takes out. */
  readonly accounts: readonly string[];
  readonly amqpUrl?: string;
  /** What works for it, by name: process ids. */
  readonly processes: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

export interface StackOptions {
  readonly name: StackName;
  readonly folder: string;
  readonly accounts: number;
  /** The checkout that is compared with this one. */
  readonly before?: string;
  /** Where Node writes what the ledger's process spent its time on. */
  readonly profileTo?: string;
}

/** Requests at a time while accounts are opened. */
const OPENING_LANES = 16;

/** Starts servers and ledger, opens the accounts, and starts the ledger anew: nothing is known to it from when the accounts were new. */
export async function startStack({ name, folder, accounts, before, profileTo }: StackOptions): Promise<Stack> {
  await using opened = new AsyncDisposableStack();
  const dataDir = join(folder, name);
  const postgres = opened.adopt(await startEmbeddedPostgres({ dataDir }), (server) => server.stop());
  const eventStore = name === 'plain' ? undefined : opened.adopt(await startEmbeddedEventStore({ dataDir }), (server) => server.stop());
  const broker = name.endsWith('rabbitmq') ? await brokerFor(dataDir, opened) : undefined;
  const amqpUrl = broker?.url;

  const stores = { folder: dataDir, databaseUrl: postgres.url, ...(eventStore && { eventStoreUrl: eventStore.url }) };
  const program = programOf(name, before);
  // Given, since processes that share it have no folder in common.
  const settings = { AMQP_URL: amqpUrl ?? '', LEDGER_KEY_SECRET: randomUUID() };
  const first = await startService(stores, settings, { program });
  const accountIds = Array.from({ length: accounts }, () => randomUUID());
  try {
    await openAccounts(first, accountIds);
  } finally {
    await first.stop();
  }
  const nodeArgs = profileTo === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profileTo, name)}`];
  const start = async (more: Readonly<Record<string, string>>): Promise<LedgerService> =>
    opened.adopt(await startService(stores, { ...settings, ...more }, { program, nodeArgs }), (running) => running.stop());
  const isApart = name === 'two-processes';
  const service = await start(isApart ? { LEDGER_ROLES: 'api' } : {});
  const follower = isApart ? await start({ LEDGER_ROLES: 'projector,scheduler', LEDGER_DATA_DIR: join(dataDir, 'follower') }) : undefined;
  const kept = opened.move();
  return {
    name,
    service,
    accounts: accountIds,
    ...(amqpUrl !== undefined && { amqpUrl }),
    processes: {
      clients: process.pid,
      ledger: service.pid,
      ...(follower && { follower: follower.pid }),
      postgres: postgres.pid,
      ...(eventStore && { eventStore: eventStore.pid }),
      ...(broker?.pid !== undefined && { broker: broker.pid }),
    },
    stop: () => kept.disposeAsync(),
  };
}

function programOf(name: StackName, before: string | undefined): string {
  if (name === 'plain') return PLAIN_LEDGER;
  if (!name.startsWith('before')) return LEDGER;
  if (before === undefined) throw new ConfigError([`${name} needs --before, a checkout`]);
  return join(before, 'src/cli/ledger.ts');
}

async function brokerFor(dataDir: string, opened: AsyncDisposableStack): Promise<{ readonly url: string; readonly pid?: number }> {
  const given = process.env['AMQP_URL'];
  if (given !== undefined && given !== '') return { url: given };
  const node = await startEmbeddedRabbitMq({ dataDir });
  if (node === undefined) throw new Error('no broker: set AMQP_URL, install rabbitmq-server, or leave the ways through it out (--ways)');
  opened.defer(() => node.stop());
  return node;
}

async function openAccounts({ url, token }: LedgerService, accountIds: readonly string[]): Promise<void> {
  const sender = { url, token: await token() };
  const waiting = [...accountIds];
  const work = async (): Promise<void> => {
    const lane = await openLane(url);
    const send = async (path: string, body: object): Promise<void> => {
      const answer = await lane.exchange(requestBytes(sender, 'POST', path, { key: randomUUID(), body }));
      if (answer.status !== 201) throw new Error(`POST ${path} was answered ${answer.status}: ${answer.body}`);
    };
    for (let accountId = waiting.pop(); accountId !== undefined; accountId = waiting.pop()) {
      await send('/v1/accounts', { accountId });
      await send(`/v1/accounts/${accountId}/deposits`, { asset: 'USD', amount: '1000000.00' });
    }
    lane.close();
  };
  await Promise.all(Array.from({ length: OPENING_LANES }, work));
}
