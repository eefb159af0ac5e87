// Rebuilding the projections from the log, comparing them and putting them in place, whatever goes on meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EMPTY_CHAIN } from '../../src/audit/chain.ts';
import { keepCheckpoint, placeOfNewest, statementAt } from '../../src/audit/chain-keeper.ts';
import { ChainBroken } from '../../src/audit/chain-ledger.ts';
import { diffTables } from '../../src/audit/diff.ts';
import type { RebuildOptions } from '../../src/audit/rebuild.ts';
import { openRebuild } from '../../src/audit/rebuild.ts';
import type { Swapped } from '../../src/audit/swap-rebuild.ts';
import { SwapRefused, swapRebuild } from '../../src/audit/swap-rebuild.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { chainSigningKey } from '../../src/identity/chain-keys.ts';
import { makeLease } from '../../src/postgres/leases.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { openSession } from '../../src/postgres/session.ts';
import { listAccounts } from '../../src/projections/account-list.ts';
import { loadAccounts } from '../../src/projections/accounts.ts';
import { balancesAt, balancesOf, unequalBooks } from '../../src/projections/balances.ts';
import { readCheckpoint } from '../../src/projections/checkpoint.ts';
import { UnappliableEvent } from '../../src/projections/errors.ts';
import { findFacts } from '../../src/projections/facts.ts';
import { annulHaltedEvent } from '../../src/projections/halt.ts';
import { listHolds } from '../../src/projections/holds.ts';
import { listOrders } from '../../src/projections/orders.ts';
import { watchPosition } from '../../src/projections/position.ts';
import { listEntries } from '../../src/projections/postings.ts';
import type { Projector } from '../../src/projections/projector.ts';
import { hasShadow, RebuildUnderWay } from '../../src/projections/shadow.ts';
import { countsByStatus, loadStatistics } from '../../src/projections/statistics.ts';
import { trySwap } from '../../src/projections/swap.ts';
import type { RowDifference } from '../../src/projections/table-diff.ts';
import { listTransfers } from '../../src/projections/transfers.ts';
import { deposited, newEvent, until, withdrawn } from '../eventstore/new-events.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';
import { startLedger } from './ledger-under-test.ts';
import { writeMixedLog } from './mixed-log.ts';

let ledger: LedgerUnderTest;
let options: RebuildOptions;
let accounts: readonly AccountId[];
let projector: Projector;
beforeAll(async () => {
  ledger = await startLedger();
  await migrate(ledger.db, 'identity');
  options = { database: ledger, store: ledger.store, release: 'test', batchEvents: 1_000 };
  ({ accountIds: accounts } = await writeMixedLog(ledger.store.streams, { events: 12_000, accounts: 60 }));
  projector = ledger.projector();
  projector.start();
  await ledger.caughtUp();
});
afterAll(() => ledger.close());

const account = (n: number): AccountId => {
  const accountId = accounts[n];
  if (accountId === undefined) throw new Error(`there is no account ${n}`);
  return accountId;
};

async function differences(): Promise<readonly RowDifference[]> {
  const found: RowDifference[] = [];
  await diffTables(options, async (difference) => void found.push(difference));
  return found;
}

async function swap(): Promise<Swapped> {
  await using rebuild = await openRebuild(options);
  return await swapRebuild(rebuild, options);
}

/** All that the catalogue says of the tables, their columns, indexes, constraints and who may do what with them. */
async function layout(): Promise<readonly unknown[]> {
  const { rows } = await sql`
    SELECT c.relname, c.relkind, c.reloptions::text, pg_get_userbyid(c.relowner) AS owner, c.relacl::text,
      pg_get_indexdef(c.oid) AS index, pg_get_constraintdef(k.oid) AS constraint, a.columns
    FROM pg_class c LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u')
      LEFT JOIN LATERAL (
        SELECT string_agg(format('%s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull, attcollation), ', ' ORDER BY attnum) AS columns
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
      ) AS a ON true
    WHERE c.relnamespace = current_schema()::regnamespace ORDER BY c.relname
  `.execute(ledger.db);
  return rows;
}
const checks = async (): Promise<readonly unknown[]> =>
  (
    await sql`SELECT conrelid::regclass::text AS table, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
      WHERE connamespace = current_schema()::regnamespace AND contype = 'c' ORDER BY 1, 2`.execute(ledger.db)
  ).rows;

