// What the ledger does by itself is killed at every point, each process going on where the one before it has left off: every transfer
// comes to one end, everything expires once, and what is signed is the log.
import { afterAll, expect, it, test } from 'vitest';
import { runVerb } from '../cli/run-verb.ts';
import { expectBalancedBooks, expectNothingUnderWay } from '../scenarios/books.ts';
import type { Command } from '../scenarios/clients.ts';
import { openAccount, send } from '../scenarios/clients.ts';
import { readLog } from '../scenarios/log.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { startStores } from '../stack/stores.ts';
import { runVictim, SCHEDULERS } from './victims.ts';

/** A hold's time, over before the next process looks. */
const HELD_MS = 300;

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const { environment } = opened.use(await startStores());
const settings = { ...environment, LEDGER_LEASE_SECONDS: '1', LEDGER_CHAIN_EVENTS: '2' };
const stores = { eventStoreUrl: environment.EVENTSTORE_URL, databaseUrl: environment.DATABASE_URL };
const api = opened.use(await spawnLedger({ ...settings, LEDGER_ROLES: 'api,projector' }));
const FUNDS = { asset: 'USD', amount: '100.00' };
const [from, to, frozen] = [await openAccount(api.apiUrl, FUNDS), await openAccount(api.apiUrl), await openAccount(api.apiUrl)];
const apply = async (command: Command): Promise<void> => {
  expect((await send(api.apiUrl, command)).body).toMatchObject({ status: 'applied' });
};
await apply({ type: 'freeze-account', key: 'freeze', accountId: frozen, reason: 'so that it takes nothing' });

/** How often each of the ledger's own commands has an outcome in the log. */
async function ownOutcomes(): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const { metadata } of await readLog(stores.eventStoreUrl, 'account-')) {
    const key = String(metadata['key']);
    if (key.startsWith('sys:')) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
const expectEachOnce = async (): Promise<void> => {
  for (const [key, count] of await ownOutcomes()) expect({ key, count }).toEqual({ key, count: 1 });
};

it.each(SCHEDULERS.map((row, n) => ({ ...row, nth: 'nth' in row ? row.nth : 1, n })))(
  'killed at "$point" ($nth), nothing has happened twice',
  async ({ point, nth, n }) => {
    await apply({ type: 'transfer', key: `transfer ${n}`, accountId: from, to, asset: 'USD', amount: '1.00' });
    await apply({ type: 'transfer', key: `in vain ${n}`, accountId: from, to: frozen, asset: 'USD', amount: '1.00' });
    const expiresAt = new Date(Date.now() + HELD_MS).toISOString();
    await apply({ type: 'place-hold', key: `hold ${n}`, accountId: from, asset: 'USD', amount: '0.01', expiresAt });
    await runVictim({ point, nth }, ['start', '--roles', 'scheduler'], settings);
    await expectEachOnce();
  },
);

test('the next one brings everything to its one end', async () => {
  const scheduler = opened.use(await spawnLedger({ ...settings, LEDGER_ROLES: 'scheduler' }));
  await expectNothingUnderWay(stores);
  await expectEachOnce();
  expect((await ownOutcomes()).size).toBe(SCHEDULERS.length * 5); // two steps of two transfers, and an expiry
  const { log } = await expectBalancedBooks(stores);
  const ends = log.map(({ type }) => type).filter((type) => type === 'transfer-completed' || type === 'transfer-returned');
  expect(ends.toSorted()).toEqual([
    ...Array(SCHEDULERS.length).fill('transfer-completed'),
    ...Array(SCHEDULERS.length).fill('transfer-returned'),
  ]);
  await scheduler.close();
  const verified = await runVerb(['chain', 'verify', '--json'], settings);
  expect(verified, verified.stderr).toMatchObject({ code: 0 });
});
