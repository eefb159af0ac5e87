import { createHash, generateKeyPairSync, sign as signWith } from 'node:crypto';
import canonicalize from 'canonicalize';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainedRecord } from '../../src/audit/chain.ts';
import { EMPTY_CHAIN, nextHash } from '../../src/audit/chain.ts';
import { makeChainCheck } from '../../src/audit/chain-check.ts';
import type { Checkpoint, CheckpointSigner } from '../../src/audit/chain-checkpoint.ts';
import { chainAt, keysFrom, signCheckpoint } from '../../src/audit/chain-checkpoint.ts';
import {
  ChainBroken,
  ledgerSeries,
  openLedgerChainCheck,
  signAfterRestore,
  signLedgerChain,
  verifyLedgerChain,
} from '../../src/audit/chain-ledger.ts';
import { readSeries } from '../../src/audit/chain-series.ts';
import { makeChainSigner } from '../../src/audit/chain-signer.ts';
import { readLog } from '../../src/audit/read-log.ts';
import { listChainCheckpoints } from '../../src/identity/chain-checkpoints.ts';
import { addChainKey, chainPublicKeys, chainSigningKey } from '../../src/identity/chain-keys.ts';
import { CheckpointMismatch } from '../../src/projections/errors.ts';
import { until } from '../eventstore/new-events.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import type { AuditedLedger } from './audited-ledger.ts';
import { startAuditedLedger } from './audited-ledger.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const record = (data: unknown, metadata?: unknown): ChainedRecord => ({
  stream: 'account-x',
  revision: 7n,
  eventId: 'e',
  type: 't',
  data,
  metadata,
});

describe('a link of the chain', () => {
  it('is the SHA-256 of the hash before it and of the event as canonical JSON', () => {
    expect(EMPTY_CHAIN).toEqual({ events: 0n, hash: sha256('ledgerfold-chain/1') });
    const event = { stream: 'account-x', revision: '7', id: 'e', type: 't', data: { b: '1', a: [2] }, metadata: { key: 'k' } };
    expect(nextHash(EMPTY_CHAIN.hash, record(event.data, event.metadata))).toBe(sha256(EMPTY_CHAIN.hash + canonicalize(event)));
  });

  it('is another one for bytes, for a text and for nothing', () => {
    const hashes = [new Uint8Array([1, 2]), 'AQI=', {}, null, '{}'].map((data) => nextHash(EMPTY_CHAIN.hash, record(data)));
    expect(new Set([...hashes, nextHash(EMPTY_CHAIN.hash, record({}, {}))]).size).toBe(6);
  });
});

describe('a key file', () => {
  it('may be a key or a set of keys, and a key has the name that it makes itself', async () => {
    // The example of RFC 8037, appendix A.3.
    const key = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kid: 'whatever' };
    for (const file of [key, { keys: [key] }]) expect([...keysFrom(file).keys()]).toEqual(['kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k']);
    for (const file of [{}, { keys: [] }, { ...key, crv: 'X25519' }, 'x', null]) expect(() => keysFrom(file)).toThrow('no JWK');
  });
});

