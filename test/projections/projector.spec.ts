import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountStream, assetStream } from '../../src/domain/events.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import type { NewEvent } from '../../src/eventstore/codec.ts';
import { loadAccounts } from '../../src/projections/accounts.ts';
import { balancesOf, unequalBooks } from '../../src/projections/balances.ts';
import { readCheckpoint } from '../../src/projections/checkpoint.ts';
import { CheckpointMismatch } from '../../src/projections/errors.ts';
import { annulHaltedEvent, NotHaltedThere } from '../../src/projections/halt.ts';
import type { Projector } from '../../src/projections/projector.ts';
import { deposited, newAccountId, newCommandId, newEvent, opened, USD, until, withdrawn } from '../eventstore/new-events.ts';
import { startEventStore } from '../stack/eventstore.ts';
import type { LedgerUnderTest } from './ledger-under-test.ts';
import { startLedger } from './ledger-under-test.ts';

let ledger: LedgerUnderTest;
beforeEach(async () => {
  ledger = await startLedger();
});
afterEach(() => ledger.close());

const started = (options: Parameters<LedgerUnderTest['projector']>[0] = {}): Projector => {
  const projector = ledger.projector(options);
  projector.start();
  return projector;
};
const halted = (projector: Projector) => until(() => projector.status().state === 'halted');

/** Many accounts with money, and one among them at which a batch that holds them all must stop. */
async function fill(bad: readonly NewEvent[]): Promise<{ badStream: string; before: bigint; at: bigint }> {
  let before = -1n;
  for (let n = 0; n < 20; n += 1)
    before = await ledger.append(accountStream(newAccountId()), newEvent(opened()), newEvent(deposited('1.00')));
  const badStream = accountStream(newAccountId());
  const at = await ledger.append(badStream, ...bad);
  for (let n = 0; n < 20; n += 1) await ledger.append(accountStream(newAccountId()), newEvent(opened()), newEvent(deposited('1.00')));
  return { badStream, before, at };
}

describe('an event that was written past the ledger and would overdraw an account', () => {
  it('stops the projector exactly there; everything before is applied, nothing behind; annulled, it goes on', async () => {
    const overdraft = newEvent(withdrawn('10.01'));
    const { badStream, at } = await fill([newEvent(opened()), newEvent(deposited('10.00')), overdraft]);
    await ledger.append(badStream, newEvent(deposited('5.00')));
    const projector = started();
    await halted(projector);
    const { halted: halt, position, eventsApplied } = projector.status();
    expect(halt).toMatchObject({ stream: badStream, revision: 2n, position: at, eventId: overdraft.eventId });
    expect(halt?.reason).toContain('postings_never_negative');
    expect(eventsApplied).toBe(42n);
    expect(position < at).toBe(true);
    await until(async () => (await readCheckpoint(ledger.db)).halt !== undefined);
    expect((await readCheckpoint(ledger.db)).halt).toEqual(halt);
    expect(
      await ledger.db
        .selectFrom('accounts')
        .select(({ fn }) => fn.countAll<bigint>().as('count'))
        .executeTakeFirst(),
    ).toEqual({ count: 21n });

    const asked = { stream: badStream, reason: 'written by hand' };
    await expect(annulHaltedEvent(ledger.db, ledger.store.annulments, { ...asked, revision: 1n })).rejects.toBeInstanceOf(NotHaltedThere);
    expect(await annulHaltedEvent(ledger.db, ledger.store.annulments, { ...asked, revision: 2n })).toEqual(halt);
    await ledger.caughtUp();
    expect(projector.status()).toMatchObject({ state: 'running', eventsApplied: 84n });
    const { subject } = await anyEventOf(badStream);
    if (subject.kind !== 'account') throw new Error('not an account');
    expect((await loadAccounts(ledger.db, [subject.accountId])).get(subject.accountId)).toMatchObject({
      revision: 3n,
      balances: [{ available: '15.00' }],
    });
    expect(await unequalBooks(ledger.db)).toEqual([]);
    expect((await readCheckpoint(ledger.db)).halt).toBeUndefined();
    await expect(annulHaltedEvent(ledger.db, ledger.store.annulments, { ...asked, revision: 2n })).rejects.toBeInstanceOf(NotHaltedThere);
  });

  const anyEventOf = async (stream: string) => {
    for await (const event of ledger.store.streams.read(stream, 0n)) return event;
    throw new Error('no events');
  };

  it('stops a projector that was started again at the same event', async () => {
    const { badStream } = await fill([newEvent(opened()), newEvent(withdrawn('0.01'))]);
    const first = started();
    await halted(first);
    await first.stop();
    const second = started({ batchSize: 7 });
    await halted(second);
    expect(second.status().halted).toMatchObject({ stream: badStream, revision: 1n });
  });
});

