// The event store restored from an older copy, under ledgers that run: nobody goes on as if nothing had happened, everybody says why,
// and the way out that the docs give leads to books that are those of the log, once.
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { consumeLedgerEvents } from '@ledgerfold/client';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { readRuntimeFile } from '../../src/embedded/runtime-file.ts';
import { createClient } from '../stack/clients.ts';
import { ledgerEnvironment, spawnLedger } from '../stack/ledger-process.ts';
import { startPostgres } from '../stack/postgres.ts';
import { freshVhost } from '../stack/rabbitmq.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import { withDatabase } from './audit/tables.ts';
import { expectBalancedBooks, expectNothingUnderWay } from './books.ts';
import type { Command } from './clients.ts';
import { applyAll, balanceOf, latestPosition, openAccount, said, send, tally } from './clients.ts';
import { eventually } from './eventually.ts';
import { readLog } from './log.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const folder = await mkdtemp(join(tmpdir(), 'ledger-restored-'));
opened.defer(() => rm(folder, { recursive: true, force: true }));
const database = opened.use(await startPostgres());
const broker = opened.use(await freshVhost());
let eventStore = await startEmbeddedEventStore({ dataDir: folder });
opened.defer(() => eventStore.stop());
const eventStoreUrl = eventStore.url;
const audit = { eventStoreUrl, databaseUrl: database.url };
const stores = { EVENTSTORE_URL: eventStoreUrl, DATABASE_URL: database.url, LEDGER_KEY_SECRET: TEST_KEY_SECRET };
const environment = { ...stores, AMQP_URL: broker.amqpUrl, LEDGER_LEASE_SECONDS: '1' };
const ledger = opened.use(await spawnLedger(environment));
await createClient(database.url, 'guest');

const [files, copy] = [join(folder, 'eventstore'), join(folder, 'copy')];
/** Does something to the event store's files while it is stopped. */
async function whileStopped(task: () => void): Promise<void> {
  await eventStore.stop();
  task();
  eventStore = await startEmbeddedEventStore({ dataDir: folder });
  expect(eventStore.url).toBe(eventStoreUrl);
}

const ledgerLog = () => readLog(eventStoreUrl, 'account-', 'asset-');
/** Everybody who follows the log has seen all of it, and has written that down. */
async function settled(): Promise<void> {
  await expectNothingUnderWay(audit);
  const end = (await ledgerLog()).at(-1)?.position;
  await withDatabase(database.url, (client) =>
    eventually('publisher and transfer manager are at the end of the log', async () => {
      const { rows } = await client.query<{ position: string | null }>(
        `SELECT position::text FROM leases WHERE name IN ('event-publisher', 'transfer-manager')`,
      );
      return rows.length === 2 && rows.every(({ position }) => position === String(end));
    }),
  );
}

const readinessSchema = z.object({ checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string().optional() })) });
const readiness = async (apiUrl: string) => {
  const response = await fetch(`${apiUrl}/health/ready`);
  return { status: response.status, checks: readinessSchema.parse(await response.json()).checks };
};

/** The commands that docs/operations.md gives for it, in their order. */
function documentedCommands(): readonly string[] {
  const operations = readFileSync(`${root}/docs/operations.md`, 'utf8');
  const [, section = ''] = /## When the event store was restored from an older copy\n(.*?)\n## /s.exec(operations) ?? [];
  return [...section.matchAll(/```sh\s+(.*?)\s+```/gs)].map(([, command = '']) => command);
}
const runInCheckout = (command: string) =>
  spawnSync('/bin/sh', ['-c', command], { cwd: root, encoding: 'utf8', env: ledgerEnvironment(stores) });

