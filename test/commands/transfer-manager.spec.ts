import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandAnswer, CommandEnvelope } from '../../src/commands/bus.ts';
import { commandHashOf } from '../../src/commands/idempotency.ts';
import { makeInProcessBus } from '../../src/commands/in-process-bus.ts';
import type { TransferManager, TransferManagerOptions } from '../../src/commands/transfer-manager.ts';
import { makeTransferManager } from '../../src/commands/transfer-manager.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { AccountId, TransferId } from '../../src/domain/ids.ts';
import { commandIdOf, TransferIdSchema } from '../../src/domain/ids.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import type { LeasesTable } from '../../src/postgres/leases.ts';
import { makeLease } from '../../src/postgres/leases.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { balancesOf } from '../../src/projections/balances.ts';
import { CheckpointMismatch } from '../../src/projections/errors.ts';
import { annulHaltedEvent } from '../../src/projections/halt.ts';
import { newEvent, USD, until } from '../eventstore/new-events.ts';
import { startEventStore } from '../stack/eventstore.ts';
import type { InternalWork } from './internal-work.ts';
import { interferedBus, logger, refusal, startInternalWork } from './internal-work.ts';

let work: InternalWork;
let managers: TransferManager[];
beforeEach(async () => {
  work = await startInternalWork();
  managers = [];
});
afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.stop()));
  await work.close();
});

function started(options: Partial<TransferManagerOptions> = {}): TransferManager {
  const { stack, bus, position } = work;
  const manager = makeTransferManager({
    db: stack.database.db,
    store: stack.store,
    bus,
    position,
    owner: 'test',
    leaseMs: 2_000,
    logger,
    ...options,
  });
  managers.push(manager);
  manager.start();
  return manager;
}
const leases = () => work.stack.database.db.withTables<{ leases: LeasesTable }>();
const savedPosition = async (): Promise<bigint> =>
  (await leases().selectFrom('leases').select('position').executeTakeFirstOrThrow()).position ?? -1n;
const head = async (): Promise<bigint> => (await work.stack.store.streams.head())?.position ?? -1n;

async function transfer(from: AccountId, to: AccountId, amount = '10.00', more: object = {}): Promise<TransferId> {
  const { transferId } = await work.apply(from, 'transfer', { to, asset: 'USD', amount, ...more });
  return TransferIdSchema.parse(transferId);
}
const usd = async (accountId: AccountId): Promise<string | undefined> =>
  (await balancesOf(work.stack.database.db, accountId)).find(({ asset }) => asset === 'USD')?.total;

