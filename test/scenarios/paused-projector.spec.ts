import { afterAll, expect, test } from 'vitest';
import { startStores } from '../stack/stores.ts';
import { expectBalancedBooks, withDatabase } from './books.ts';
import type { Answer } from './clients.ts';
import { atOnce, balanceOf, latestPosition, openAccount, send, tally } from './clients.ts';
import { eventually } from './eventually.ts';
import { startTwoLedgers } from './ledgers.ts';

const stores = await startStores();
/** What tells the connections of the first process (0) from those of the second (1). */
const NAMES = ['scenario-first', 'scenario-second'] as const;
const [first, second] = NAMES.map((name) => ({ DATABASE_URL: `${stores.environment.DATABASE_URL}?application_name=${name}` }));
const ledgers = await startTwoLedgers({
  stores,
  settings: { LEDGER_LEASE_SECONDS: '1', ...second },
  settingsOfFirst: { ...first },
});
afterAll(() => ledgers[Symbol.asyncDispose]());

async function inDatabase<Row extends object>(statement: string, ...values: readonly unknown[]): Promise<Row | undefined> {
  return withDatabase(ledgers.audit.databaseUrl, async (client) => (await client.query<Row>(statement, [...values])).rows[0]);
}
const lease = () => inDatabase<{ owner: string; halted: string | null }>('SELECT owner, halted_stream AS halted FROM checkpoint');

/** Stops the process inside a transaction of its projector, where it holds the checkpoint's lock. */
async function stopInTransaction(which: 0 | 1): Promise<void> {
  const { pid } = ledgers.processes()[which];
  const state = `SELECT bool_or(state = 'active') AS busy, bool_or(state = 'idle in transaction') AS held
    FROM pg_stat_activity WHERE application_name = $1`;
  await eventually('the projector is stopped inside a transaction', async () => {
    process.kill(pid, 'SIGSTOP');
    // What it had sent before goes on without it: only then is it seen where it stands.
    const stands = await eventually('its statements end', async () => {
      const seen = await inDatabase<{ busy: boolean; held: boolean }>(state, NAMES[which]);
      return seen?.busy === false && seen;
    });
    if (!stands.held) process.kill(pid, 'SIGCONT');
    return stands.held;
  });
}

test.each([
  { paused: 0, standby: 1 },
  { paused: 1, standby: 0 },
] as const)(
  'process $paused stops while it projects: process $standby takes over, and nothing is twice when it wakes up',
  async ({ paused, standby }) => {
    const [asleep, awake] = [ledgers.urls()[paused], ledgers.urls()[standby]];
    const accounts = await atOnce(8, () => openAccount(awake));
    const deposit = (url: string, accountId: string, key: string): Promise<Answer> =>
      send(url, { type: 'deposit', accountId, key, asset: 'USD', amount: '1.00' });
    const answers: Answer[] = [];
    let isOver = false;
    const writers = accounts.map(async (accountId) => {
      for (let n = 0; !isOver; n += 1) answers.push(await deposit(awake, accountId, `one after another ${n}`));
    });

    const before = await lease();
    await stopInTransaction(paused);
    const arrivedAsleep = accounts.map((accountId) => deposit(asleep, accountId, 'sent to the one that sleeps'));
    const after = await eventually('the standby has the lease', async () => {
      const seen = await lease();
      return seen !== undefined && seen.owner !== before?.owner && seen;
    });
    const written = answers.length;
    await eventually('writes go on', () => answers.length > written + 100);
    const [seen] = answers.slice(-1);
    const [accountId = ''] = accounts;
    expect(await balanceOf(awake, accountId, 'USD', seen?.body.position ?? '')).toMatchObject({ held: '0.00' });
    process.kill(ledgers.processes()[paused].pid, 'SIGCONT');
    answers.push(...(await Promise.all(arrivedAsleep)));
    isOver = true;
    await Promise.all(writers);

    expect(tally(answers)).toEqual({ '201': answers.length });
    expect(await lease()).toEqual({ owner: after.owner, halted: null });
    for (const url of ledgers.urls()) {
      await balanceOf(url, accountId, 'USD', latestPosition(answers));
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
      expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^ledger_projector_halted 0$/m);
    }
    await expectBalancedBooks(ledgers.audit);
  },
);
