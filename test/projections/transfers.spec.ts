import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/domain/events.ts';
import { accountStream } from '../../src/domain/events.ts';
import { TransferIdSchema } from '../../src/domain/ids.ts';
import type { NewEvent } from '../../src/eventstore/codec.ts';
import { loadAccounts } from '../../src/projections/accounts.ts';
import { systemBalances, unequalBooks } from '../../src/projections/balances.ts';
import { findFacts } from '../../src/projections/facts.ts';
import { listEntries } from '../../src/projections/postings.ts';
import type { Projector } from '../../src/projections/projector.ts';
import { countsByStatus, eventCount, loadStatistics } from '../../src/projections/statistics.ts';
import { findTransfer, listTransfers } from '../../src/projections/transfers.ts';
import { deposited, newAccountId, newEvent, opened, USD } from '../eventstore/new-events.ts';
import { annulWhereItHalts } from './annul-halted.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';
import { startLedger } from './ledger-under-test.ts';
import type { TransferEvents } from './transfer-events.ts';
import { transferBetween } from './transfer-events.ts';

let ledger: LedgerUnderTest;
let projector: Projector;
beforeAll(async () => {
  ledger = await startLedger();
  projector = ledger.projector();
  projector.start();
});
afterAll(() => ledger.close());

/** An account with 100.00 USD. */
async function funded(ownerId?: string) {
  const accountId = newAccountId();
  const stream = accountStream(accountId);
  await ledger.append(stream, newEvent(opened(ownerId === undefined ? {} : { ownerId })), newEvent(deposited('100.00')));
  return { accountId, append: (...events: readonly NewEvent[]) => ledger.append(stream, ...events) };
}
const pair = async () => [await funded('alice'), await funded('bob')] as const;

/** What the rows say is under way, which is what @transit must be while nothing is received and not completed. */
async function underWay(): Promise<string | undefined> {
  const { rows } = await sql<{ sum: string }>`SELECT coalesce(sum(amount), 0) + 0.00 AS sum FROM transfers WHERE state = 'pending'`.execute(
    ledger.db,
  );
  return rows[0]?.sum;
}
async function inTransit(): Promise<string | undefined> {
  const balances = await systemBalances(ledger.db);
  return balances.find(({ account, asset }) => account === '@transit' && asset === USD)?.balance;
}

