// Projectors that are stopped and killed from outside, at any moment.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { balancesOf, unequalBooks } from '../../src/projections/balances.ts';
import { readCheckpoint } from '../../src/projections/checkpoint.ts';
import { deposited, newAccountId, newEvent, opened, until } from '../eventstore/new-events.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';
import { startLedger } from './ledger-under-test.ts';

const program = fileURLToPath(new URL('./projector-process.ts', import.meta.url));
let ledger: LedgerUnderTest;
let child: ChildProcess | undefined;
let states: string[];
beforeEach(async () => {
  ledger = await startLedger();
});
afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  await ledger.close();
});

function startChild(batchSize: number, leaseMs: number): ChildProcess {
  const { DATABASE_URL, EVENTSTORE_URL } = ledger.stores.environment;
  child = spawn(process.execPath, [program, DATABASE_URL, EVENTSTORE_URL, `${batchSize}`, `${leaseMs}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  states = [];
  child.stdout?.on('data', (chunk: Buffer) => states.push(...chunk.toString().trim().split('\n')));
  return child;
}

/** Deposits of 1.00 into one account. */
async function fill(count: number): Promise<{ accountId: AccountId; stream: string }> {
  const accountId = newAccountId();
  const stream = accountStream(accountId);
  await ledger.append(stream, newEvent(opened()));
  for (let done = 0; done < count; done += 100) {
    await ledger.append(stream, ...Array.from({ length: Math.min(100, count - done) }, () => newEvent(deposited('1.00'))));
  }
  return { accountId, stream };
}
const applied = async (): Promise<bigint> => (await readCheckpoint(ledger.db)).events;

it('killed between or within batches, one is taken over from, and every event is applied once', async () => {
  const { accountId } = await fill(1_500);
  for (const killAt of [50n, 400n, 800n]) {
    const killed = startChild(3, 200);
    await until(async () => (await applied()) >= killAt);
    const exited = once(killed, 'exit');
    killed.kill('SIGKILL');
    await exited;
  }
  ledger.projector().start();
  await ledger.caughtUp();
  expect(await applied()).toBe(1_501n);
  expect(await balancesOf(ledger.db, accountId)).toMatchObject([{ available: '1500.00' }]);
  expect(await unequalBooks(ledger.db)).toEqual([]);
});

it('stopped for longer than its lease and continued, one finds that another works, and does no harm', async () => {
  const { accountId, stream } = await fill(1_500);
  const paused = startChild(3, 400);
  await until(async () => (await applied()) >= 50n);
  paused.kill('SIGSTOP');
  const standby = ledger.projector({ leaseMs: 1_000 });
  standby.start();
  await ledger.caughtUp();
  expect(standby.status().state).toBe('running');
  paused.kill('SIGCONT');
  await until(() => states.at(-1) === 'standby');
  await ledger.append(stream, newEvent(deposited('0.50')));
  await ledger.caughtUp();
  expect(await applied()).toBe(1_502n);
  expect(await balancesOf(ledger.db, accountId)).toMatchObject([{ available: '1500.50' }]);
  expect(standby.status()).toMatchObject({ state: 'running', eventsApplied: 1_502n });
});