test('a rebuild makes the very rows that the projector has made', async () => {
  expect(await differences()).toEqual([]);
  expect(await hasShadow(ledger.db)).toBe(false);
});

test('killed again and again, it goes on after the last batch that it had committed', async () => {
  const program = fileURLToPath(new URL('./rebuild-process.ts', import.meta.url));
  const { DATABASE_URL, EVENTSTORE_URL } = ledger.stores.environment;
  const start = () => {
    const child = spawn(process.execPath, [program, DATABASE_URL, EVENTSTORE_URL, '100'], { stdio: ['ignore', 'pipe', 'inherit'] });
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator](), exited: once(child, 'exit') };
  };
  const begunAt: bigint[] = [];
  for (let kills = 0; kills < 3; kills += 1) {
    const { child, lines, exited } = start();
    const from = BigInt(String((await lines.next()).value).replace('from ', ''));
    begunAt.push(from);
    const applied = async (): Promise<bigint> =>
      (await sql<{ events: bigint }>`SELECT events FROM public_rebuild.checkpoint`.execute(ledger.db)).rows[0]?.events ?? 0n;
    await until(async () => (await applied()) > from + 1_500n);
    child.kill('SIGKILL');
    await exited;
  }
  const last = start();
  begunAt.push(BigInt(String((await last.lines.next()).value).replace('from ', '')));
  await last.exited;
  expect(begunAt[0]).toBe(0n);
  for (const [n, from] of begunAt.entries()) if (n > 0) expect(from).toBeGreaterThan((begunAt[n - 1] ?? 0n) + 1_500n);
  expect(await hasShadow(ledger.db)).toBe(true);
  expect(await differences()).toEqual([]); // with what was left
  expect(await hasShadow(ledger.db)).toBe(true);
});

test('one at a time', async () => {
  await using rebuild = await openRebuild(options);
  await expect(openRebuild(options)).rejects.toThrow(RebuildUnderWay);
  await rebuild.shadow.drop();
});

test('what another release began, or another log filled, is begun anew', async () => {
  const begin = async (release: string): Promise<bigint> => {
    await using rebuild = await openRebuild({ ...options, release });
    const { events } = rebuild.shadow.checkpoint();
    await rebuild.catchUp();
    return events;
  };
  expect(await begin('test')).toBe(0n);
  expect(await begin('test')).toBeGreaterThan(12_000n);
  expect(await begin('the next one')).toBe(0n);
  await sql`UPDATE public_rebuild.checkpoint SET event_id = gen_random_uuid()`.execute(ledger.db);
  expect(await begin('the next one')).toBe(0n);
});

test('rows that were changed, taken away or put in are found with both values, and a swap mends them', async () => {
  const changed = account(3);
  const { rows: taken } = await sql<{ position: bigint; line: number }>`
    DELETE FROM postings WHERE account_id = ${account(4)} AND line = 0 AND position = (SELECT max(position) FROM postings WHERE account_id = ${account(4)})
    RETURNING position, line
  `.execute(ledger.db);
  await sql`UPDATE balances SET available = available + 1 WHERE account_id = ${changed} AND asset = 'USD'`.execute(ledger.db);
  await sql`INSERT INTO external_ids VALUES (${changed}, 'invented', gen_random_uuid())`.execute(ledger.db);
  await sql`UPDATE command_outcomes SET payload = '{}' WHERE position = (SELECT min(position) FROM command_outcomes)`.execute(ledger.db);

  const found = new Map((await differences()).map((difference) => [difference.table, difference]));
  expect([...found.keys()].sort()).toEqual(['balances', 'command_outcomes', 'external_ids', 'postings']);
  const balance = found.get('balances');
  expect(balance?.key).toEqual({ account_id: changed, asset: 'USD' });
  expect(Number(balance?.live?.['available']) - Number(balance?.rebuilt?.['available'])).toBeCloseTo(1);
  expect(found.get('postings')).toMatchObject({ key: { position: `${taken[0]?.position}`, line: `${taken[0]?.line}` }, live: null });
  expect(found.get('external_ids')).toMatchObject({ key: { account_id: changed, external_id: 'invented' }, rebuilt: null });
  expect(found.get('command_outcomes')?.live?.['payload']).toBe('{}');

  await swap();
  expect(await differences()).toEqual([]);
});

