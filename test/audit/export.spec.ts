import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CheckpointKeys, CheckpointSigner } from '../../src/audit/chain-checkpoint.ts';
import { keysFrom } from '../../src/audit/chain-checkpoint.ts';
import type { ChainReport } from '../../src/audit/chain-ledger.ts';
import { signAfterRestore } from '../../src/audit/chain-ledger.ts';
import { verifyExport } from '../../src/audit/export-check.ts';
import type { ExportOptions } from '../../src/audit/export-format.ts';
import { exportLog } from '../../src/audit/export-format.ts';
import { chainPublicKeys, chainSigningKey } from '../../src/identity/chain-keys.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import type { AuditedLedger } from './audited-ledger.ts';
import { startAuditedLedger } from './audited-ledger.ts';

let ledger: AuditedLedger;
let folder: string;
let signer: CheckpointSigner;
let keys: CheckpointKeys;
/** An export with three checkpoints, the last of them its own. */
let lines: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-test-export-'));
  ledger = await startAuditedLedger(100);
  signer = await chainSigningKey(ledger.database.db, TEST_KEY_SECRET);
  keys = keysFrom({ keys: await chainPublicKeys(ledger.database.db) });
  for (const events of [30, 40]) {
    await ledger.sign();
    await ledger.write(events);
  }
  lines = await exported();
});
afterAll(async () => {
  await ledger.close();
  await rm(folder, { recursive: true, force: true });
});

async function exported(options: Partial<ExportOptions> = {}): Promise<readonly string[]> {
  return (await Array.fromAsync(exportLog({ db: ledger.database.db, store: ledger.store, signer, ...options }))).flat();
}
async function checked(changed: readonly string[], by: CheckpointKeys = keys): Promise<ChainReport> {
  const file = join(folder, 'export.jsonl');
  await writeFile(file, changed.map((line) => `${line}\n`).join(''));
  return verifyExport(file, { keys: by });
}
const kindOf = (line: string): unknown => JSON.parse(line).kind;
const indexOf = (kind: string): number => lines.findIndex((line) => kindOf(line) === kind);

it('ends in a fresh checkpoint, and is proven to its last event with the public key alone', async () => {
  expect(lines.slice(-2).map(kindOf)).toEqual(['checkpoint', 'end']);
  expect(lines.filter((line) => kindOf(line) === 'checkpoint')).toHaveLength(3);
  const report = await checked(lines);
  expect(report).toMatchObject({ findings: [], checkpoints: 3 });
  expect(report.proven).toBe(report.events);
  expect(report.events).toBe(BigInt(lines.filter((line) => kindOf(line) === 'event').length));
  expect((await ledger.verifyChain()).provenBy).toEqual(report.provenBy);
});

it('up to a position ends in a checkpoint of its own, which is not kept', async () => {
  const events = lines.filter((line) => kindOf(line) === 'event');
  const middle = BigInt(JSON.parse(events[50] ?? '').position);
  const part = await exported({ until: middle });
  const report = await checked(part);
  expect(report).toMatchObject({ findings: [], events: 51n, proven: 51n });
  expect((await ledger.verifyChain()).checkpoints).toBe(3);
});

it('that is cut off anywhere says so, and what follows its last checkpoint is unproven', async () => {
  const first = indexOf('checkpoint');
  for (const length of [1, 10, first + 1, first + 20, lines.length - 2, lines.length - 1]) {
    const report = await checked(lines.slice(0, length));
    expect(report.findings).toContainEqual({ kind: 'export_truncated', detail: expect.stringContaining('cut off') });
  }
  const { findings, proven, events } = await checked(lines.slice(0, first + 20));
  expect(events - proven).toBeGreaterThan(15n);
  expect(findings).toContainEqual({
    kind: 'unproven',
    detail: expect.stringContaining(`${events - proven} events follow the last checkpoint`),
  });
  const text = lines.join('\n');
  await writeFile(join(folder, 'cut.jsonl'), text.slice(0, text.length - 40));
  expect((await verifyExport(join(folder, 'cut.jsonl'), { keys })).findings.map(({ kind }) => kind)).toEqual([
    'export_altered',
    'export_truncated',
  ]);
});