describe('over a log', () => {
  let ledger: AuditedLedger;
  let signer: CheckpointSigner;
  beforeAll(async () => {
    ledger = await startAuditedLedger(120);
    signer = await chainSigningKey(ledger.database.db, TEST_KEY_SECRET);
  });
  afterAll(() => ledger.close());
  const parts = () => ({ db: ledger.database.db, store: ledger.store });
  const checkpoints = async () => (await listChainCheckpoints(ledger.database.db)).length;

  it('nothing is proven before anything is signed', async () => {
    const report = await ledger.verifyChain();
    expect(report).toMatchObject({ proven: 0n, provenBy: undefined, checkpoints: 0, findings: [] });
    expect(report.events).toBeGreaterThan(120n);
  });

  it('what is signed is proven, what comes after it is not', async () => {
    const first = await ledger.sign();
    const { events, proven, provenBy } = await ledger.verifyChain();
    expect([proven, provenBy]).toEqual([events, first]);
    await ledger.write(40);
    const later = await ledger.verifyChain();
    expect(later).toMatchObject({ proven, provenBy: first, findings: [] });
    expect(later.events).toBeGreaterThan(proven);
    const second = await ledger.sign();
    expect(await ledger.verifyChain()).toMatchObject({ proven: later.events, provenBy: second, checkpoints: 2 });
  });

  it('annulments are in it, other streams are not', async () => {
    const before = await ledger.verifyChain();
    await ledger.store.streams.clockSkew();
    expect((await ledger.verifyChain()).events).toBe(before.events);
    const place = { stream: 'account-nobody', revision: 0n, position: 0n, eventId: '0b9a4c52-8f0e-4d4e-9c8e-0f0f6d2f1a11' };
    await ledger.store.annulments.append({ ...place, reason: 'to see' });
    expect((await ledger.verifyChain()).events).toBe(before.events + 1n);
  });

  it('of many who sign at a time each gets a checkpoint, one behind the other', async () => {
    const count = await checkpoints();
    const signed = await Promise.all(Array.from({ length: 5 }, () => signLedgerChain({ ...parts(), signer })));
    expect(new Set(signed.map((checkpoint) => checkpoint?.previous)).size).toBe(5);
    expect(await checkpoints()).toBe(count + 5);
    expect(await ledger.verifyChain()).toMatchObject({ findings: [] });
  });

  it('a new key signs on, and what the old one signed stays good; keys that are not trusted prove nothing', async () => {
    const { db } = ledger.database;
    const old = { keys: await chainPublicKeys(db) };
    await addChainKey(db, 'another secret, the first one being lost');
    await expect(chainSigningKey(db, TEST_KEY_SECRET)).rejects.toThrow('ledger chain key --new');
    const next = await chainSigningKey(db, 'another secret, the first one being lost');
    expect(await signLedgerChain({ ...parts(), signer: next })).toMatchObject({ kid: next.kid });
    expect(await ledger.verifyChain()).toMatchObject({ findings: [], provenBy: { kid: next.kid } });
    const { findings, provenBy } = await verifyLedgerChain(parts(), { keys: keysFrom(old) });
    expect(findings).toMatchObject([{ kind: 'checkpoint_forged', detail: expect.stringContaining(next.kid) }]);
    expect(provenBy?.kid).toBe(signer.kid);
  });

  it('is held against a checkpoint that was taken away, too, whatever became of those that are kept', async () => {
    const { db } = ledger.database;
    const own = await ledger.sign();
    const { signature: _, format: _format, ...statement } = own;
    // Signed with the ledger's key, as one who has the machine can: of a history that is not this one.
    const other = signCheckpoint(await chainSigningKey(db, 'another secret, the first one being lost'), {
      ...statement,
      hash: '0'.repeat(64),
    });
    expect((await verifyLedgerChain(parts(), { kept: [own] })).findings).toEqual([]);
    expect((await verifyLedgerChain(parts(), { kept: [other] })).findings).toMatchObject([{ kind: 'chain_broken', eventId: own.eventId }]);
    expect((await verifyLedgerChain(parts(), { kept: [{ ...other, eventId: 'gone' }, 1] })).findings.map(({ kind }) => kind)).toEqual([
      'checkpoint_forged',
      'checkpoint_forged',
    ]);
  });

  it('is checked as well in two goes as in one', async () => {
    const records = (await Array.fromAsync(readLog(ledger.store))).flat();
    const first = await openLedgerChainCheck(ledger.database.db);
    for (const one of records.slice(0, 100)) first.add(one);
    const second = await openLedgerChainCheck(ledger.database.db, first.state());
    for (const one of records.slice(100)) second.add(one);
    const verdict = second.end();
    expect(verdict).toMatchObject({ findings: [], events: BigInt(records.length) });
    expect(verdict.proven).toBe((await ledger.verifyChain()).proven);
    // Cut off before the last checkpoint, it is the checkpoints that are not met.
    expect(first.end().findings.map(({ kind }) => kind)).toContain('signed_event_missing');
  });

  it('after a stretch that is not as it was signed, the next is judged by itself', async () => {
    const { standing } = await ledgerSeries(ledger.database.db);
    const check = makeChainCheck(standing);
    const told: string[] = [];
    for await (const batch of readLog(ledger.store)) {
      for (const one of batch) {
        const says = check.add(check.state().events === 0n ? { ...one, type: 'other' } : one);
        if (says !== undefined) told.push(says.kind);
      }
    }
    expect(told).toEqual(['chain_broken']);
    expect(check.end()).toMatchObject({ proven: 0n, findings: [{ kind: 'chain_broken' }] });
  });
});

