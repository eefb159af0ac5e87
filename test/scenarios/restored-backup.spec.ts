// A ledger with a broker, restored from its backup beside another broker: integration events go on where the backup ends, producers are
// known, and what was promised with a 202 is what became of it.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consumeLedgerEvents, createLedgerProducer } from '@ledgerfold/client';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { runVerb } from '../cli/run-verb.ts';
import { createClient } from '../stack/clients.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';
import type { TestBroker } from '../stack/rabbitmq.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { operatorAt, TEST_KEY_SECRET } from '../stack/tokens.ts';
import { withDatabase } from './audit/tables.ts';
import { balanceOf, openAccount } from './clients.ts';
import { eventually } from './eventually.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const folder = await mkdtemp(join(tmpdir(), 'ledger-backup-'));
opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));

const environmentOf = (dataDir: string, database: TestDatabase, broker: TestBroker) => ({
  LEDGER_DATA_DIR: join(folder, dataDir),
  DATABASE_URL: database.url,
  AMQP_URL: broker.amqpUrl,
  LEDGER_KEY_SECRET: TEST_KEY_SECRET,
  LEDGER_LEASE_SECONDS: '1',
});

/** What comes out of a broker from now on: ids of events, in their order. */
function listenAt(broker: TestBroker): readonly string[] {
  const heard: string[] = [];
  const listener = consumeLedgerEvents({ amqpUrl: broker.guestUrl, queue: 'listener', onEvent: ({ id }) => void heard.push(id) });
  opened.defer(() => listener.close());
  return heard;
}

const Accepted = z.object({ commandId: z.string() });
const Status = z.looseObject({ status: z.unknown() });

/** A deposit that is answered 202. @returns the id by which its receipt is asked for. */
async function depositLater({ apiUrl }: LedgerProcess, accountId: string): Promise<string> {
  const response = await fetch(`${apiUrl}/v1/accounts/${accountId}/deposits`, {
    method: 'POST',
    headers: { ...operatorAt(apiUrl), 'content-type': 'application/json', 'idempotency-key': randomUUID(), prefer: 'respond-async' },
    body: JSON.stringify({ asset: 'USD', amount: '1.00' }),
  });
  expect(response.status).toBe(202);
  return Accepted.parse(await response.json()).commandId;
}
async function statusOf({ apiUrl }: LedgerProcess, commandId: string) {
  const response = await fetch(`${apiUrl}/v1/commands/${commandId}`, { headers: operatorAt(apiUrl) });
  return { http: response.status, status: Status.parse(await response.json()).status };
}
const isApplied = async (ledger: LedgerProcess, commandId: string): Promise<boolean> =>
  (await statusOf(ledger, commandId)).status === 'applied';

test('a ledger restored from its backup tells others what comes after the backup, and nothing twice', async () => {
  const [source, target] = [opened.use(await startPostgres()), opened.use(await startPostgres())];
  const [brokerBefore, brokerAfter] = [opened.use(await freshVhost()), opened.use(await freshVhost())];
  const environment = environmentOf('source', source, brokerBefore);
  const first = await spawnLedger(environment);
  await createClient(source.url, 'guest');
  const heardBefore = listenAt(brokerBefore);
  const accountId = await openAccount(first.apiUrl, { asset: 'USD', amount: '10.00' });
  const kept = await depositLater(first, accountId);
  await eventually('what was accepted is applied', () => isApplied(first, kept));
  await eventually('everything is published, and that is written down', () =>
    withDatabase(source.url, async (client) => {
      const { rows } = await client.query<{ done: boolean }>(
        `SELECT position = (SELECT position FROM checkpoint) AS done FROM leases WHERE name = 'event-publisher'`,
      );
      return rows[0]?.done === true;
    }),
  );
  expect(heardBefore.length).toBeGreaterThan(0);

  const backup = join(folder, 'backup');
  expect(await runVerb(['backup', backup], environment)).toMatchObject({ code: 0 });
  const lost = await depositLater(first, accountId);
  await eventually('what came after the backup is applied', () => isApplied(first, lost));
  await first.close();

  const restoredTo = environmentOf('target', target, brokerAfter);
  expect(await runVerb(['restore', backup], restoredTo)).toMatchObject({ code: 0 });
  const heardAfter = listenAt(brokerAfter);
  await using second = await spawnLedger(restoredTo);
  expect(await statusOf(second, kept)).toMatchObject({ http: 200, status: 'applied' });
  expect((await statusOf(second, lost)).http).toBe(404);

  // The producer's broker user is a client of the restored ledger.
  const producer = opened.adopt(createLedgerProducer({ amqpUrl: brokerAfter.guestUrl }), ({ close }) => close());
  const deposit = { type: 'deposit', accountId, asset: 'USD', amount: '2.00' } as const;
  const { position } = await producer.send(deposit);
  expect(await balanceOf(second.apiUrl, accountId, 'USD', position)).toMatchObject({ available: '13.00' });
  // Nobody hears what was published before his queue was there.
  await eventually('new events are heard', async () => {
    await producer.send(deposit);
    return heardAfter.length > 0;
  });
  expect(heardAfter.filter((id) => heardBefore.includes(id))).toEqual([]);
  expect(await runVerb(['verify'], restoredTo)).toMatchObject({ code: 0 });
});
