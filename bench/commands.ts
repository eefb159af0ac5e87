/**
 * What a command costs, by the way it travels: `npm run bench:commands [-- --seconds 10 --in-flight 64 --accounts 1000]`.
 *
 * Deposits over REST into one process, over REST through RabbitMQ, and over AMQP, each spread over many accounts and onto a
 * single one, in one run. `AMQP_URL` is used, else a private node of an installed rabbitmq-server. The clients are the
 * client package's, on the same machine; stores and broker are durable.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LedgerClient } from '@ledgerfold/client';
import { createLedgerClient, createLedgerProducer } from '@ledgerfold/client';
import { startEmbeddedEventStore } from '../src/embedded/eventstore.ts';
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts';
import { startEmbeddedRabbitMq } from '../src/embedded/rabbitmq.ts';
import type { Measurement } from './eventstore/measure.ts';
import { measure } from './eventstore/measure.ts';
import { machine, save } from './eventstore/report.ts';
import { startService } from './ledger-service.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    'in-flight': { type: 'string', default: '64' },
    accounts: { type: 'string', default: '1000' },
  },
});
const durationMs = Number(values.seconds) * 1_000;
const inFlight = Number(values['in-flight']);
const WARM_UP_MS = 3_000;
const BULK = 1_000;

type Deposit = (accountId: string) => Promise<unknown>;
const DEPOSIT = { asset: 'USD', amount: '0.01' } as const;

async function openAccounts(ledger: LedgerClient, count: number): Promise<readonly string[]> {
  const opened: string[] = [];
  for (let from = 0; from < count; from += BULK) {
    const openings = Array.from({ length: Math.min(BULK, count - from) }, () => ({ type: 'open-account' }) as const);
    for (const result of await ledger.sendAll(openings)) {
      if ('problem' in result) throw result.problem;
      if ('pending' in result) throw new Error(`an account was not opened in time: ${result.key}`);
      opened.push(result.applied.accountId);
    }
  }
  return opened;
}

/** The same deposits by one way: over all accounts in turns, then all onto the first. */
async function measureBoth(way: string, accounts: readonly string[], deposit: Deposit): Promise<readonly Measurement[]> {
  let next = 0;
  const loads = {
    [`${accounts.length} accounts`]: () => accounts[next++ % accounts.length] ?? '',
    'one account': () => accounts[0] ?? '',
  };
  const measured: Measurement[] = [];
  for (const [spread, pick] of Object.entries(loads)) {
    const call = async (): Promise<number> => {
      await deposit(pick());
      return 1;
    };
    const found = await measure({ name: `${way}, ${spread}`, unit: 'commands', inFlight, warmUpMs: WARM_UP_MS, durationMs, call });
    console.log(row(found));
    measured.push(found);
  }
  return measured;
}

function row({ name, ratePerSecond, p50Ms = Number.NaN, p99Ms = Number.NaN }: Measurement): string {
  return [name.padEnd(42), ratePerSecond.toFixed(0).padStart(12), p50Ms.toFixed(1).padStart(10), p99Ms.toFixed(1).padStart(10)].join('');
}

const folder = mkdtempSync(join(tmpdir(), 'bench-commands-'));
await using opened = new AsyncDisposableStack();
opened.defer(() => rmSync(folder, { recursive: true, force: true }));
const eventStore = await startEmbeddedEventStore({ dataDir: join(folder, 'eventstore') });
opened.defer(() => eventStore.stop());
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') });
opened.defer(() => postgres.stop());
const stores = { folder, eventStoreUrl: eventStore.url, databaseUrl: postgres.url };

async function brokerUrl(): Promise<string> {
  const given = process.env['AMQP_URL'];
  if (given !== undefined && given !== '') return given;
  const node = await startEmbeddedRabbitMq({ dataDir: join(folder, 'broker') });
  if (node === undefined) throw new Error('no broker: set AMQP_URL, or install rabbitmq-server');
  opened.defer(() => node.stop());
  return node.url;
}
const amqpUrl = await brokerUrl();

const { cores, cpu, node } = machine();
console.log(`deposits, ${inFlight} in flight; ${cores} cores (${cpu}), Node ${node}, clients, stores and broker on the same machine\n`);
console.log(['what'.padEnd(42), 'commands/s'.padStart(12), 'p50 ms'.padStart(10), 'p99 ms'.padStart(10)].join(''));

const measured: Measurement[] = [];
const direct = await startService(stores, { AMQP_URL: '' });
const accounts = await openAccounts(createLedgerClient(direct), Number(values.accounts));
const overRest = createLedgerClient(direct);
measured.push(...(await measureBoth('REST, in one process', accounts, (accountId) => overRest.deposit(accountId, DEPOSIT))));
await direct.stop();

const brokered = await startService(stores, { AMQP_URL: amqpUrl });
const throughBroker = createLedgerClient(brokered);
measured.push(...(await measureBoth('REST, through RabbitMQ', accounts, (accountId) => throughBroker.deposit(accountId, DEPOSIT))));
const producer = createLedgerProducer({ amqpUrl });
measured.push(...(await measureBoth('AMQP', accounts, (accountId) => producer.send({ type: 'deposit', accountId, ...DEPOSIT }))));
await producer.close();
await brokered.stop();

console.log(`\n${save('commands', { at: new Date().toISOString(), machine: machine(), inFlight, measured })}`);