describe('a transfer', () => {
  it('is received, then completed; each event follows from the one that was read', async () => {
    const [from, to] = [await work.funded('100.00'), await work.open()];
    started();
    const transferId = await transfer(from, to, '30.00', { reference: 'rent' });
    await work.settled();
    const [sent, completed] = (await work.events(from)).slice(2);
    const [received] = (await work.events(to)).slice(1);
    expect(received?.event).toMatchObject({
      type: 'transfer-received',
      transferId,
      from,
      asset: 'USD',
      amount: '30.00',
      reference: 'rent',
    });
    expect(completed?.event).toMatchObject({ type: 'transfer-completed', transferId, to, amount: '30.00' });
    const { correlationId } = sent?.metadata ?? {};
    const byItself = { correlationId, actor: 'ledger', transport: 'internal' };
    expect(received?.metadata).toMatchObject({ ...byItself, causationId: sent?.eventId, key: `sys:receive-transfer:${transferId}` });
    expect(completed?.metadata).toMatchObject({ ...byItself, causationId: received?.eventId, key: `sys:end-transfer:${transferId}` });
    expect([await usd(from), await usd(to)]).toEqual(['70.00', '30.00']);
  });

  it.each([
    { state: 'frozen', steps: ['freeze-account'], reason: 'recipient_frozen' },
    { state: 'closed', steps: ['close-account'], reason: 'recipient_closed' },
  ])('to an account that is $state comes back with the reason, also to a sender that is frozen', async ({ steps, reason }) => {
    const [from, to] = [await work.funded('100.00'), await work.open()];
    for (const step of steps) await work.apply(to, step, step === 'freeze-account' ? { reason: 'r' } : {});
    const transferId = await transfer(from, to);
    await work.apply(from, 'freeze-account', { reason: 'r' });
    started();
    await work.settled();
    expect((await work.events(to)).at(-1)?.event).toMatchObject({ type: 'transfer-refused', transferId, reason });
    expect((await work.events(from)).at(-1)?.event).toMatchObject({ type: 'transfer-returned', transferId, reason });
    expect([await usd(from), await usd(to)]).toEqual(['100.00', undefined]);
  });

  it('that is a reversal goes back the way it came', async () => {
    const [from, to] = [await work.funded('100.00'), await work.open()];
    started();
    await transfer(from, to, '30.00');
    await work.settled();
    const received = (await work.events(to)).at(-1);
    await work.apply(to, 'reverse', { eventId: received?.eventId, reason: 'sent in error' });
    await work.settled();
    expect([await usd(from), await usd(to)]).toEqual(['100.00', '0.00']);
    expect(await work.types(from)).toEqual(['account-opened', 'deposited', 'transfer-sent', 'transfer-completed', 'transfer-received']);
  });

  it('ends once, whatever its commands are answered on the way', async () => {
    const [from, to] = [await work.funded('1000.00'), await work.open()];
    const answers = new Map<string, number>();
    // Of every command: nothing was stored; nothing was stored; stored, and nobody says so; then the truth.
    const trouble = async (envelope: CommandEnvelope): Promise<CommandAnswer | undefined> => {
      const nth = (answers.get(envelope.key) ?? 0) + 1;
      answers.set(envelope.key, nth);
      if (nth === 1) return refusal('store_unavailable');
      if (nth === 2) throw new Error('a bus that breaks its promise');
      if (nth === 3) await work.bus.send(envelope);
      return nth === 3 ? refusal('outcome_unknown') : undefined;
    };
    const bus = interferedBus(work.bus, trouble);
    started({ bus });
    await Promise.all(Array.from({ length: 20 }, () => transfer(from, to, '1.00')));
    await work.settled();
    expect((await work.types(to)).filter((type) => type === 'transfer-received')).toHaveLength(20);
    expect((await work.types(from)).filter((type) => type === 'transfer-completed')).toHaveLength(20);
    expect([await usd(from), await usd(to)]).toEqual(['980.00', '20.00']);
  });

  it('that cannot get on holds up no other one', async () => {
    const [from, stuck, to] = [await work.funded('1000.00'), await work.open(), await work.open()];
    const isHeldUp = { value: true };
    const bus = interferedBus(work.bus, ({ command }) =>
      isHeldUp.value && command.type === 'receive-transfer' && command.accountId === stuck ? refusal('projection_behind') : undefined,
    );
    const manager = started({ bus });
    await Promise.all(Array.from({ length: 100 }, () => transfer(from, stuck, '1.00')));
    await transfer(from, to);
    await until(async () => (await work.types(to)).includes('transfer-received'));
    await until(() => manager.status().underWay === 100);
    isHeldUp.value = false;
    await work.settled();
    expect([await usd(stuck), await usd(to)]).toEqual(['100.00', '10.00']);
  });
});

