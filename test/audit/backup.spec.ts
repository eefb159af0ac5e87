// Taking a backup where something is in its way: nothing is left that could be taken for one.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readManifest } from '../../src/audit/backup/manifest.ts';
import { BackupExists, takeBackup } from '../../src/audit/backup/take-backup.ts';
import { ChainBroken } from '../../src/audit/chain-ledger.ts';
import { chainSigningKey } from '../../src/identity/chain-keys.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import type { AuditedLedger } from './audited-ledger.ts';
import { startAuditedLedger } from './audited-ledger.ts';

let ledger: AuditedLedger;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-test-backup-'));
  ledger = await startAuditedLedger(150);
});
afterAll(async () => {
  await ledger.close();
  await rm(folder, { recursive: true, force: true });
});

const options = async () => {
  const { database, store } = ledger;
  return { database, store, release: 'test', signer: await chainSigningKey(database.db, TEST_KEY_SECRET) };
};

test('one that fails half-way leaves nothing', async () => {
  const onProgress = (): never => {
    throw new Error('the power is gone');
  };
  await expect(takeBackup(join(folder, 'half'), { ...(await options()), onProgress })).rejects.toThrow('the power is gone');
  expect(await readdir(folder)).toEqual([]);
});

test('what the service signs behind its end while it is taken is not missed in it', async () => {
  let isSigned = false;
  let isInserting = false;
  // Right after the backup's own checkpoint is kept, somebody else goes on writing and signs that.
  const signsMeanwhile: KyselyPlugin = {
    transformQuery: ({ node }) => {
      isInserting = node.kind === 'InsertQueryNode';
      return node;
    },
    transformResult: async ({ result }) => {
      if (isInserting && !isSigned) {
        isSigned = true;
        await ledger.write(20);
        await ledger.sign();
      }
      return result;
    },
  };
  const { database, ...others } = await options();
  const directory = join(folder, 'meanwhile');
  const { log } = await takeBackup(directory, { ...others, database: { ...database, db: database.db.withPlugin(signsMeanwhile) } });
  expect(isSigned).toBe(true);
  expect((await readManifest(directory)).log).toEqual(log);
  expect(Number((await ledger.sign()).events)).toBeGreaterThan(Number(log.events));
  await expect(takeBackup(directory, await options())).rejects.toThrow(BackupExists);
  await rm(directory, { recursive: true });
});

test('a log that is not as it was signed is not backed up', async () => {
  await ledger.sign();
  await ledger.forge((log) => {
    const deposit = log.events.find(({ type }) => type === 'deposited');
    if (deposit === undefined) throw new Error('there is no deposit to forge');
    log.write({ ...deposit, data: { ...deposit.data, amount: '1000000.00' } });
  });
  await expect(takeBackup(join(folder, 'forged'), await options())).rejects.toThrow(ChainBroken);
  expect(await readdir(folder)).toEqual([]);
});
