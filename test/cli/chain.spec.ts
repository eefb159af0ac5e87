// The verbs that check the books, as processes: exit codes, what is printed, and that they work while the service does.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exportLog } from '../../src/audit/export-format.ts';
import { chainSigningKey } from '../../src/identity/chain-keys.ts';
import type { AuditedLedger } from '../audit/audited-ledger.ts';
import { startAuditedLedger } from '../audit/audited-ledger.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import { runVerb } from './run-verb.ts';

let ledger: AuditedLedger;
let service: LedgerProcess;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-test-chain-'));
  ledger = await startAuditedLedger(150);
  service = await spawnLedger({ ...ledger.stores.environment, LEDGER_CHAIN_EVENTS: '50', LEDGER_EMBEDDED_BROKER: 'false' });
});
afterAll(async () => {
  await service.close();
  await ledger.close();
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => runVerb(args, { ...ledger.stores.environment, LEDGER_DATA_DIR: service.dataDir });
const keyFile = async (): Promise<string> => {
  const file = join(folder, 'key.json');
  await writeFile(file, (await run('chain', 'key')).stdout);
  return file;
};
const Report = z.object({
  events: z.string(),
  proven: z.string(),
  unproven: z.string(),
  checkpoints: z.number(),
  findings: z.array(z.unknown()),
});

describe('ledger chain', () => {
  it('signs, verifies what is signed, and prints the public keys to verify it with', async () => {
    const signed = await run('chain', 'sign');
    expect(signed).toMatchObject({ code: 0, stderr: '' });
    const { events } = z.object({ events: z.string() }).parse(JSON.parse(signed.stdout));
    const verified = await run('chain', 'verify', '--key', await keyFile());
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toMatch(
      new RegExp(`^${events} events, [0-9]+ checkpoints\\.\\n${events} events are as they were signed at \\S+ with key \\S+\\.\\n$`),
    );
    const report = Report.parse(JSON.parse((await run('chain', 'verify', '--json')).stdout));
    expect(report).toMatchObject({ events, proven: events, unproven: '0', findings: [] });
    // The service signs by itself, too.
    expect(report.checkpoints).toBeGreaterThan(1);
  });

  it('verifies an export with nothing but the file and the key, and calls what is cut off by its name', async () => {
    const { db } = ledger.database;
    const signer = await chainSigningKey(db, TEST_KEY_SECRET);
    const lines = (await Array.fromAsync(exportLog({ db, store: ledger.store, signer }))).flat();
    const file = join(folder, 'log.jsonl');
    await writeFile(file, `${lines.join('\n')}\n`);
    const offline = {
      LEDGER_DATA_DIR: join(folder, 'nothing'),
      EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false',
      DATABASE_URL: 'postgres://127.0.0.1:1/none',
    };
    const key = await keyFile();
    expect(await runVerb(['chain', 'verify', file, '--key', key], offline)).toMatchObject({ code: 0, stderr: '' });
    await writeFile(file, `${lines.slice(0, -8).join('\n')}\n`);
    const cut = await runVerb(['chain', 'verify', file, '--key', key], offline);
    expect(cut.code).toBe(1);
    expect(cut.stdout).toContain('export_truncated: The export is cut off');
    expect(cut.stdout).toMatch(/[0-9]+ events are unproven: they follow the last checkpoint that holds\.\n$/);
  });

  it('is used wrongly without a key for an export, with a file that holds none, and with one that is not there', async () => {
    await writeFile(join(folder, 'not-a-key'), '{}');
    for (const args of [
      ['verify', 'x.jsonl'],
      ['verify', '--key', join(folder, 'not-a-key')],
      ['verify', '--key', join(folder, 'none')],
    ])
      expect((await run('chain', ...args)).code).toBe(2);
  });

  it('makes a new key on demand, and knows the old one', async () => {
    const KeySet = z.object({
      keys: z.array(z.object({ kid: z.string(), kty: z.literal('OKP'), crv: z.literal('Ed25519'), d: z.never().optional() })),
    });
    const before = KeySet.parse(JSON.parse((await run('chain', 'key')).stdout));
    const after = KeySet.parse(JSON.parse((await run('chain', 'key', '--new')).stdout));
    expect(after.keys.slice(1)).toEqual(before.keys);
    expect(JSON.parse((await run('chain', 'sign')).stdout)).toMatchObject({ kid: after.keys[0]?.kid });
    expect((await run('chain', 'verify')).code).toBe(0);
  });
});

describe('ledger verify', () => {
  it('finds nothing wrong where nothing is, while the service works', async () => {
    const { code, stdout } = await run('verify', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ count: 0, findings: [] });
    expect(code).toBe(0);
    expect((await run('verify')).stdout).toMatch(
      /^[0-9]+ events read, Postgres compared at position [0-9]+: nothing is wrong\.\n[0-9]+ events are proven by/,
    );
  });

  it('ends with 1 where a balance is not what the log says, and says which', async () => {
    const { db } = ledger.database;
    const { rows } = await sql<{
      account_id: string;
    }>`SELECT account_id FROM balances WHERE asset = 'USD' ORDER BY account_id LIMIT 1`.execute(db);
    const account = rows[0]?.account_id ?? '';
    await sql`UPDATE balances SET available = available + 1 WHERE account_id = ${account} AND asset = 'USD'`.execute(db);
    const { code, stdout } = await run('verify');
    await sql`UPDATE balances SET available = available - 1 WHERE account_id = ${account} AND asset = 'USD'`.execute(db);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^balances_row_differs: .*${account} USD`));
  });
});
