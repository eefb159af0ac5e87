import { afterAll, expect, test } from 'vitest';
import { expectBalancedBooks } from './books.ts';
import type { Answer, Movement } from './clients.ts';
import { atOnce, attempt, balanceOf, latestPosition, openAccount, send, tally } from './clients.ts';
import { eventually } from './eventually.ts';
import { startTwoLedgers } from './ledgers.ts';
import { readLog } from './log.ts';
import type { Mortal } from './mortal-stores.ts';
import { startMortalStores } from './mortal-stores.ts';

const stores = await startMortalStores();
const ledgers = await startTwoLedgers({
  stores,
  settings: {
    LEDGER_LEASE_SECONDS: '1',
    // The store may carry out an append long after the ledger has given up waiting for it: so doubts come true.
    EVENTSTORE_URL: `${stores.environment.EVENTSTORE_URL}&defaultDeadline=60000`,
    LEDGER_DOUBT_BUDGET_MS: '1000',
  },
});
afterAll(() => ledgers[Symbol.asyncDispose]());

const CLIENTS = 64;
const ACCOUNTS = 20;
/** Longer than any of the ledger's own time limits, so that only a request that hangs is given up. */
const GIVE_UP_MS = 30_000;

interface Settled {
  readonly movement: Movement;
  readonly answer: Answer;
}

/** What came instead of an answer, or said nothing for good: `503 store_unavailable`, `no answer`. */
const setbacks: Record<string, number> = {};
const settled: Settled[] = [];
let givenUp = 0;

/**
 * Sends it with its key, to one process and the other, until it is answered for good. Who takes the ledger at its word gives up
 * at a first answer that says "not applied and never will be": undefined.
 */
async function persist(movement: Movement, start: number, isTrusting: boolean): Promise<Answer | undefined> {
  for (let turn = start; ; turn += 1) {
    const url = ledgers.urls()[turn % 2 === 0 ? 0 : 1];
    const answer = await attempt(url, movement, { signal: AbortSignal.timeout(GIVE_UP_MS) }).catch(() => undefined);
    if (answer !== undefined && answer.httpStatus !== 503) return answer;
    const setback = answer === undefined ? 'no answer' : Object.keys(tally([answer])).join();
    setbacks[setback] = (setbacks[setback] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (isTrusting && turn === start && answer !== undefined && answer.body.code !== 'outcome_unknown') return undefined;
  }
}

const count = (of: Readonly<Record<string, number>>): number => Object.values(of).reduce((sum, n) => sum + n, 0);

/** Waits until so many more commands were answered for good. */
function progress(commands: number): Promise<true> {
  const from = settled.length;
  return eventually(`${commands} more commands are answered`, () => settled.length >= from + commands);
}

/** Kills a server while commands are under way, and starts it again: not before its death was felt, or at once. */
async function killAndRestart(server: Mortal, felt: 'not waited for' | (() => number) = () => count(setbacks)): Promise<void> {
  await progress(300);
  const before = felt === 'not waited for' ? 0 : felt();
  await server.kill();
  if (felt !== 'not waited for') await eventually('its death is felt', () => felt() > before);
  await server.restart();
  await progress(300);
}

const ledger = (which: 0 | 1): Mortal => ({ kill: () => ledgers.kill(which), restart: () => ledgers.start(which) });

const everything: Mortal = {
  kill: async () => void (await Promise.all([stores.postgres, stores.eventStore, ledger(0), ledger(1)].map((part) => part.kill()))),
  restart: async () => {
    await Promise.all([stores.postgres.restart(), stores.eventStore.restart()]);
    await Promise.all([ledgers.start(0), ledgers.start(1)]);
  },
};

test('whatever is killed, every acknowledged write is there once, and what was in doubt is settled by its key', async () => {
  const accounts = await atOnce(ACCOUNTS, () => openAccount(ledgers.urls()[0], { asset: 'USD', amount: '10.00' }));
  let isOver = false;
  const clients = atOnce(CLIENTS, async (client) => {
    for (let n = 0; !isOver; n += 1) {
      const accountId = accounts[(client * 7 + n * 3) % ACCOUNTS] ?? '';
      const type = (client + n) % 5 < 2 ? 'deposit' : 'withdraw';
      const movement: Movement = {
        type,
        accountId,
        key: `client ${client}, command ${n}`,
        asset: 'USD',
        amount: `${1 + (n % 7)}.0${client % 10}`,
      };
      const answer = await persist(movement, client + n, client % 4 === 0);
      if (answer === undefined) givenUp += 1;
      else settled.push({ movement, answer });
    }
  });

  // What was in flight is left in doubt, and not stored; or found out by resending it; or left in doubt, and stored afterwards.
  await killAndRestart(stores.eventStore);
  await killAndRestart(stores.eventStore, 'not waited for');
  await killAndRestart(stores.frozenEventStore, () => setbacks['503 outcome_unknown'] ?? 0);
  await killAndRestart(stores.postgres);
  await killAndRestart(ledger(0));
  await killAndRestart(ledger(1));
  await killAndRestart(everything);
  isOver = true;
  await clients;

  // Deaths were felt, and nothing but 503s and broken connections came of them.
  expect(count(setbacks)).toBeGreaterThan(0);
  expect(givenUp).toBeGreaterThan(0);
  expect(Object.keys(setbacks).filter((setback) => !/^(no answer|503 [a-z_]+)$/.test(setback))).toEqual([]);
  const outcomes = tally(settled.map(({ answer }) => answer));
  expect(Object.keys(outcomes).sort()).toEqual(['201', '422 insufficient_funds']);

  const log = await readLog(ledgers.audit.eventStoreUrl, 'account-');
  const said = settled.map(({ movement: { accountId, key, amount }, answer: { httpStatus, body } }) => {
    const place = `account-${accountId}@${body.revision}`;
    return httpStatus === 201 ? `${place} ${key}: ${amount} ${body.result?.['entryId']}` : `${place} ${key}: ${body.code}`;
  });
  const stored = log
    .filter(({ metadata }) => String(metadata['key']).startsWith('client '))
    .map(
      ({ stream, revision, id, data, metadata }) =>
        `${stream}@${revision} ${metadata['key']}: ${data['code'] ?? `${data['amount']} ${id}`}`,
    );
  // Everything answered is stored as it was answered, and nothing else is: least of all what would never be applied.
  expect(stored.sort()).toEqual(said.sort());
  await expectBalancedBooks(ledgers.audit);
});

test('what Postgres had not yet flushed when it was killed is projected again, though nothing more is written', async () => {
  const url = ledgers.urls()[0];
  const accountId = await openAccount(url);
  const deposits = await atOnce(20, (n) => send(url, { type: 'deposit', accountId, key: `last ${n}`, asset: 'USD', amount: '1.00' }));
  const last = latestPosition(deposits);
  expect((await balanceOf(url, accountId, 'USD', last)).available).toBe('20.00');

  await stores.postgres.kill();
  await stores.postgres.restart();

  await expectBalancedBooks(ledgers.audit);
  for (const asked of ledgers.urls()) {
    const { available } = await eventually('reads are back', () => balanceOf(asked, accountId, 'USD', last));
    expect(available).toBe('20.00');
  }
});