it('with lines taken out of it, put in, changed or exchanged is not as it was signed', async () => {
  const at = indexOf('checkpoint') + 3;
  const [one = '', other = ''] = lines.slice(at, at + 2);
  const changes: readonly (readonly [string, readonly string[]])[] = [
    ['taken out', lines.toSpliced(at, 1)],
    ['put in', lines.toSpliced(at, 0, one)],
    ['changed places', lines.toSpliced(at, 2, other, one)],
    ['an event was changed', lines.toSpliced(at, 1, one.replace(/"occurredAt":"20/, '"occurredAt":"19'))],
  ];
  for (const [what, changed] of changes) {
    const { findings, proven } = await checked(changed);
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'chain_broken', detail: expect.stringContaining(what), stream: expect.any(String) }),
    );
    expect(proven).toBe(BigInt(lines.slice(0, indexOf('checkpoint')).filter((line) => kindOf(line) === 'event').length));
  }
});

it('with a checkpoint taken out or changed, or with another key, is not proven', async () => {
  const at = indexOf('checkpoint');
  const without = await checked(lines.toSpliced(at, 1));
  expect(without.findings.map(({ kind }) => kind)).toEqual(['checkpoint_missing', 'export_truncated']);
  const changed = await checked(lines.toSpliced(at, 1, (lines[at] ?? '').replace(/"hash":"../, '"hash":"00')));
  expect(changed.findings.map(({ kind }) => kind)).toEqual(['checkpoint_forged', 'checkpoint_missing']);
  const { findings, proven } = await checked(lines, new Map());
  expect(proven).toBe(0n);
  expect(findings.map(({ kind }) => kind)).toEqual(['checkpoint_forged', 'checkpoint_forged', 'checkpoint_forged', 'unproven']);
});

it('of nothing is not one', async () => {
  expect((await checked([])).findings).toMatchObject([{ kind: 'export_truncated' }]);
  expect((await checked(['{}', 'x', lines.at(-1) ?? ''])).findings.map(({ kind }) => kind)).toContain('export_altered');
});

it('of a log that is not as it was signed is not finished; one that an operator has signed after a restore is whole', async () => {
  await using other = await startAuditedLedger(60);
  const otherSigner = await chainSigningKey(other.database.db, TEST_KEY_SECRET);
  const kept = await other.sign();
  await other.write(20);
  await other.sign();
  await other.forge(({ events, remove }) => {
    for (const event of events) if (event.position > Number(kept.position)) remove(event);
  });
  const options = { db: other.database.db, store: other.store, signer: otherSigner };
  await expect(Array.fromAsync(exportLog(options))).rejects.toThrow('--after-restore');
  await signAfterRestore(options, 'an older copy');
  const file = join(folder, 'restored.jsonl');
  await writeFile(
    file,
    (await Array.fromAsync(exportLog(options)))
      .flat()
      .map((line) => `${line}\n`)
      .join(''),
  );
  const report = await verifyExport(file, { keys: keysFrom({ keys: await chainPublicKeys(other.database.db) }) });
  expect(report).toMatchObject({ findings: [], abandoned: 1 });
  expect(report.proven).toBe(report.events);
  expect((await readFile(file, 'utf8')).split('\n')[0]).toBe(
    '{"kind":"header","format":"ledgerfold-export/1","chain":"ledgerfold-chain/1"}',
  );

  await other.forge(({ events, write }) => {
    const one = events.findLast(({ type }) => type === 'deposited');
    if (one !== undefined) write({ ...one, metadata: { ...one.metadata, actor: 'x' } });
  });
  await expect(Array.fromAsync(exportLog({ ...options, store: other.store }))).rejects.toThrow('the log is not as it was signed');
});
