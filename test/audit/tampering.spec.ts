// Whoever has the disk, or the database, changes something: each time it is found, and said where. The marks are what an operator reads.
import { generateKeyPairSync, sign as signWith } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/audit/chain-checkpoint.ts';
import { signCheckpoint } from '../../src/audit/chain-checkpoint.ts';
import type { Finding } from '../../src/audit/findings.ts';
import type { AuditedLedger } from './audited-ledger.ts';
import { startAuditedLedger } from './audited-ledger.ts';
import type { ForgedLog, KeptEvent } from './forged-log.ts';

const at = ({ stream, revision, position }: KeptEvent) => ({ stream, revision: BigInt(revision), position: BigInt(position) });
const kinds = (findings: readonly Finding[]): readonly string[] => [...new Set(findings.map(({ kind }) => kind))].sort();

/** The last of the events that are so. */
function last(events: readonly KeptEvent[], is: (event: KeptEvent) => boolean): KeptEvent {
  const found = events.findLast(is);
  if (found === undefined) throw new Error('the log has no such event');
  return found;
}

describe('in the file of the event store', () => {
  let ledger: AuditedLedger;
  let signed: Checkpoint;
  beforeEach(async () => {
    ledger = await startAuditedLedger(250);
    await ledger.sign();
    await ledger.write(150);
    signed = await ledger.sign();
    expect((await ledger.verify()).findings).toEqual([]);
    return () => ledger.close();
  });

  /** Where the signed event itself moves, its checkpoint counts other events. */
  const isUnderTheSignature = ({ position }: KeptEvent): boolean => BigInt(position) < BigInt(signed.position);

  /** Changes the log; then looks, and looks again after the projections were made anew from what is there now. */
  async function forged(change: (log: ForgedLog) => void) {
    await ledger.forge(change);
    const before = await ledger.verify();
    await ledger.rebuild();
    const after = await ledger.verify();
    const chain = await ledger.verifyChain();
    expect(chain.findings.length).toBeGreaterThan(0);
    expect(chain.proven).toBeLessThan(chain.events);
    return { before: before.findings, after: after.findings, chain: chain.findings };
  }

  it('an amount that is changed', async () => {
    let changed: KeptEvent | undefined;
    const { before, after, chain } = await forged(({ events, write }) => {
      changed = last(events, ({ type, data }) => type === 'deposited' && data['asset'] === 'USD');
      write({ ...changed, data: { ...changed.data, amount: '999999.00' } });
    });
    if (changed === undefined) throw new Error('nothing was changed');
    for (const findings of [before, after])
      expect(findings).toContainEqual(expect.objectContaining({ kind: 'balances_said', ...at(changed) }));
    expect(before).toContainEqual(expect.objectContaining({ kind: 'postings_row_differs', ...at(changed) }));
    expect(kinds(after)).toEqual(expect.arrayContaining(['balances_said', 'chain_broken']));
    expect(chain).toMatchObject([{ kind: 'chain_broken', eventId: signed.eventId, position: BigInt(signed.position) }]);
  });

  it('an event that is dropped', async () => {
    let next: KeptEvent | undefined;
    let dropped: KeptEvent | undefined;
    const { before, after, chain } = await forged(({ events, remove }) => {
      const one = last(
        events,
        ({ type, stream, revision }) =>
          type === 'deposited' && events.some((other) => other.stream === stream && other.revision === revision + 1),
      );
      next = events.find(({ stream, revision }) => stream === one.stream && revision === one.revision + 1);
      dropped = one;
      remove(one);
    });
    if (next === undefined || dropped === undefined) throw new Error('nothing was dropped');
    for (const findings of [before, after]) expect(findings).toContainEqual(expect.objectContaining({ kind: 'gap', ...at(next) }));
    expect(before).toContainEqual(expect.objectContaining({ kind: 'postings_row_extra', position: BigInt(dropped.position) }));
    expect(chain[0]?.detail).toContain('events were taken out');
  });

  it('the newest event, dropped', async () => {
    const { before, chain } = await forged(({ events, remove }) => remove(last(events, () => true)));
    expect(kinds(before)).toEqual(expect.arrayContaining(['checkpoint_mismatch', 'signed_event_missing']));
    expect(chain).toMatchObject([{ kind: 'signed_event_missing', detail: expect.stringContaining(signed.eventId) }]);
  });

  it('two events of an account that change places', async () => {
    let places: readonly object[] = [];
    const { before, after, chain } = await forged(({ events, write }) => {
      const pair = (one: KeptEvent): KeptEvent | undefined =>
        events
          .filter(isUnderTheSignature)
          .find((next) => next.stream === one.stream && next.revision === one.revision + 1 && next.type !== one.type);
      const one = last(events, (event) => event.type === 'deposited' && pair(event) !== undefined);
      const other = pair(one) ?? one;
      write({ ...other, position: one.position, revision: one.revision });
      write({ ...one, position: other.position, revision: other.revision });
      places = [at(one), at(other)];
    });
    for (const findings of [before, after])
      expect(
        places.some((place) =>
          findings.some((finding) => Object.entries(place).every(([name, value]) => Reflect.get(finding, name) === value)),
        ),
      ).toBe(true);
    expect(kinds(after)).toEqual(expect.arrayContaining(['chain_broken', 'time_went_back']));
    expect(chain[0]?.detail).toContain('events changed places');
  });

  it('two events of different accounts that change places in the log, each in its own stream as before', async () => {
    const { before, after, chain } = await forged(({ events, write }) => {
      const one = last(events, (event) => event.type === 'deposited' && isUnderTheSignature(event));
      const other = last(events, ({ type, stream, position }) => type === 'deposited' && stream !== one.stream && position < one.position);
      write({ ...one, position: other.position });
      write({ ...other, position: one.position });
    });
    expect(kinds(before)).toEqual(expect.arrayContaining(['postings_row_extra', 'postings_row_missing', 'command_outcomes_row_differs']));
    expect(kinds(after)).toContain('chain_broken');
    expect(chain[0]?.detail).toContain('events changed places');
  });

  it('a field of metadata that nothing else has a copy of', async () => {
    const { before, after, chain } = await forged(({ events, write }) => {
      const one = last(events, ({ type }) => type === 'withdrawn');
      write({ ...one, metadata: { ...one.metadata, actor: 'somebody else' } });
    });
    for (const findings of [before, after, chain]) {
      expect(kinds(findings)).toEqual(['chain_broken']);
      expect(findings[0]?.detail).toMatch(/From account-.* up to here the log is not as it was signed/);
    }
  });

  it('bytes that are changed without the checksum: the server itself does not hand the event out', async () => {
    await ledger.stores.eventStore.stop();
    const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(`${ledger.stores.eventStore.dataDir}/eventstore/events.sqlite`);
    db.exec(
      `UPDATE events SET record = CAST(replace(CAST(record AS TEXT), 'USD', 'USE') AS BLOB) WHERE position = (SELECT max(position) FROM events WHERE type = 'deposited')`,
    );
    db.close();
    await ledger.stores.eventStore.restart();
    await expect(ledger.verify()).rejects.toMatchObject({ name: 'StoreUnavailable', message: expect.stringContaining('damaged') });
  });
});

