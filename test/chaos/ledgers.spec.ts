// A ledger that cannot become ready again is given up, and says why; whoever disposes of it does not wait for it.
import { afterAll, expect, test } from 'vitest';
import { startStores } from '../stack/stores.ts';
import type { ChaosLedger } from './ledgers.ts';
import { startChaosLedger } from './ledgers.ts';
import { NotRevived } from './not-revived.ts';

const SOON_MS = 3_000;
const LONG_MS = 50_000;

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const { environment } = opened.use(await startStores());
const servers = { eventStoreUrl: environment.EVENTSTORE_URL, databaseUrl: environment.DATABASE_URL, amqpUrl: undefined };

/** Killed, and kept from Postgres. */
async function killed(): Promise<ChaosLedger> {
  const ledger = opened.use(await startChaosLedger({ servers }));
  expect(await ledger.whyNotReady()).toBeUndefined();
  ledger.links.postgres.break({ kind: 'cut' });
  ledger.signal('SIGKILL');
  return ledger;
}

test('what does not become ready in time is told, with its readiness or its last words', async () => {
  const ledger = await killed();
  const failure: unknown = await ledger.revive(SOON_MS).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(NotRevived);
  expect(String(failure)).toMatch(/the ledger process (was not ready in time, and said|ended with code)/);
  expect(await ledger.whyNotReady()).toBe('it does not run');
  expect(ledger.accidents()).toEqual([]);
});

test('disposed of while it is being started again, it is started no more', async () => {
  const ledger = await killed();
  const began = performance.now();
  const reviving = ledger.revive(LONG_MS);
  await ledger[Symbol.asyncDispose]();
  await reviving;
  expect(performance.now() - began).toBeLessThan(LONG_MS / 2);
  expect(await ledger.whyNotReady()).toBe('it does not run');
});
