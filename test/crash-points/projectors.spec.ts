// Projectors and rebuilds are killed at every point: the tables are what the log says, neither less nor twice.
import { afterAll, describe, expect, it, test } from 'vitest';
import { runVerb } from '../cli/run-verb.ts';
import { projectedPosition, withDatabase } from '../scenarios/audit/tables.ts';
import { expectBalancedBooks } from '../scenarios/books.ts';
import type { Command } from '../scenarios/clients.ts';
import { balanceOf, latestPosition, openAccount, send } from '../scenarios/clients.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { startStores } from '../stack/stores.ts';
import { PROJECTORS, REBUILDS, runVictim } from './victims.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
const { environment } = opened.use(await startStores());
const settings = { ...environment, LEDGER_LEASE_SECONDS: '1' };
const stores = { eventStoreUrl: environment.EVENTSTORE_URL, databaseUrl: environment.DATABASE_URL };
const api = opened.use(await spawnLedger({ ...settings, LEDGER_ROLES: 'api' }));
const accountId = await openAccount(api.apiUrl);
const deposit = async (key: string): Promise<bigint> => {
  const command: Command = { type: 'deposit', key, accountId, asset: 'USD', amount: '1.00' };
  return BigInt(latestPosition([await send(api.apiUrl, command)]));
};
const projected = (): Promise<bigint> => withDatabase(stores.databaseUrl, projectedPosition);

describe('a projector', () => {
  it.each(PROJECTORS)('killed at "$point", has applied all of its batch or nothing', async (row) => {
    const before = await projected();
    const written = await deposit(row.point);
    await runVictim(row, ['start', '--roles', 'projector'], settings);
    const after = await projected();
    expect(after > before).toBe(row.isApplied);
    expect(after).toBeLessThanOrEqual(written);
  });

  test('the next one applies the rest, and everything once', async () => {
    const last = await deposit('last');
    opened.use(await spawnLedger({ ...settings, LEDGER_ROLES: 'projector' }));
    await expectBalancedBooks(stores);
    expect((await balanceOf(api.apiUrl, accountId, 'USD', `${last}`)).available).toBe(`${PROJECTORS.length + 1}.00`);
  });
});

describe('a rebuild', () => {
  const deposited = (more: number): string => `${PROJECTORS.length + 1 + more}.00`;

  it.each(REBUILDS.map((row, n) => ({ ...row, n })))('killed at "$point", keeps nobody from reading or writing', async ({ n, ...row }) => {
    await runVictim(row, ['rebuild', '--swap'], settings);
    const written = await deposit(`rebuild ${row.point}`);
    expect((await balanceOf(api.apiUrl, accountId, 'USD', `${written}`)).available).toBe(deposited(n + 1));
    await expectBalancedBooks(stores);
  });

  test('the next one goes on where they left off, and leaves nothing of them', async () => {
    const rebuilt = await runVerb(['rebuild', '--swap', '--json'], settings);
    expect(rebuilt, rebuilt.stderr).toMatchObject({ code: 0 });
    const { events } = await expectBalancedBooks(stores);
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ swapped: true, events: `${events}` });
    const schemas = await withDatabase(stores.databaseUrl, (client) =>
      client.query(`SELECT nspname FROM pg_namespace WHERE nspname ~ '_(rebuild|replaced)$'`),
    );
    expect(schemas.rows).toEqual([]);
  });
});