describe('in Postgres', () => {
  let ledger: AuditedLedger;
  beforeAll(async () => {
    ledger = await startAuditedLedger(300);
    for (const events of [30, 31, 32]) {
      await ledger.sign();
      await ledger.write(events);
    }
    await ledger.sign();
  });
  afterAll(() => ledger.close());

  /** What verify finds while the change stands; it is taken back after. */
  async function found(change: string, undo: string) {
    await sql.raw(change).execute(ledger.database.db);
    try {
      return (await ledger.verify()).findings;
    } finally {
      await sql.raw(undo).execute(ledger.database.db);
    }
  }
  const anAccount = async () => {
    const { rows } = await sql<{ account_id: string; available: string }>`
      SELECT account_id, available FROM balances WHERE asset = 'USD' AND available > 1 ORDER BY account_id LIMIT 1`.execute(
      ledger.database.db,
    );
    const [row] = rows;
    if (row === undefined) throw new Error('nobody has any dollars');
    return row;
  };

  it('a balance that is changed', async () => {
    const { account_id, available } = await anAccount();
    const where = `WHERE account_id = '${account_id}' AND asset = 'USD'`;
    const findings = await found(
      `UPDATE balances SET available = available + 1.00 ${where}`,
      `UPDATE balances SET available = ${available} ${where}`,
    );
    expect(findings).toMatchObject([
      {
        kind: 'balances_row_differs',
        detail: expect.stringContaining(account_id),
        expected: expect.stringContaining(`${available} available`),
      },
    ]);
  });

  it('a line of the journal that is deleted', async () => {
    const { rows } = await sql<{ position: bigint; event_id: string }>`
      SELECT position, event_id FROM postings WHERE account_id IS NOT NULL ORDER BY position DESC LIMIT 1`.execute(ledger.database.db);
    const [row] = rows;
    const findings = await found(
      `CREATE TABLE kept AS SELECT * FROM postings WHERE position = ${row?.position} AND account_id IS NOT NULL; DELETE FROM postings WHERE position = ${row?.position} AND account_id IS NOT NULL`,
      'INSERT INTO postings SELECT * FROM kept; DROP TABLE kept',
    );
    expect(findings.length).toBeGreaterThan(0);
    for (const finding of findings)
      expect(finding).toMatchObject({ kind: 'postings_row_missing', position: row?.position, eventId: row?.event_id });
  });

  it('an outcome that answers otherwise, a hold, an order, a transfer, a statistic', async () => {
    const changes: readonly (readonly [kind: string, change: string, undo: string])[] = [
      [
        'command_outcomes_row_differs',
        `UPDATE command_outcomes SET command_hash = repeat('0', 64) WHERE command_id = (SELECT min(command_id::text)::uuid FROM command_outcomes)`,
        '',
      ],
      [
        'holds_row_differs',
        `UPDATE holds SET position = position + 1 WHERE hold_id = (SELECT min(hold_id::text)::uuid FROM holds)`,
        `UPDATE holds SET position = position - 1 WHERE hold_id = (SELECT min(hold_id::text)::uuid FROM holds)`,
      ],
      [
        'orders_row_differs',
        `UPDATE orders SET filled_out = filled_out + 1 WHERE order_id = (SELECT min(order_id::text)::uuid FROM orders)`,
        `UPDATE orders SET filled_out = filled_out - 1 WHERE order_id = (SELECT min(order_id::text)::uuid FROM orders)`,
      ],
      [
        'transfers_row_differs',
        `UPDATE transfers SET amount = amount + 1 WHERE transfer_id = (SELECT min(transfer_id::text)::uuid FROM transfers)`,
        `UPDATE transfers SET amount = amount - 1 WHERE transfer_id = (SELECT min(transfer_id::text)::uuid FROM transfers)`,
      ],
      [
        'statistics_row_differs',
        `UPDATE statistics SET events = events + 1 WHERE event_type = 'deposited' AND detail = 'USD'`,
        `UPDATE statistics SET events = events - 1 WHERE event_type = 'deposited' AND detail = 'USD'`,
      ],
    ];
    const { rows } = await sql<{ command_hash: string }>`SELECT command_hash FROM command_outcomes ORDER BY command_id LIMIT 1`.execute(
      ledger.database.db,
    );
    for (const [kind, change, undo] of changes) {
      const back = undo === '' ? change.replace(`repeat('0', 64)`, `'${rows[0]?.command_hash}'`) : undo;
      expect(kinds(await found(change, back))).toEqual([kind]);
    }
    expect((await ledger.verify()).findings).toEqual([]);
  });

  describe('checkpoints', () => {
    const whileOpen = (change: string): string =>
      `ALTER TABLE chain_checkpoints DISABLE TRIGGER ALL; ${change}; ALTER TABLE chain_checkpoints ENABLE TRIGGER ALL`;
    const checkpoint = async (number: number): Promise<Checkpoint> => {
      const { rows } = await sql<{ checkpoint: Checkpoint }>`SELECT checkpoint FROM chain_checkpoints WHERE number = ${number}`.execute(
        ledger.database.db,
      );
      const [row] = rows;
      if (row === undefined) throw new Error(`there is no checkpoint ${number}`);
      return row.checkpoint;
    };
    const setTo = (number: number, value: object): string =>
      whileOpen(`UPDATE chain_checkpoints SET checkpoint = '${JSON.stringify(value)}' WHERE number = ${number}`);

    it('can neither be changed nor deleted, unless somebody takes the lock off', async () => {
      for (const change of [
        'UPDATE chain_checkpoints SET number = 9',
        'DELETE FROM chain_checkpoints',
        'TRUNCATE chain_checkpoints',
        'DELETE FROM chain_keys',
      ])
        await expect(sql.raw(change).execute(ledger.database.db)).rejects.toThrow('only ever added');
    });

    it('one whose hash is another', async () => {
      const real = await checkpoint(2);
      const findings = await found(setTo(2, { ...real, hash: '0'.repeat(64) }), setTo(2, real));
      expect(findings).toMatchObject([
        { kind: 'checkpoint_forged', detail: 'Checkpoint 2: its signature is not of what it says.' },
        { kind: 'checkpoint_missing', detail: expect.stringContaining('Checkpoint 3') },
      ]);
    });

    it('one that is signed with another key, and the next one with it', async () => {
      const [two, three] = [await checkpoint(2), await checkpoint(3)];
      const { privateKey } = generateKeyPairSync('ed25519');
      const { signature: _, format: _format, ...statement } = two;
      const forgery = signCheckpoint(
        { kid: two.kid, sign: (text) => signWith(null, Buffer.from(text), privateKey).toString('base64url') },
        statement,
      );
      expect(kinds(await found(setTo(2, forgery), setTo(2, two)))).toContain('checkpoint_forged');
      const other = signCheckpoint(
        { kid: 'mine', sign: (text) => signWith(null, Buffer.from(text), privateKey).toString('base64url') },
        statement,
      );
      const findings = await found(setTo(2, other), setTo(2, two));
      expect(findings[0]).toMatchObject({
        kind: 'checkpoint_forged',
        detail: expect.stringContaining('the key mine, which is not one of the ledger'),
      });
      expect(await checkpoint(3)).toEqual(three);
    });

    it('one that is taken out of the middle', async () => {
      const real = await checkpoint(2);
      const findings = await found(
        whileOpen('DELETE FROM chain_checkpoints WHERE number = 2'),
        `INSERT INTO chain_checkpoints VALUES (2, '${JSON.stringify(real)}')`,
      );
      expect(findings).toMatchObject([{ kind: 'checkpoint_missing', detail: expect.stringContaining('one was taken out') }]);
      expect((await ledger.verify()).findings).toEqual([]);
    });
  });
});
