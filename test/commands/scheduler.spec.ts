import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeInProcessBus } from '../../src/commands/in-process-bus.ts';
import type { Scheduler, SchedulerOptions } from '../../src/commands/scheduler.ts';
import { makeScheduler } from '../../src/commands/scheduler.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { HoldIdSchema, OrderIdSchema } from '../../src/domain/ids.ts';
import type { LeasesTable } from '../../src/postgres/leases.ts';
import { balancesOf } from '../../src/projections/balances.ts';
import { findHold } from '../../src/projections/holds.ts';
import { findOrder } from '../../src/projections/orders.ts';
import { until } from '../eventstore/new-events.ts';
import type { InternalWork } from './internal-work.ts';
import { interferedBus, logger, refusal, startInternalWork } from './internal-work.ts';

const HOUR_MS = 3_600_000;
let work: InternalWork;
let schedulers: Scheduler[];
beforeEach(async () => {
  work = await startInternalWork();
  schedulers = [];
});
afterEach(async () => {
  await Promise.all(schedulers.map((scheduler) => scheduler.stop()));
  await work.close();
});

function started(options: Partial<SchedulerOptions> = {}): Scheduler {
  const { stack, bus, position } = work;
  const scheduler = makeScheduler({
    db: stack.database.db,
    bus,
    position,
    owner: 'test',
    leaseMs: 2_000,
    intervalMs: 10,
    logger,
    ...options,
  });
  schedulers.push(scheduler);
  scheduler.start();
  return scheduler;
}

const soon = (): string => new Date(Date.now() + 300).toISOString();
const inAnHour = (): string => new Date(Date.now() + HOUR_MS).toISOString();
const hold = async (accountId: AccountId, expiresAt: string, amount = '10.00') =>
  HoldIdSchema.parse((await work.apply(accountId, 'place-hold', { asset: 'USD', amount, expiresAt }))['holdId']);
const order = async (accountId: AccountId, expiresAt: string) => {
  const terms = { tokenIn: 'USD', tokenOut: 'EUR', amountIn: '20.00', orderType: 'MARKET' };
  return OrderIdSchema.parse((await work.apply(accountId, 'place-order', { ...terms, expiresAt }))['orderId']);
};
const ended = (type: string) => async (accountId: AccountId) => (await work.types(accountId)).filter((found) => found === type).length;
const expiredHolds = ended('hold-expired');
const expiredOrders = ended('order-expired');

describe('what is due', () => {
  it('expires once: holds and orders, partly filled ones too, and nothing else', async () => {
    const accountId = await work.funded('100.00');
    const dueHold = await hold(accountId, soon());
    const dueOrder = await order(accountId, soon());
    await work.apply(accountId, 'fill-order', { orderId: dueOrder, amountIn: '5.00', amountOut: '4.00' });
    const [laterHold, laterOrder] = [await hold(accountId, inAnHour()), await order(accountId, inAnHour())];
    const released = await hold(accountId, soon());
    await work.apply(accountId, 'release-hold', { holdId: released });
    started();
    await until(async () => (await expiredHolds(accountId)) + (await expiredOrders(accountId)) === 2);
    await work.projected();
    const { db } = work.stack.database;
    expect(await findHold(db, dueHold)).toMatchObject({ status: 'expired', remaining: '0.00' });
    expect(await findOrder(db, dueOrder)).toMatchObject({ status: 'expired', filledIn: '5.00', filledOut: '4.00' });
    expect((await findHold(db, laterHold))?.status).toBe('open');
    expect((await findOrder(db, laterOrder))?.status).toBe('pending');
    expect((await findHold(db, released))?.status).toBe('released');
    expect(await balancesOf(db, accountId)).toMatchObject([{ asset: 'EUR' }, { asset: 'USD', available: '65.00', held: '30.00' }]);
    const expiry = (await work.events(accountId)).find(({ event }) => event.type === 'hold-expired');
    expect(expiry?.metadata).toMatchObject({
      key: `sys:expire-hold:${dueHold}`,
      actor: 'ledger',
      transport: 'internal',
      causationId: dueHold,
    });
  });

  it('expires in an account that is frozen', async () => {
    const accountId = await work.funded('100.00');
    await hold(accountId, soon());
    await order(accountId, soon());
    await work.apply(accountId, 'freeze-account', { reason: 'r' });
    started();
    await until(async () => (await expiredHolds(accountId)) + (await expiredOrders(accountId)) === 2);
    await work.projected();
    expect(await balancesOf(work.stack.database.db, accountId)).toMatchObject([{ asset: 'USD', available: '100.00', held: '0.00' }]);
  });

  it('is walked through to the end, however much there is', async () => {
    const accountId = await work.funded('100.00');
    const expiresAt = soon();
    await Promise.all(Array.from({ length: 200 }, () => hold(accountId, expiresAt, '0.01')));
    await work.projected();
    const bus = interferedBus(work.bus);
    started({ bus });
    await until(async () => (await expiredHolds(accountId)) === 200);
    await work.projected();
    expect(new Set(bus.sent).size).toBe(200);
  });
});