describe('a manager', () => {
  it('that starts again takes every transfer up where it stood, and never looks past one that is open', async () => {
    const [from, to, frozen] = [await work.funded('100.00'), await work.open(), await work.open()];
    await work.apply(frozen, 'freeze-account', { reason: 'r' });
    const done = await transfer(from, to, '1.00');
    const before = await head();
    const [notSent, received, refused, unanswered] = [
      await transfer(from, to, '2.00'),
      await transfer(from, to, '3.00'),
      await transfer(from, frozen, '4.00'),
      await transfer(from, to, '5.00'),
    ];
    const lateAnswer = Promise.withResolvers<CommandAnswer>();
    const bus = interferedBus(work.bus, async (envelope) => {
      const { command, key } = envelope;
      if (key.endsWith(notSent)) return refusal('store_unavailable');
      if (command.type !== 'receive-transfer' && (key.endsWith(received) || key.endsWith(refused))) return refusal('store_unavailable');
      if (command.type === 'receive-transfer' && key.endsWith(unanswered)) {
        await work.bus.send(envelope);
        return lateAnswer.promise; // the answer does not come, but the log has it
      }
      return undefined;
    });
    const first = started({ bus });
    await until(async () => (await work.types(from)).filter((type) => type === 'transfer-completed').length === 2);
    await until(async () => (await work.types(frozen)).includes('transfer-refused'));
    await work.projected();
    const end = await head();
    await until(() => first.status().position >= end);
    expect(first.status().underWay).toBe(3);
    expect(bus.sent).toContain(`sys:end-transfer:${done}`);
    await until(async () => (await savedPosition()) === before);
    await work.apply(to, 'deposit', { asset: 'USD', amount: '1.00' });
    await until(async () => first.status().position >= (await head()));
    // Its lease runs out while it still waits for an answer.
    await leases().updateTable('leases').set({ owner: 'a process that died', lease_until: sql`clock_timestamp()` }).execute();
    expect(await savedPosition()).toBe(before);

    const again = interferedBus(work.bus);
    const second = started({ bus: again });
    await work.settled();
    lateAnswer.resolve(refusal('outcome_unknown'));
    expect(again.sent).not.toContain(`sys:receive-transfer:${done}`);
    await until(async () => (await savedPosition()) === (await head()));
    expect(second.status()).toMatchObject({ state: 'running', underWay: 0 });
    expect([await usd(from), await usd(to), await usd(frozen)]).toEqual(['89.00', '12.00', undefined]);
    const ended = (await work.types(from)).slice(2).toSorted();
    expect(ended).toEqual([...Array(4).fill('transfer-completed'), 'transfer-returned', ...Array(5).fill('transfer-sent')]);
  });

  it('asks for nothing that the log has the end of, though it reads all of it', async () => {
    const [from, to] = [await work.funded('100.00'), await work.open()];
    const first = started();
    for (let n = 0; n < 20; n += 1) await transfer(from, to, '1.00');
    await work.settled();
    await first.stop();
    await leases().deleteFrom('leases').execute();
    const bus = interferedBus(work.bus);
    const second = started({ bus });
    await until(async () => second.status().position >= (await head()));
    expect(second.status().underWay).toBe(0);
    await second.stop();
    expect(bus.sent).toEqual([]);
    expect(await savedPosition()).toBe(await head());
  });

  it('does no harm where another one works at the same time', async () => {
    const { database, stores, store } = work.stack;
    await sql`CREATE SCHEMA elsewhere`.execute(database.db);
    const elsewhere = openDatabase(stores.database.url, { schema: 'elsewhere' });
    await migrate(elsewhere.db, 'identity');
    const [one, other] = [interferedBus(work.bus), interferedBus(makeInProcessBus(work.stack.another()))];
    const both = [started({ bus: one }), started({ bus: other, db: elsewhere.db })];
    await until(() => both.every((manager) => manager.status().state === 'running'));
    const [from, to, frozen] = [await work.funded('100.00'), await work.open(), await work.open()];
    await work.apply(frozen, 'freeze-account', { reason: 'r' });
    await Promise.all(Array.from({ length: 60 }, (_, n) => transfer(from, n % 3 === 0 ? frozen : to, '1.00')));
    await work.settled();
    await Promise.all(both.map((manager) => manager.stop()));
    expect(Math.min(one.sent.length, other.sent.length)).toBeGreaterThan(0);
    expect((await work.types(to)).filter((type) => type === 'transfer-received')).toHaveLength(40);
    expect((await work.types(frozen)).filter((type) => type === 'transfer-refused')).toHaveLength(20);
    expect([await usd(from), await usd(to)]).toEqual(['60.00', '40.00']);
    for await (const { revision } of store.streams.read(accountStream(from), 2n + 120n))
      throw new Error(`an event too many at ${revision}`);
    await elsewhere.close();
  });

  it('takes over when the other one stops, and stands by when its own lease is lost', async () => {
    const first = started();
    await until(() => first.status().state === 'running');
    const second = started();
    await until(() => second.status().state === 'standby');
    await first.stop();
    expect(first.status().state).toBe('stopped');
    await until(() => second.status().state === 'running');
    const [from, to] = [await work.funded('100.00'), await work.open()];
    await transfer(from, to);
    await work.settled();
    const rival = makeLease(work.stack.database.db, { name: 'transfer-manager', owner: 'rival', leaseMs: 200_000 });
    await leases().updateTable('leases').set({ owner: null, lease_until: null }).execute();
    await rival.take();
    await until(() => second.status().state === 'standby');
    await transfer(from, to);
    await rival.release();
    await work.settled();
    expect(second.status().state).toBe('running');
  });

  it('refuses to go on over a log that has another event at its checkpoint, or none, and says so', async () => {
    const [from, to] = [await work.funded('100.00'), await work.open()];
    const first = started();
    await transfer(from, to);
    await work.settled();
    await first.stop();
    await using restored = await startEventStore();
    const store = connectEventStore(restored.url);
    const bus = interferedBus(work.bus);
    const manager = started({ store, bus });
    await until(() => manager.status().state === 'refused');
    expect(manager.status().refusal).toBeInstanceOf(CheckpointMismatch);
    expect(manager.status().refusal?.message).toContain("DELETE FROM leases WHERE name = 'transfer-manager'");
    await leases().deleteFrom('leases').execute();
    await until(() => manager.status().state === 'running');
    expect(bus.sent).toEqual([]);
    await manager.stop();
    await store.close();
  });
});