describe('a transfer', () => {
  it('is pending from its sending to its end, and explains what is in @transit', async () => {
    const [sender, recipient] = await pair();
    const said = { reference: 'rent', externalId: `rent-${randomUUID()}`, metadata: { month: 'May' } };
    const transfer = transferBetween(sender.accountId, recipient.accountId, '10.00', said);
    const sentPosition = await sender.append(transfer.sent);
    await ledger.caughtUp();
    const { transferId } = transfer;
    const pending = await findTransfer(ledger.db, transferId);
    expect(pending).toEqual({
      transferId,
      from: sender.accountId,
      to: recipient.accountId,
      fromOwner: 'alice',
      toOwner: 'bob',
      asset: 'USD',
      amount: '10.00',
      state: 'pending',
      ...said,
      sentAt: '2026-01-31T12:00:00.000Z',
      sentPosition,
    });
    const states = await loadAccounts(ledger.db, [sender.accountId, recipient.accountId]);
    expect(states.get(sender.accountId)).toMatchObject({
      balances: [{ available: '90.00' }],
      transfers: [{ transferId, to: recipient.accountId, asset: 'USD', amount: '10.00' }],
      spending: [{ amount: '10.00' }],
    });
    expect(states.get(recipient.accountId)?.transfers).toEqual([]);
    expect(await inTransit()).toBe(await underWay());

    await recipient.append(transfer.received());
    await ledger.caughtUp();
    expect(await findTransfer(ledger.db, transferId)).toEqual(pending);
    await sender.append(transfer.completed());
    await ledger.caughtUp();
    expect(await findTransfer(ledger.db, transferId)).toEqual({ ...pending, state: 'completed', endedAt: '2026-01-31T12:00:00.000Z' });
    expect((await loadAccounts(ledger.db, [sender.accountId])).get(sender.accountId)?.transfers).toEqual([]);
    expect(await inTransit()).toBe(await underWay());
    expect(await findTransfer(ledger.db, TransferIdSchema.parse(randomUUID()))).toBeUndefined();

    const of = async ({ accountId }: { readonly accountId: typeof sender.accountId }) =>
      (await listEntries(ledger.db, { accountId }, { limit: 1 })).data[0];
    expect(await of(sender)).toMatchObject({ type: 'transfer-sent', available: '-10.00', ...said });
    expect(await of(recipient)).toMatchObject({ type: 'transfer-received', available: '10.00', reference: 'rent' });
    expect(await of(recipient)).not.toHaveProperty('externalId');
  });

  it('that is refused comes back with the reason', async () => {
    const [sender, recipient] = await pair();
    const transfer = transferBetween(sender.accountId, recipient.accountId, '10.00');
    await sender.append(transfer.sent);
    await recipient.append(transfer.refused('recipient_closed'));
    await ledger.caughtUp();
    expect(await findTransfer(ledger.db, transfer.transferId)).toMatchObject({ state: 'pending' });
    await sender.append(transfer.returned('recipient_closed'));
    await ledger.caughtUp();
    expect(await findTransfer(ledger.db, transfer.transferId)).toMatchObject({ state: 'returned', reason: 'recipient_closed' });
    expect((await loadAccounts(ledger.db, [sender.accountId])).get(sender.accountId)).toMatchObject({
      balances: [{ available: '100.00' }],
      transfers: [],
    });
    expect(await inTransit()).toBe(await underWay());
    expect(await unequalBooks(ledger.db)).toEqual([]);
  });

  it('may begin and end in one batch', async () => {
    const [sender, recipient] = await pair();
    await projector.stop();
    const transfers = Array.from({ length: 20 }, () => transferBetween(sender.accountId, recipient.accountId, '1.00'));
    await sender.append(...transfers.map(({ sent }) => sent));
    await recipient.append(...transfers.slice(0, 15).map(({ received }) => received()));
    await sender.append(...transfers.slice(0, 10).map(({ completed }) => completed()));
    projector = ledger.projector();
    projector.start();
    await ledger.caughtUp();
    const { data } = await listTransfers(ledger.db, { accountId: sender.accountId }, { limit: 50 });
    expect(data.map(({ state }) => state)).toEqual([...Array(10).fill('pending'), ...Array(10).fill('completed')]);
    expect(await inTransit()).not.toBe(await underWay()); // five have arrived and are not completed yet
    await sender.append(...transfers.slice(10, 15).map(({ completed }) => completed()));
    await ledger.caughtUp();
    expect(await inTransit()).toBe(await underWay());
  });
});

describe('the transfers of an account', () => {
  it('are listed newest first, sent and received alike, in pages', async () => {
    const [one, other] = await pair();
    const all: TransferEvents[] = [];
    for (let n = 0; n < 7; n += 1) {
      const [from, to] = n % 3 === 0 ? [other, one] : [one, other];
      const transfer = transferBetween(from.accountId, to.accountId, '1.00');
      await from.append(transfer.sent);
      all.unshift(transfer);
    }
    await ledger.caughtUp();
    const ids = all.map(({ transferId }) => transferId);
    for (const { accountId } of [one, other]) {
      const page = (cursor?: string) => listTransfers(ledger.db, { accountId }, { limit: 3, cursor });
      const first = await page();
      const second = await page(first.next);
      const third = await page(second.next);
      expect([...first.data, ...second.data, ...third.data].map(({ transferId }) => transferId)).toEqual(ids);
      expect([first.hasMore, second.hasMore, third.hasMore]).toEqual([true, true, false]);
      expect((await page(third.previous)).data).toEqual(second.data);
    }
    expect((await listTransfers(ledger.db, { accountId: newAccountId() }, { limit: 3 })).data).toEqual([]);
  });
});