describe('the signer of the service', () => {
  it('signs every so many events, once, whoever else signs; and goes on where it was', async () => {
    await using ledger = await startAuditedLedger(100);
    const { db } = ledger.database;
    const make = () =>
      makeChainSigner({
        ...{ db, store: ledger.store, owner: 'test', leaseMs: 1_000, everyEvents: 25, pollMs: 10 },
        ...{ signer: () => chainSigningKey(db, TEST_KEY_SECRET), logger: pino({ level: 'silent' }) },
      });
    const [one, other] = [make(), make()];
    one.start();
    other.start();
    const { events } = await ledger.verifyChain();
    const signedUpTo = async (): Promise<bigint> =>
      (await ledgerSeries(db)).standing.reduce((most, { events: up }) => (BigInt(up) > most ? BigInt(up) : most), 0n);
    await until(async () => (await signedUpTo()) >= (events / 25n) * 25n);
    expect((await ledgerSeries(db)).standing.map((checkpoint) => chainAt(checkpoint).events)).toEqual(
      Array.from({ length: Number(events / 25n) }, (_, index) => 25n * BigInt(index + 1)),
    );
    expect([one.status().state, other.status().state].sort()).toEqual(['running', 'standby']);
    await ledger.sign();
    await one.stop();
    await ledger.write(100);
    const { events: more } = await ledger.verifyChain();
    await until(async () => (await signedUpTo()) > more - 25n);
    await other.stop();
    expect(await ledger.verifyChain()).toMatchObject({ findings: [] });
  });
});

describe('a log restored from an older copy', () => {
  it('is not signed over: the signer says what is lost, until an operator says that it is', async () => {
    await using ledger = await startAuditedLedger(100);
    const { db } = ledger.database;
    const signer = await chainSigningKey(db, TEST_KEY_SECRET);
    const kept = await ledger.sign();
    await ledger.write(30);
    const lost: Checkpoint[] = [await ledger.sign()];
    await ledger.write(31);
    lost.push(await ledger.sign());
    await ledger.forge(({ events, remove }) => {
      for (const event of events) if (event.position > Number(kept.position)) remove(event);
    });
    await ledger.write(20);

    const parts = { db, store: ledger.store, signer };
    await expect(signLedgerChain(parts)).rejects.toThrow(CheckpointMismatch);
    await expect(signLedgerChain(parts)).rejects.toThrow('ledger chain sign --after-restore');
    const service = makeChainSigner({
      ...{ db, store: ledger.store, owner: 'test', leaseMs: 1_000, everyEvents: 10, pollMs: 10 },
      ...{ signer: () => Promise.resolve(signer), logger: pino({ level: 'silent' }) },
    });
    service.start();
    await until(() => service.status().state === 'refused');
    expect(service.status().refusal?.message).toContain(lost[1]?.eventId);
    expect((await ledger.verifyChain()).findings.map(({ kind, detail }) => [kind, detail.split(',')[0]])).toEqual(
      lost.map(({ eventId }) => ['signed_event_missing', `Event ${eventId}`]),
    );

    const accepted = await signAfterRestore(parts, 'the disk was lost');
    expect(accepted?.abandons?.reason).toBe('the disk was lost');
    expect(await ledger.verifyChain()).toMatchObject({
      findings: [],
      abandoned: 2,
      provenBy: { abandons: { reason: 'the disk was lost' } },
    });
    await until(() => service.status().state === 'running');
    await service.stop();
    expect(await signAfterRestore(parts, 'again')).toBeUndefined();
  });

  it('is not what a changed log is taken for', async () => {
    await using ledger = await startAuditedLedger(100);
    const { db } = ledger.database;
    const signer = await chainSigningKey(db, TEST_KEY_SECRET);
    const first = await ledger.sign();
    await ledger.write(30);
    await ledger.sign();
    await ledger.forge(({ events, remove }) => {
      for (const event of events)
        if (event.position > Number(first.position) - 1000 && event.position < Number(first.position)) remove(event);
    });
    await expect(signAfterRestore({ db, store: ledger.store, signer }, 'no')).rejects.toThrow(ChainBroken);
  });
});

describe('a checkpoint', () => {
  it('signed with a key that is not trusted proves nothing, whatever it calls itself', async () => {
    await using ledger = await startAuditedLedger(50);
    const real = await ledger.sign();
    const { privateKey } = generateKeyPairSync('ed25519');
    const { signature: _, format: _format, ...statement } = real;
    const forged = signCheckpoint(
      { kid: real.kid, sign: (text) => signWith(null, Buffer.from(text), privateKey).toString('base64url') },
      statement,
    );
    expect({ ...forged, signature: real.signature }).toEqual(real);
    const rows = [forged, { ...real, events: '1' }, { ...real, surplus: 1 }, null, real];
    const { standing, findings } = readSeries(rows, keysFrom({ keys: await chainPublicKeys(ledger.database.db) }));
    expect(standing).toEqual([real]);
    expect(findings.map(({ kind }) => kind)).toEqual(Array.from({ length: 4 }, () => 'checkpoint_forged'));
  });
});
