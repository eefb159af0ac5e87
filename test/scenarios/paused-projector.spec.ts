import { afterAll, expect, test } from 'vitest';
import { startStores } from '../stack/stores.ts';
import { withDatabase } from './audit/tables.ts';
import { expectBalancedBooks } from './books.ts';
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

interface Stopped {
  readonly which: 0 | 1;
  /** What it calls itself in the lease. */
  readonly owner: string;
}

/** Stops whichever process projects, inside a transaction, where it holds the checkpoint's lock. */
async function stopInTransaction(): Promise<Stopped> {
  // A batch locks the checkpoint's row before anything else, and with that, in this mode, its table.
  const state = `
    SELECT bool_or(state = 'active') AS busy, bool_or(state = 'idle in transaction' AND relation = 'checkpoint'::regclass) AS held
    FROM pg_stat_activity LEFT JOIN pg_locks ON pg_locks.pid = pg_stat_activity.pid AND mode = 'RowShareLock'
    WHERE application_name = $1`;
  return eventually('the projector is stopped inside a transaction', async () => {
    const { owner = '' } = (await lease()) ?? {};
    const which = owner.includes(`/${ledgers.processes()[0].pid}/`) ? 0 : 1;
    const { pid } = ledgers.processes()[which];
    process.kill(pid, 'SIGSTOP');
    // What it had sent before goes on without it: only then is it seen where it stands.
    const stands = await eventually('its statements end', async () => {
      const seen = await inDatabase<{ busy: boolean; held: boolean }>(state, NAMES[which]);
      return seen?.busy === false && seen;
    });
    if (stands.held) return { which, owner };
    process.kill(pid, 'SIGCONT');
    return undefined;
  });
}

const cases = ['the process that projects', 'the one that took over'];

test.each(cases)('%s stops in the middle of it: its standby goes on, and nothing is twice when it wakes up', async () => {
  const accounts = await atOnce(8, () => openAccount(ledgers.urls()[0]));
  const [accountId = ''] = accounts;
  const answers: Answer[] = [];
  let isOver = false;
  const writers = accounts.map(async (account, writer) => {
    // Half of them write to either process: those at the one that stops wait until it wakes up.
    for (let n = 0; !isOver; n += 1) {
      const url = ledgers.urls()[writer % 2 === 0 ? 0 : 1];
      answers.push(await send(url, { type: 'deposit', accountId: account, key: `deposit ${n}`, asset: 'USD', amount: '1.00' }));
    }
  });

  const stopped = await stopInTransaction();
  const awake = ledgers.urls()[stopped.which === 0 ? 1 : 0];
  try {
    await eventually('the standby has the lease', async () => (await lease())?.owner !== stopped.owner);
    const written = answers.length;
    await eventually('writes go on', () => answers.length > written + 100);
    // And reads with them: all of it is projected.
    expect(await balanceOf(awake, accountId, 'USD', latestPosition(answers))).toMatchObject({ held: '0.00' });
  } finally {
    process.kill(ledgers.processes()[stopped.which].pid, 'SIGCONT');
  }
  isOver = true;
  await Promise.all(writers);

  expect(tally(answers)).toEqual({ '201': answers.length });
  for (const url of ledgers.urls()) {
    expect(await balanceOf(url, accountId, 'USD', latestPosition(answers))).toMatchObject({ held: '0.00' });
    await eventually('ready', async () => (await fetch(`${url}/health/ready`)).status === 200);
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^ledger_projector_halted 0$/m);
  }
  expect(await lease()).toMatchObject({ halted: null });
  await expectBalancedBooks(ledgers.audit);
});