describe('a reversal', () => {
  const reversalOf = async (accountId: Awaited<ReturnType<typeof funded>>['accountId'], eventId: string) => {
    await ledger.caughtUp();
    const found = await findFacts(ledger.db, [{ accountId, commandIds: [], keys: [{ kind: 'reversal', eventId }] }]);
    return [...(found.get(accountId)?.facts.values() ?? [])].map((fact) => fact.kind === 'reversal' && fact.isReversed);
  };

  it('is remembered, and forgotten when the money it sent back is returned', async () => {
    const [sender, recipient] = await pair();
    const transfer = transferBetween(sender.accountId, recipient.accountId, '10.00');
    const received = transfer.received();
    await sender.append(transfer.sent);
    await recipient.append(received);
    await sender.append(transfer.completed());
    expect(await reversalOf(recipient.accountId, received.eventId)).toEqual([]);
    const back = transferBetween(recipient.accountId, sender.accountId, '10.00', { reverses: received.eventId, reason: 'a mistake' });
    await recipient.append(back.sent);
    expect(await reversalOf(recipient.accountId, received.eventId)).toEqual([true]);
    expect(await reversalOf(sender.accountId, received.eventId)).toEqual([]);
    expect(await findTransfer(ledger.db, back.transferId)).toMatchObject({ reverses: received.eventId, state: 'pending' });
    expect((await loadAccounts(ledger.db, [recipient.accountId])).get(recipient.accountId)?.transfers).toEqual([
      { transferId: back.transferId, to: sender.accountId, asset: 'USD', amount: '10.00', reverses: received.eventId },
    ]);
    await sender.append(back.refused());
    await recipient.append(back.returned());
    expect(await reversalOf(recipient.accountId, received.eventId)).toEqual([false]);
    const again = transferBetween(recipient.accountId, sender.accountId, '10.00', { reverses: received.eventId, reason: 'a mistake' });
    await recipient.append(again.sent);
    expect(await reversalOf(recipient.accountId, received.eventId)).toEqual([true]);
  });
});

const entryReversed = (reverses: string): StoredEvent => ({
  type: 'entry-reversed',
  version: 1,
  balances: [],
  asset: USD,
  amount: '-1.00',
  reverses,
  reversedType: 'deposited',
  reason: 'a mistake',
});