test('a swap: no read fails or goes back, the projector goes on, and the tables are as the migrations make them', async () => {
  await sql`GRANT SELECT ON balances TO pg_read_all_stats`.execute(ledger.db);
  const before = [await layout(), await checks()];
  const watch = watchPosition(ledger);
  const { db } = ledger;
  const page = { limit: 5 };
  const reads = [
    (accountId: AccountId) => loadAccounts(db, [accountId]),
    (accountId: AccountId) => balancesOf(db, accountId),
    (accountId: AccountId) => balancesAt(db, accountId, { at: new Date().toISOString(), by: 'effective' }),
    (accountId: AccountId) => listEntries(db, { accountId }, page),
    (accountId: AccountId) => listHolds(db, { accountId }, page),
    (accountId: AccountId) => listOrders(db, { accountId, status: 'pending' }, page),
    (accountId: AccountId) => listTransfers(db, { accountId }, page),
    (accountId: AccountId) => findFacts(db, [{ accountId, commandIds: [], keys: [{ kind: 'payment', externalId: 'none' }] }]),
    () => listAccounts(db, {}, page),
    () => loadStatistics(db),
    () => countsByStatus(db),
    () => unequalBooks(db),
  ];
  let isOver = false;
  let count = 0;
  const reader = async (n: number): Promise<void> => {
    let revision = -1n;
    for (let next = n; !isOver; next += 1) {
      const accountId = account(n);
      const rows = await reads[next % reads.length]?.(accountId);
      count += 1;
      const now = rows instanceof Map ? rows.get(accountId)?.revision : undefined;
      if (now === undefined) continue;
      expect(now).toBeGreaterThanOrEqual(revision);
      revision = now;
    }
  };
  const writer = async (): Promise<void> => {
    while (!isOver) {
      const position = await ledger.append(accountStream(account(0)), newEvent(deposited('0.01')));
      expect(await watch.waitFor(position, 20_000)).toBe(true);
    }
  };
  const others = Promise.all([...Array.from({ length: 6 }, (_, n) => reader(n)), writer()]);
  try {
    for (let swaps = 0; swaps < 3; swaps += 1) await Promise.race([swap(), others]);
    await sleep(300);
  } finally {
    isOver = true;
  }
  await others;
  await watch.close();
  expect(count).toBeGreaterThan(1_000);
  expect([await layout(), await checks()]).toEqual(before);
  expect(projector.status().state).toBe('running');
  await ledger.caughtUp();
  expect(await differences()).toEqual([]);
});

test('killed right after its swap, before it has dropped what was replaced, it can be done again', async () => {
  {
    await using rebuild = await openRebuild(options);
    await rebuild.catchUp();
    await using session = await openSession(ledger, rebuild.shadow.live);
    const attempt = { session, shadow: rebuild.shadow, catchUp: async () => true, setBack: [] };
    await until(async () => await trySwap(attempt));
  }
  expect(await hasShadow(ledger.db)).toBe(false);
  await ledger.caughtUp();
  expect(await differences()).toEqual([]);
  await swap();
});

test('tables that views stand on are not swapped', async () => {
  await sql`CREATE VIEW report AS SELECT asset, sum(available) FROM balances GROUP BY asset`.execute(ledger.db);
  await expect(swap()).rejects.toThrow(/report/);
  await expect(swap()).rejects.toThrow(SwapRefused);
  await sql`DROP VIEW report`.execute(ledger.db);
});