describe('what was written past the ledger', () => {
  it('a transfer of money that is not there never reaches the recipient; annulled, it is as if it never was', async () => {
    const [from, to] = [await work.funded('5.00'), await work.open()];
    await work.projected();
    const bus = interferedBus(work.bus);
    const manager = started({ bus });
    const { stack } = work;
    const transferId = TransferIdSchema.parse(randomUUID());
    const forged = newEvent({ type: 'transfer-sent', version: 1, transferId, to, asset: USD, amount: '1000.00', balances: [] });
    await stack.store.streams.append(accountStream(from), [forged], { expecting: 1n });
    await until(() => stack.projector.status().state === 'halted');
    const other = await work.open();
    expect(bus.sent).toEqual([]);
    await annulHaltedEvent(stack.database.db, stack.store.annulments, { stream: accountStream(from), revision: 2n, reason: 'forged' });
    await transfer(from, other, '5.00');
    await work.settled();
    // It reads an event only after the projections have applied it.
    const end = await head();
    await until(() => manager.status().position >= end);
    expect(manager.status().underWay).toBe(0);
    expect(bus.sent.filter((key) => key.endsWith(transferId))).toEqual([]);
    expect([await usd(from), await usd(to), await usd(other)]).toEqual(['0.00', undefined, '5.00']);
  });

  it('and was annulled before the manager came to read it, has no effect either', async () => {
    const [from, to] = [await work.funded('5.00'), await work.open()];
    const { stack } = work;
    const late = connectEventStore(stack.stores.eventStore.url);
    const open = Promise.withResolvers<void>();
    const store: TransferManagerOptions['store'] = {
      ...late,
      subscribe: (options) =>
        late.subscribe({
          ...options,
          onBatch: async (...batch) => {
            await open.promise;
            await options.onBatch(...batch);
          },
        }),
    };
    const bus = interferedBus(work.bus);
    const manager = started({ store, bus });
    await until(() => manager.status().state === 'running');
    const transferId = TransferIdSchema.parse(randomUUID());
    const forged = newEvent({ type: 'transfer-sent', version: 1, transferId, to, asset: USD, amount: '1000.00', balances: [] });
    await stack.store.streams.append(accountStream(from), [forged], { expecting: 1n });
    await until(() => stack.projector.status().state === 'halted');
    await annulHaltedEvent(stack.database.db, stack.store.annulments, { stream: accountStream(from), revision: 2n, reason: 'forged' });
    await work.projected();
    const end = await head();
    await until(() => work.position.seen() >= end);
    open.resolve();
    await until(() => manager.status().position >= end);
    expect(manager.status().underWay).toBe(0);
    expect(bus.sent).toEqual([]);
    await manager.stop();
    await late.close();
  });

  it('an answer of the recipient that is annulled is asked for again', async () => {
    const [from, to] = [await work.funded('50.00'), await work.open()];
    const { stack } = work;
    const transferId = await transfer(from, to, '30.00');
    const key = `sys:receive-transfer:${transferId}`;
    const asked = { type: 'receive-transfer', accountId: to, transferId, from, asset: USD, amount: '30.00' } as const;
    const received = {
      type: 'transfer-received' as const,
      version: 1 as const,
      transferId,
      from,
      asset: USD,
      amount: '3000.00',
      balances: [],
    };
    const forged = newEvent(received, { key, commandId: commandIdOf(to, key), commandHash: commandHashOf(asked) });
    await stack.store.streams.append(accountStream(to), [forged], { expecting: 0n });
    await until(() => stack.projector.status().state === 'halted');
    const bus = interferedBus(work.bus);
    started({ bus });
    await until(() => bus.sent.includes(key));
    await annulHaltedEvent(stack.database.db, stack.store.annulments, { stream: accountStream(to), revision: 1n, reason: 'forged' });
    await work.settled();
    expect([await usd(from), await usd(to)]).toEqual(['20.00', '30.00']);
  });

  it('an event that cannot be read is waited at until it is annulled', async () => {
    const [from, to, broken] = [await work.funded('50.00'), await work.open(), await work.open()];
    const { stack } = work;
    const manager = started();
    await until(() => manager.status().state === 'running');
    const client = EventStoreDBClient.connectionString(stack.stores.eventStore.url);
    await client.appendToStream(accountStream(broken), jsonEvent({ type: 'transfer-sent', data: { nonsense: true } }));
    await transfer(from, to);
    await until(() => stack.projector.status().state === 'halted');
    expect(manager.status()).toMatchObject({ state: 'running', underWay: 0 });
    await annulHaltedEvent(stack.database.db, stack.store.annulments, { stream: accountStream(broken), revision: 1n, reason: 'nonsense' });
    await work.settled();
    expect(await usd(to)).toBe('10.00');
    await client.dispose();
  });
});