describe('the projector halts where the log contradicts itself:', () => {
  type Party = Awaited<ReturnType<typeof funded>>;
  type Misfit = (sender: Party, recipient: Party, transfer: TransferEvents) => Promise<unknown>;
  const received = async (sender: Party, recipient: Party, transfer: TransferEvents): Promise<void> => {
    await sender.append(transfer.sent);
    await recipient.append(transfer.received());
  };
  const misfits: readonly (readonly [string, Misfit, string])[] = [
    ['received, but never sent', (_, recipient, transfer) => recipient.append(transfer.received()), 'was never sent'],
    [
      'sent twice',
      async (sender, _, transfer) => {
        await sender.append(transfer.sent);
        await sender.append(newEvent(transfer.sent.event));
      },
      'transfer-sent cannot happen to what is pending',
    ],
    [
      'received by another account',
      async (sender, _, transfer) => {
        await sender.append(transfer.sent);
        await (await funded()).append(transfer.received());
      },
      'is one of 10.00 USD from',
    ],
    [
      'received with another amount',
      async (sender, recipient, transfer) => {
        await sender.append(transfer.sent);
        const { transferId } = transfer;
        await recipient.append(transferBetween(sender.accountId, recipient.accountId, '10.01', { transferId }).received());
      },
      'is one of 10.00 USD from',
    ],
    [
      'received twice',
      async (sender, recipient, transfer) => {
        await received(sender, recipient, transfer);
        await recipient.append(transfer.received());
      },
      'is received already',
    ],
    [
      'refused after it was received',
      async (sender, recipient, transfer) => {
        await received(sender, recipient, transfer);
        await recipient.append(transfer.refused());
      },
      'is received already',
    ],
    [
      'received after it was returned',
      async (sender, recipient, transfer) => {
        await sender.append(transfer.sent, transfer.returned());
        await ledger.caughtUp();
        await recipient.append(transfer.received());
      },
      'is returned already',
    ],
    [
      'returned after it was received',
      async (sender, recipient, transfer) => {
        await received(sender, recipient, transfer);
        await sender.append(transfer.returned());
      },
      'was received',
    ],
    ['completed, but never received', (sender, _, transfer) => sender.append(transfer.sent, transfer.completed()), 'was not received'],
    [
      'ended twice',
      async (sender, recipient, transfer) => {
        await received(sender, recipient, transfer);
        await sender.append(transfer.completed());
        await sender.append(transfer.completed());
      },
      'transfer-completed cannot happen to what is completed',
    ],
    [
      'an entry that is reversed twice',
      async (sender) => {
        const eventId = randomUUID();
        await sender.append(newEvent(entryReversed(eventId)), newEvent(entryReversed(eventId)));
      },
      'is reversed already',
    ],
    [
      'an entry that is reversed in another account',
      async (sender, recipient) => {
        const eventId = randomUUID();
        await sender.append(newEvent(entryReversed(eventId)));
        await recipient.append(newEvent(entryReversed(eventId)));
      },
      'is one of account',
    ],
    [
      'a reversal that is taken back and was not made',
      async (sender, _, transfer) => {
        const { event } = transfer.returned();
        if (event.type !== 'transfer-returned') throw new Error('no return');
        await sender.append(transfer.sent, newEvent({ ...event, reverses: randomUUID() }));
      },
      'is not reversed',
    ],
  ];

  it.each(misfits)('%s', async (_, write, reason) => {
    const [sender, recipient] = await pair();
    await write(sender, recipient, transferBetween(sender.accountId, recipient.accountId, '10.00'));
    expect((await annulWhereItHalts(ledger)).reason).toContain(reason);
    expect(await unequalBooks(ledger.db)).toEqual([]);
  });
});

describe('statistics', () => {
  it('know how many transfers are in each state, as if they were counted', async () => {
    const [sender, recipient] = await pair();
    const [pending, returned, completed] = [1, 2, 3].map(() => transferBetween(sender.accountId, recipient.accountId, '1.00'));
    if (!pending || !returned || !completed) throw new Error('no transfers');
    await sender.append(pending.sent, returned.sent, completed.sent);
    await recipient.append(returned.refused(), completed.received());
    await sender.append(returned.returned(), completed.completed());
    await ledger.caughtUp();
    const { transfers, orders, holds } = await countsByStatus(ledger.db);
    const { rows } = await sql<{ state: string; count: bigint }>`SELECT state, count(*) AS count FROM transfers GROUP BY state`.execute(
      ledger.db,
    );
    expect(transfers).toEqual(Object.fromEntries(rows.map(({ state, count }) => [state, count])));
    expect({ orders, holds }).toEqual({
      orders: { pending: 0n, executed: 0n, cancelled: 0n, expired: 0n },
      holds: { open: 0n, captured: 0n, released: 0n, expired: 0n },
    });
  });

  it('count every event once, and no annulled one', async () => {
    const statistics = await loadStatistics(ledger.db);
    expect(await eventCount(ledger.db)).toBe(statistics.reduce((sum, { events }) => sum + events, 0n));
    expect(statistics.find(({ eventType }) => eventType === 'transfer-refused')).toMatchObject({ detail: '', volume: '0' });
    const { rows } = await sql<{ sent: string }>`SELECT sum(amount) AS sent FROM transfers`.execute(ledger.db);
    expect(statistics.find(({ eventType }) => eventType === 'transfer-sent')).toMatchObject({ detail: 'USD', volume: rows[0]?.sent });
  });
});
