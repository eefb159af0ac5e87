import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import type { Due } from '../../src/projections/due.ts';
import { listDue } from '../../src/projections/due.ts';
import {
  deposited,
  holdCaptured,
  holdEnded,
  holdPlaced,
  newAccountId,
  newEvent,
  newHoldId,
  newOrderId,
  opened,
  orderEnded,
  orderPlaced,
} from '../eventstore/new-events.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';
import { startLedger } from './ledger-under-test.ts';

let ledger: LedgerUnderTest;
beforeAll(async () => {
  ledger = await startLedger();
  ledger.projector().start();
});
afterAll(() => ledger.close());

const NOON = '2026-05-01T12:00:00.000Z';
const later = (seconds: number): string => new Date(Date.parse(NOON) + seconds * 1000).toISOString();

it('is what is open and whose time is over, holds and orders in one order, in slices', async () => {
  const accountId = newAccountId();
  const append = (...events: readonly StoredEvent[]) => ledger.append(accountStream(accountId), ...events.map((event) => newEvent(event)));
  const [captured, released, cancelled] = [newHoldId(), newHoldId(), newOrderId()];
  const due: Due[] = [];
  await append(opened(), deposited('100.00'));
  for (const seconds of [5, 1, 1, 3, 1]) {
    const [hold, order, expiresAt] = [newHoldId(), newOrderId(), later(seconds)];
    await append(holdPlaced(hold, '2.00', { expiresAt }), orderPlaced(order, '3.00', { expiresAt }));
    due.push({ kind: 'hold', accountId, id: hold, expiresAt }, { kind: 'order', accountId, id: order, expiresAt });
  }
  await append(
    holdPlaced(newHoldId(), '1.00'),
    orderPlaced(newOrderId(), '1.00'),
    holdPlaced(captured, '1.00', { expiresAt: NOON }),
    holdPlaced(released, '1.00', { expiresAt: NOON }),
    orderPlaced(cancelled, '1.00', { expiresAt: NOON }),
    holdCaptured(captured, '1.00', '0.00'),
    holdEnded('hold-released', released, '1.00'),
    orderEnded('order-cancelled', cancelled, '1.00'),
  );
  await ledger.caughtUp();
  const key = ({ expiresAt, id }: Due) => `${expiresAt} ${id}`;
  const inOrder = due.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));

  expect(await listDue(ledger.db, { until: later(9), limit: 100 })).toEqual(inOrder);
  expect(await listDue(ledger.db, { until: later(3), limit: 100 })).toEqual(inOrder.filter(({ expiresAt }) => expiresAt <= later(3)));
  expect(await listDue(ledger.db, { until: NOON, limit: 100 })).toEqual([]);
  const slices: (readonly Due[])[] = [];
  for (let after: Due | undefined; slices.at(-1)?.length !== 0; after = slices.at(-1)?.at(-1))
    slices.push(await listDue(ledger.db, { until: later(9), after, limit: 4 }));
  expect(slices.map(({ length }) => length)).toEqual([4, 4, 2, 0]);
  expect(slices.flat()).toEqual(inOrder);

  const [expiring, passing] = [newHoldId(), newOrderId()];
  await append(holdPlaced(expiring, '1.00', { expiresAt: NOON }), orderPlaced(passing, '1.00', { expiresAt: NOON }));
  await ledger.caughtUp();
  expect(await listDue(ledger.db, { until: NOON, limit: 100 })).toHaveLength(2);
  await append(holdEnded('hold-expired', expiring, '1.00'), orderEnded('order-expired', passing, '1.00'));
  await ledger.caughtUp();
  expect(await listDue(ledger.db, { until: NOON, limit: 100 })).toEqual([]);
});