describe('a scheduler', () => {
  it('whose clock is ahead leaves no trace; the hold expires when its time has come', async () => {
    let ahead = 0;
    const decider = makeInProcessBus(work.stack.another({ now: () => Date.now() + ahead }));
    const accountId = await work.funded('100.00');
    await hold(accountId, inAnHour());
    await work.projected();
    const before = await work.types(accountId);
    const bus = interferedBus(decider);
    started({ bus, now: () => Date.now() + 2 * HOUR_MS });
    await until(() => bus.sent.length >= 5); // again and again
    expect(await work.types(accountId)).toEqual(before);
    ahead = 2 * HOUR_MS;
    await until(async () => (await expiredHolds(accountId)) === 1);
    await work.projected();
  });

  it('whose clock is behind only looks later', async () => {
    let behind = HOUR_MS;
    const accountId = await work.funded('100.00');
    const expiresAt = soon();
    await hold(accountId, expiresAt);
    await work.projected();
    const bus = interferedBus(work.bus);
    const scheduler = started({ bus, now: () => Date.now() - behind });
    await until(() => Date.now() > Date.parse(expiresAt) && scheduler.state() === 'running');
    expect(bus.sent).toEqual([]);
    behind = 0;
    await until(async () => (await expiredHolds(accountId)) === 1);
  });

  it('tries again what was refused for a while', async () => {
    const accountId = await work.funded('100.00');
    await hold(accountId, soon());
    await order(accountId, soon());
    let refusals = 0;
    const bus = interferedBus(work.bus, ({ command }) => {
      if (command.type !== 'expire-hold' || refusals === 10) return undefined;
      refusals += 1;
      return refusal(refusals % 2 === 0 ? 'store_unavailable' : 'outcome_unknown');
    });
    started({ bus });
    await until(async () => (await expiredOrders(accountId)) === 1);
    await until(async () => (await expiredHolds(accountId)) === 1);
    expect(refusals).toBe(10);
  });

  it('takes over when the other one stops; in between nothing expires, and nothing is forgotten', async () => {
    const first = started();
    await until(() => first.state() === 'running');
    const second = started();
    await until(() => second.state() === 'standby');
    const accountId = await work.funded('100.00');
    await first.stop();
    await hold(accountId, soon());
    await until(async () => (await expiredHolds(accountId)) === 1);
    expect([first.state(), second.state()]).toEqual(['stopped', 'running']);
  });

  it('does no harm where another one works at the same time', async () => {
    const { database } = work.stack;
    const accountId = await work.funded('100.00');
    const expiresAt = soon();
    await Promise.all(Array.from({ length: 100 }, () => hold(accountId, expiresAt, '1.00')));
    const [one, other] = [interferedBus(work.bus), interferedBus(makeInProcessBus(work.stack.another()))];
    const first = started({ bus: one, intervalMs: 1 });
    await until(() => first.state() === 'running');
    // Somebody else has taken the lease over, and the first does not know yet.
    await database.db.withTables<{ leases: LeasesTable }>().updateTable('leases').set({ owner: null, lease_until: null }).execute();
    started({ bus: other, owner: randomUUID(), intervalMs: 1 });
    await until(async () => (await expiredHolds(accountId)) === 100);
    await work.projected();
    expect(await balancesOf(database.db, accountId)).toMatchObject([{ available: '100.00', held: '0.00' }]);
  });
});