test('projector, transfer manager and publisher refuse and say why; the documented way out leads to the books of the log', async () => {
  const { apiUrl } = ledger;
  const published: string[] = [];
  const listener = consumeLedgerEvents({
    amqpUrl: broker.guestUrl,
    queue: 'listener',
    onEvent: ({ id }) => void published.push(id),
  });
  opened.defer(() => listener.close());

  const [from, to] = [await openAccount(apiUrl, { asset: 'USD', amount: '100.00' }), await openAccount(apiUrl)];
  const deposit = (key: string): Command => ({ type: 'deposit', accountId: from, key, asset: 'USD', amount: '1.00' });
  const transfer = (key: string): Command => ({ type: 'transfer', accountId: from, to, key, asset: 'USD', amount: '10.00' });
  await applyAll(apiUrl, [deposit('kept'), transfer('kept transfer')]);
  await settled();
  await whileStopped(() => cpSync(files, copy, { recursive: true }));
  await eventually('ready again', async () => (await readiness(apiUrl)).status === 200);

  const lost = await openAccount(apiUrl, { asset: 'USD', amount: '7.00' });
  await applyAll(apiUrl, [deposit('lost'), transfer('lost transfer'), { ...deposit('to the lost one'), accountId: lost }]);
  await settled();
  const before = await ledgerLog();
  // All but the last of them is signed.
  expect(runInCheckout('npx ledger chain sign')).toMatchObject({ status: 0 });
  await applyAll(apiUrl, [deposit('lost and not signed')]);
  await settled();
  await eventually('the listener has heard everything', () =>
    before.every(({ id, type }) => type === 'asset-registered' || published.includes(id)),
  );

  await whileStopped(() => {
    rmSync(files, { recursive: true });
    cpSync(copy, files, { recursive: true });
  });
  const restored = await ledgerLog();
  expect(restored.length).toBeLessThan(before.length);

  // One that runs, and one that is started now.
  const dataDir = join(folder, 'second');
  const starting = spawnLedger({ ...environment, LEDGER_DATA_DIR: dataDir });
  opened.defer(async () => (await starting).close());
  const second = await eventually('the second one answers', () => readRuntimeFile(dataDir)?.apiUrl);
  for (const asked of [apiUrl, second]) {
    const { projector } = await eventually('readiness says why', async () => {
      const { status, checks } = await readiness(asked);
      return status === 503 && checks['projector']?.ok === false && checks;
    });
    expect(projector?.detail).toMatch(
      /the projections were built up to event \S+ at position \d+, where the log has .*: rebuild the projections/,
    );
  }
  // The two of them, in whichever process has the lease.
  await eventually('transfer manager and publisher refuse', async () => {
    const both = await Promise.all([readiness(apiUrl), readiness(second)]);
    const refuses = (name: string, why: RegExp) => both.some(({ checks }) => !checks[name]?.ok && why.test(checks[name]?.detail ?? ''));
    return (
      refuses('transferManager', /transfers were followed up to event/) &&
      refuses('publisher', /integration events were published up to event/)
    );
  });
  expect(ledger.stderr()).toMatch(/the projections were built up to event/);

  // Nothing is taken that might be decided on what is lost; what a broker has waits.
  const waiting = [deposit('sent meanwhile'), deposit('lost')].map((command) => send(apiUrl, command));
  expect(new Set((await Promise.all(waiting)).map(said))).toEqual(new Set(['202']));
  expect(await ledgerLog()).toEqual(restored);

  const [afterRestore = '', rebuild = ''] = documentedCommands();
  // The log was signed further than it goes now: nobody but an operator can say that this is meant.
  const refused = runInCheckout(rebuild);
  expect(refused, refused.stderr).toMatchObject({ status: 1, stderr: expect.stringContaining('signed') });
  expect((await readiness(apiUrl)).status).toBe(503);
  for (const command of [afterRestore, rebuild]) {
    const done = runInCheckout(command);
    expect(done, done.stderr).toMatchObject({ status: 0 });
  }
  const { apiUrl: sameSecond } = await starting; // which it is once it is ready
  expect(sameSecond).toBe(second);
  await eventually('the first one is ready, too', async () => (await readiness(apiUrl)).status === 200);

  // The lost commands are new ones, the kept ones are known, and what waited was decided once.
  const again = [deposit('kept'), deposit('lost'), deposit('sent meanwhile'), transfer('kept transfer'), transfer('lost transfer')];
  const answers = await Promise.all(again.map((command, n) => send(n % 2 === 0 ? apiUrl : second, command)));
  expect(tally(answers)).toEqual({ '201': again.length });
  expect(answers.map(({ isHit }) => isHit)).toEqual([true, true, true, true, false]);
  expect(said(await send(second, { ...deposit('to the lost one'), accountId: lost }))).toBe('404 account_not_found');
  await applyAll(apiUrl, [
    { type: 'open-account', key: 'open', accountId: lost },
    { ...deposit('to the lost one'), accountId: lost },
  ]);
  await settled();
  const { log } = await expectBalancedBooks(audit);
  const position = latestPosition(answers);
  expect((await balanceOf(second, from, 'USD', position)).total).toBe('83.00');
  expect((await balanceOf(apiUrl, to, 'USD', position)).total).toBe('20.00');
  expect((await balanceOf(apiUrl, lost, 'USD', position)).total).toBe('1.00');

  // Of the log as it is now, everything was told, once, in its order.
  const told = log.filter(({ type }) => type !== 'asset-registered').map(({ id }) => id);
  await eventually('everything was told', () => told.every((id) => published.includes(id)));
  expect(published.filter((id) => told.includes(id))).toEqual(told);
  expect(runInCheckout('npx ledger verify')).toMatchObject({ status: 0 });
});