test('after a restore from an older copy, whoever was further goes on where the log and what they know part', async () => {
  await projector.stop();
  const { position } = await readCheckpoint(ledger.db);
  const lost = { position: position + 1_000n, eventId: 'c3a5a1de-95d8-4e0c-9a52-6f1b8a2a0f10' };
  for (const name of ['event-publisher', 'transfer-manager'] as const) {
    const lease = makeLease(ledger.db, { name, owner: 'test', leaseMs: 1 });
    await lease.take();
    await lease.save(lost);
  }
  const { event_id: eventId } = await ledger.db.selectFrom('checkpoint').select('event_id').executeTakeFirstOrThrow();
  await ledger.db.updateTable('checkpoint').set({ position: lost.position, event_id: lost.eventId }).execute();
  await expect(differences()).rejects.toThrow(lost.eventId);

  const { setBack } = await swap();
  expect(setBack).toEqual([
    { name: 'event-publisher', from: lost, to: { position, eventId } },
    { name: 'transfer-manager', from: lost, to: undefined },
  ]);
  const manager = await makeLease(ledger.db, { name: 'transfer-manager', owner: 'another', leaseMs: 1 }).take();
  expect(manager?.checkpoint).toBeUndefined();
  expect((await readCheckpoint(ledger.db)).position).toBe(position);
  projector = ledger.projector();
  projector.start();
  await ledger.caughtUp();
  expect(await differences()).toEqual([]);
});

test('it halts at an event that cannot be applied, names it, and goes on once it is annulled', async () => {
  const stream = accountStream(account(0));
  const halting = newEvent(withdrawn('999999999.00'));
  await ledger.append(stream, newEvent(deposited('0.01')), halting);
  await until(() => projector.status().state === 'halted');
  const { halt } = await readCheckpoint(ledger.db);
  await using rebuild = await openRebuild(options);
  await expect(rebuild.catchUp()).rejects.toThrow(UnappliableEvent);
  await expect(rebuild.catchUp()).rejects.toThrow(`${stream}@${halt?.revision} (position ${halt?.position})`);
  expect(rebuild.shadow.checkpoint().position).toBe((await readCheckpoint(ledger.db)).position);

  await annulHaltedEvent(ledger.db, ledger.store.annulments, { stream, revision: halt?.revision ?? -1n, reason: 'a test' });
  await rebuild.catchUp();
  await ledger.caughtUp();
  await rebuild.shadow.drop();
  await rebuild[Symbol.asyncDispose]();
  expect(await differences()).toEqual([]);
});

test('an event that repeats a key is found though the keys are compared at the end', async () => {
  await using rebuild = await openRebuild(options);
  const stream = accountStream(account(1));
  const first = newEvent(deposited('0.01'));
  const second = newEvent(deposited('0.01'), { commandId: first.metadata.commandId });
  await ledger.append(stream, first, second, newEvent(deposited('0.01')));
  await until(() => projector.status().state === 'halted');
  const { halt, position } = await readCheckpoint(ledger.db);
  expect(halt?.eventId).toBe(second.eventId);
  await expect(rebuild.catchUp()).rejects.toThrow(`${stream}@${halt?.revision} (position ${halt?.position})`);
  expect(rebuild.shadow.checkpoint().position).toBe(position);
  await annulHaltedEvent(ledger.db, ledger.store.annulments, { stream, revision: halt?.revision ?? -1n, reason: 'a test' });
  await ledger.caughtUp();
  await rebuild.catchUp();
  await rebuild.shadow.drop();
});

test('what is not as it was signed is not put in place', async () => {
  const signer = await chainSigningKey(ledger.db, TEST_KEY_SECRET);
  const at = await ledger.db.selectFrom('checkpoint').select(['position', 'event_id as eventId']).executeTakeFirstOrThrow();
  const place = {
    ...(await placeOfNewest(ledger.db)),
    chain: { events: 5n, hash: EMPTY_CHAIN.hash },
    at: { position: at.position ?? 0n, eventId: at.eventId ?? '' },
  };
  const statement = statementAt(place);
  if (statement === undefined) throw new Error('nothing to sign');
  await keepCheckpoint(ledger.db, signer, place, statement);
  await expect(swap()).rejects.toThrow(ChainBroken);
  await expect(swap()).rejects.toThrow(ChainBroken); // not forgotten by going on
  expect(await hasShadow(ledger.db)).toBe(true);
});