describe('the projector halts at', () => {
  const commandId = newCommandId();
  it.each([
    ['an account that was never opened', [newEvent(deposited('1.00'))], 0n, 'never opened'],
    ['an account that is opened twice', [newEvent(opened()), newEvent(opened())], 1n, 'accounts_pkey'],
    [
      'a second outcome of the same command',
      [newEvent(opened(), { commandId }), newEvent(deposited('1.00'), { commandId })],
      1n,
      'command_outcomes_once',
    ],
    [
      'an external id that is used twice',
      [newEvent(opened()), newEvent(deposited('1.00', { externalId: 'x' })), newEvent(deposited('1.00', { externalId: 'x' }))],
      2n,
      'external_ids_pkey',
    ],
  ])('%s', async (_, events, revision, reason) => {
    const { badStream } = await fill(events);
    const projector = started();
    await halted(projector);
    expect(projector.status().halted).toMatchObject({ stream: badStream, revision });
    expect(projector.status().halted?.reason).toContain(reason);
  });

  it('an event that cannot be read, and goes on once it is annulled', async () => {
    const accountId = newAccountId();
    const stream = accountStream(accountId);
    await ledger.append(stream, newEvent(opened()), newEvent(deposited('1.00')));
    const client = EventStoreDBClient.connectionString(ledger.stores.eventStore.url);
    await client.appendToStream(stream, jsonEvent({ type: 'teleported', data: { version: 1 } }));
    await client.dispose();
    const projector = started();
    await halted(projector);
    expect(projector.status().halted).toMatchObject({ stream, revision: 2n, reason: 'unknown event type "teleported"' });
    expect(await balancesOf(ledger.db, accountId)).toMatchObject([{ available: '1.00' }]);
    await until(async () => (await readCheckpoint(ledger.db)).halt !== undefined);
    await annulHaltedEvent(ledger.db, ledger.store.annulments, { stream, revision: 2n, reason: 'nobody teleports' });
    await ledger.caughtUp();
    await until(() => projector.status().state === 'running');
    expect((await loadAccounts(ledger.db, [accountId])).get(accountId)).toMatchObject({ revision: 2n });
  });
});

