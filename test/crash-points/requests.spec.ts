// A process that answers requests is killed at every point on the way of a command: another one takes over.
import { afterAll, expect, it, test } from 'vitest';
import { expectBalancedBooks } from '../scenarios/books.ts';
import { keysOf } from '../scenarios/brokers.ts';
import type { Command } from '../scenarios/clients.ts';
import { attempt, balanceOf, latestPosition, openAccount, repeatable, send, sendBulk } from '../scenarios/clients.ts';
import { readAccount } from '../scenarios/log.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { startStores } from '../stack/stores.ts';
import { operatorAt } from '../stack/tokens.ts';
import { CHANGES, REQUESTS, spawnVictim } from './victims.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const { environment } = opened.use(await startStores());
const settings = { ...environment, LEDGER_LEASE_SECONDS: '1' };
const other = opened.use(await spawnLedger(settings));
const stores = { eventStoreUrl: environment.EVENTSTORE_URL, databaseUrl: environment.DATABASE_URL };
const commandsOf = async (accountId: string): Promise<readonly string[]> =>
  keysOf(await readAccount(stores.eventStoreUrl, accountId), accountId).slice(2); // opened and paid in

it.each(REQUESTS)('killed at "$point", a command has one effect: known at once, or after the retry', async (row) => {
  const accountId = await openAccount(other.apiUrl);
  const paidIn = await send(other.apiUrl, { type: 'deposit', key: 'paid-in', accountId, asset: 'USD', amount: '10.00' });
  // Else the first command's append could conflict, and its second attempt be the one that counts.
  await balanceOf(other.apiUrl, accountId, 'USD', latestPosition([paidIn]));
  const first: Command = { type: 'deposit', key: 'first', accountId, asset: 'USD', amount: '5.00' };
  const second: Command = { type: 'withdraw', key: 'second', accountId, asset: 'USD', amount: '12.00' };
  const victim = await spawnVictim(row, { ...settings, LEDGER_ROLES: 'api' });
  const acknowledged = await attempt(victim.apiUrl, first);
  expect(acknowledged.body).toMatchObject({ status: 'applied' });
  const cutOff = await attempt(victim.apiUrl, second).catch(() => undefined);
  await victim.killed();
  expect(cutOff !== undefined).toBe(row.isAnswered);
  expect(await commandsOf(accountId)).toEqual(row.isStored ? ['first', 'second'] : ['first']);

  const retried = await send(other.apiUrl, second);
  expect(retried).toMatchObject({ isHit: row.isStored, body: { status: 'applied' } });
  if (cutOff !== undefined) expect(repeatable(retried)).toEqual(repeatable(cutOff));
  expect(repeatable(await send(other.apiUrl, second))).toEqual(repeatable(retried));
  expect(repeatable(await send(other.apiUrl, first))).toEqual(repeatable(acknowledged));
  expect(await commandsOf(accountId)).toEqual(['first', 'second']);
  expect((await balanceOf(other.apiUrl, accountId, 'USD', latestPosition([retried]))).available).toBe('3.00');
});

it.each(CHANGES)('$method: killed at "$point", it has one effect', async ({ method, path, isStored, ...row }) => {
  const accountId = await openAccount(other.apiUrl, { asset: 'BTC', amount: '1.00000000' });
  const victim = await spawnVictim(row, { ...settings, LEDGER_ROLES: 'api' });
  const change = (apiUrl: string): Promise<Response> =>
    fetch(`${apiUrl}/v1/accounts/${accountId}/${path}`, {
      method,
      headers: { ...operatorAt(apiUrl), 'idempotency-key': 'change', ...('body' in row && { 'content-type': 'application/json' }) },
      ...('body' in row && { body: JSON.stringify(row.body) }),
    });
  const cutOff = await change(victim.apiUrl).catch(() => undefined);
  await victim.killed();
  expect(cutOff?.ok).toBe(isStored ? true : undefined);
  expect(await commandsOf(accountId)).toEqual(isStored ? ['change'] : []);
  expect((await change(other.apiUrl)).status).toBe(200);
  expect(await commandsOf(accountId)).toEqual(['change']);
});

test('killed when many outcomes of one append are stored and none is told, each is told to who asks again', async () => {
  const accountId = await openAccount(other.apiUrl, { asset: 'USD', amount: '10.00' });
  const commands = Array.from(
    { length: 20 },
    (_, n): Command => ({ type: 'withdraw', key: `n-${n}`, accountId, asset: 'USD', amount: '1.00' }),
  );
  const victim = await spawnVictim({ point: 'append answered' }, { ...settings, LEDGER_ROLES: 'api' });
  await expect(sendBulk(victim.apiUrl, commands)).rejects.toThrow();
  await victim.killed();
  const stored = await commandsOf(accountId);
  expect(stored).toEqual(commands.slice(0, stored.length).map(({ key }) => key));

  const told = await sendBulk(other.apiUrl, commands);
  expect(told.map(({ body }) => body.status === 'applied')).toEqual(commands.map((_, n) => n < 10));
  expect(await commandsOf(accountId)).toEqual(commands.map(({ key }) => key));
  const again = await sendBulk(other.apiUrl, commands);
  expect(again.map(repeatable)).toEqual(told.map(repeatable));
  expect((await balanceOf(other.apiUrl, accountId, 'USD', latestPosition(told))).available).toBe('0.00');
});

test('after all that, the books are what a fold of the log says', async () => {
  expect((await expectBalancedBooks(stores)).events).toBeGreaterThan(0);
});
