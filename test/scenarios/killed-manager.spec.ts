// The transfer manager, killed before and after everything it writes, with the recipient changing meanwhile: after a restart
// every transfer has exactly one end, and it is the one that the recipient's stream says.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeTransferManager } from '../../src/commands/transfer-manager.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { balancesOf } from '../../src/projections/balances.ts';
import type { InternalWork } from '../commands/internal-work.ts';
import { logger, startInternalWork } from '../commands/internal-work.ts';
import { expectBalancedBooks, expectNothingUnderWay } from './books.ts';

const program = fileURLToPath(new URL('./manager-process.ts', import.meta.url));
const AMOUNT = '10.00';
const PAID = { asset: 'USD', amount: AMOUNT };

/** The manager writes twice for a transfer: into the recipient's stream, then into the sender's. */
const KILLS = [
  { when: 'before', nth: 1, isAnswered: false },
  { when: 'after', nth: 1, isAnswered: true },
  { when: 'before', nth: 2, isAnswered: true },
  { when: 'after', nth: 2, isAnswered: true },
] as const;
interface Kill {
  readonly when: 'before' | 'after';
  /** The command, of those that the process sends. */
  readonly nth: number;
}

let work: InternalWork;
let child: ChildProcess | undefined;
beforeAll(async () => {
  work = await startInternalWork();
});
afterEach(async () => {
  if (child?.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
});
afterAll(() => work.close());

/** A manager process, until it has killed itself there. */
async function killedManager({ when, nth }: Kill): Promise<void> {
  const { DATABASE_URL, EVENTSTORE_URL } = work.stack.stores.environment;
  child = spawn(process.execPath, [program, DATABASE_URL, EVENTSTORE_URL, when, `${nth}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [, signal] = await once(child, 'exit');
  expect(signal).toBe('SIGKILL');
}

/** A manager that lives until no transfer is under way; then the auditor looks at everything. */
async function lastManager(): Promise<void> {
  const { stack, bus, position } = work;
  const manager = makeTransferManager({ db: stack.database.db, store: stack.store, bus, position, owner: 'last', leaseMs: 2_000, logger });
  manager.start();
  const { DATABASE_URL: databaseUrl, EVENTSTORE_URL: eventStoreUrl } = stack.stores.environment;
  await expectNothingUnderWay({ databaseUrl, eventStoreUrl });
  await manager.stop();
  await expectBalancedBooks({ databaseUrl, eventStoreUrl });
}

const total = async (accountId: AccountId): Promise<string> => (await balancesOf(work.stack.database.db, accountId))[0]?.total ?? 'none';
const aboutTransfers = async (accountId: AccountId): Promise<string[]> =>
  (await work.types(accountId)).filter((type) => type.startsWith('transfer-'));

/** What happens to the recipient before the transfer is sent, and between the kill and the restart; and whether it takes money before that, and after. */
interface Recipient {
  readonly what: string;
  readonly before?: (to: AccountId) => Promise<unknown>;
  readonly meanwhile?: (to: AccountId) => Promise<unknown>;
  readonly takesBefore: boolean;
  readonly takesAfter: boolean;
}
const freeze = (to: AccountId) => work.apply(to, 'freeze-account', { reason: 'r' });
const unfreeze = (to: AccountId) => work.apply(to, 'unfreeze-account', { reason: 'r' });
async function close(to: AccountId): Promise<void> {
  if ((await aboutTransfers(to)).includes('transfer-received')) await work.apply(to, 'withdraw', PAID);
  await work.apply(to, 'close-account');
}
const RECIPIENTS: readonly Recipient[] = [
  { what: 'untouched', takesBefore: true, takesAfter: true },
  { what: 'frozen all the time', before: freeze, takesBefore: false, takesAfter: false },
  { what: 'frozen, and unfrozen meanwhile', before: freeze, meanwhile: unfreeze, takesBefore: false, takesAfter: true },
  { what: 'frozen meanwhile', meanwhile: freeze, takesBefore: true, takesAfter: false },
  { what: 'closed meanwhile', meanwhile: close, takesBefore: true, takesAfter: false },
];

describe.each(KILLS)('killed $when command $nth', (kill) => {
  it.each(RECIPIENTS)('with the recipient $what, the transfer has the one end that its stream says', async (recipient) => {
    const { before, meanwhile, takesBefore, takesAfter } = recipient;
    const [from, to] = [await work.funded('100.00'), await work.open()];
    await before?.(to);
    const { transferId } = await work.apply(from, 'transfer', { to, ...PAID });
    await killedManager(kill);
    const answered = await aboutTransfers(to);
    expect(answered).toHaveLength(kill.isAnswered ? 1 : 0);
    await meanwhile?.(to);
    await lastManager();

    const isTaken = kill.isAnswered ? takesBefore : takesAfter;
    expect(await aboutTransfers(to)).toEqual([isTaken ? 'transfer-received' : 'transfer-refused']);
    expect(await aboutTransfers(from)).toEqual(['transfer-sent', isTaken ? 'transfer-completed' : 'transfer-returned']);
    expect(await total(from)).toBe(isTaken ? '90.00' : '100.00');
    const end = (await work.events(from)).at(-1);
    expect(end?.metadata.key).toBe(`sys:end-transfer:${transferId}`);
  });
});

it('killed at every step of one transfer, one after another, it still ends once', async () => {
  const [from, to] = [await work.funded('100.00'), await work.open()];
  await work.apply(from, 'transfer', { to, ...PAID });
  // Every process starts anew: what it sends first is what the one before it left undone.
  for (let ended = false; !ended; ended = (await aboutTransfers(from)).length === 2) {
    await killedManager({ when: 'before', nth: 1 });
    await killedManager({ when: 'after', nth: 1 });
  }
  await lastManager();
  expect([await total(from), await total(to)]).toEqual(['90.00', AMOUNT]);
});

it('killed in the middle of a hundred transfers, again and again, it ends each of them once', async () => {
  const senders = await Promise.all([work.funded('100.00'), work.funded('100.00'), work.funded('100.00')]);
  const [to, frozen] = [await work.open(), await work.open()];
  await freeze(frozen);
  await Promise.all(
    Array.from({ length: 99 }, (_, n) => {
      const from = senders[n % senders.length] ?? to;
      return work.apply(from, 'transfer', { to: n % 11 === 0 ? frozen : to, asset: 'USD', amount: '1.00' });
    }),
  );
  for (const nth of [5, 20, 40, 1]) {
    await killedManager({ when: 'before', nth });
    await killedManager({ when: 'after', nth });
  }
  await lastManager();
  expect(await aboutTransfers(to)).toEqual(Array(90).fill('transfer-received'));
  expect(await aboutTransfers(frozen)).toEqual(Array(9).fill('transfer-refused'));
  const ends = (await Promise.all(senders.map(aboutTransfers))).flat().filter((type) => type !== 'transfer-sent');
  expect(ends.toSorted()).toEqual([...Array(90).fill('transfer-completed'), ...Array(9).fill('transfer-returned')]);
  expect(await total(to)).toBe('90.00');
});