describe('a projector', () => {
  it('goes on after the last event that was applied', async () => {
    const stream = accountStream(newAccountId());
    await ledger.append(stream, newEvent(opened()));
    const first = started({ batchSize: 1 });
    await ledger.caughtUp();
    await first.stop();
    expect(first.status().state).toBe('stopped');
    await ledger.append(stream, newEvent(deposited('1.00')), newEvent(deposited('2.00')));
    started();
    await ledger.caughtUp();
    expect((await readCheckpoint(ledger.db)).events).toBe(3n);
  });

  it('refuses to go on over a log that has another event at its checkpoint, or none', async () => {
    const stream = accountStream(newAccountId());
    await ledger.append(stream, newEvent(opened()), ...Array.from({ length: 20 }, () => newEvent(deposited('1.00'))));
    const first = started();
    await ledger.caughtUp();
    await first.stop();
    await using restored = await startEventStore();
    const otherStore = connectEventStore(restored.url);
    const projector = started({ store: otherStore });
    await until(() => projector.status().state === 'refused');
    expect(projector.status().refusal).toBeInstanceOf(CheckpointMismatch);
    const events = [newEvent(opened()), ...Array.from({ length: 40 }, () => newEvent(deposited('1.00')))];
    await otherStore.streams.append(accountStream(newAccountId()), events, { expecting: -1n });
    await ledger.db
      .updateTable('checkpoint')
      .set({ position: (await otherStore.streams.head())?.position ?? 0n })
      .execute();
    await until(() => projector.status().refusal?.message.includes(events.at(-1)?.eventId ?? '-') === true);
    expect((await readCheckpoint(ledger.db)).events).toBe(21n);
    await projector.stop();
    await otherStore.close();
  });

  it('stands by while another works, and takes over when that one stops', async () => {
    const first = started();
    await until(() => first.status().state === 'running');
    const second = started({ leaseMs: 300 });
    const stream = accountStream(newAccountId());
    await ledger.append(stream, newEvent(opened()));
    await ledger.caughtUp();
    expect(second.status().state).toBe('standby');
    await first.stop();
    await ledger.append(stream, newEvent(deposited('1.00')));
    await ledger.caughtUp();
    expect(second.status()).toMatchObject({ state: 'running', eventsApplied: 2n });
  });

  it('lets go when its lease is somebody else’s, and takes it anew when it is free', async () => {
    const projector = started({ leaseMs: 100 });
    await until(() => projector.status().state === 'running');
    // What the swap of rebuilt tables does, and what a projector that was paused for too long finds.
    await ledger.db
      .updateTable('checkpoint')
      .set({ owner: 'somebody else', lease_until: sql`clock_timestamp() + interval '1 minute'` })
      .execute();
    await ledger.append(accountStream(newAccountId()), newEvent(opened()));
    await until(() => projector.status().state === 'standby');
    expect((await readCheckpoint(ledger.db)).events).toBe(0n);
    await ledger.db.updateTable('checkpoint').set({ owner: null, lease_until: null }).execute();
    await ledger.caughtUp();
    expect(projector.status().state).toBe('running');
  });

  it('does no harm when two believe that they work: each event is applied once', async () => {
    const projectors = [
      started({ leaseMs: 5, batchSize: 3 }),
      started({ leaseMs: 5, batchSize: 2 }),
      started({ leaseMs: 5, batchSize: 4 }),
    ];
    const stream = accountStream(newAccountId());
    await ledger.append(stream, newEvent(opened()));
    for (let n = 0; n < 60; n += 1) await ledger.append(stream, newEvent(deposited('1.00')));
    await ledger.caughtUp();
    expect((await readCheckpoint(ledger.db)).events).toBe(61n);
    expect(projectors.map((projector) => projector.status().halted)).toEqual([undefined, undefined, undefined]);
  });
});

describe('tables that went back behind what was applied', () => {
  it('are filled again from where they stand, without a new event', async () => {
    const projector = started({ leaseMs: 300 });
    const accountId = newAccountId();
    await ledger.append(accountStream(accountId), newEvent(opened()), newEvent(deposited('1.00')));
    await ledger.caughtUp();
    // As after the promotion of a replica that had nothing yet; the lease is the same projector's still.
    await sql`TRUNCATE accounts, balances, system_balances, postings, command_outcomes, statistics`.execute(ledger.db);
    await sql`UPDATE checkpoint SET position = NULL, event_id = NULL, events = 0, recorded_at = NULL`.execute(ledger.db);
    await ledger.caughtUp();
    expect(await balancesOf(ledger.db, accountId)).toMatchObject([{ available: '1.00' }]);
    expect(projector.status()).toMatchObject({ state: 'running', eventsApplied: 2n });
  });
});

describe('an amount that was written past the ledger at another scale than its asset has', () => {
  it('stops the projector, so that it can be annulled before any command is decided on it', async () => {
    await ledger.append(
      assetStream(USD),
      newEvent({ type: 'asset-registered', version: 1, code: USD, name: 'US dollar', kind: 'fiat', scale: 2, active: true }),
    );
    const stream = accountStream(newAccountId());
    await ledger.append(stream, newEvent(opened()), newEvent(deposited('1.000')));
    const projector = started();
    await halted(projector);
    expect(projector.status().halted).toMatchObject({ stream, revision: 1n, reason: expect.stringContaining('USD has 2 decimals') });
  });
});
