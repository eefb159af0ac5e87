// Taking a backup where something is in its way: nothing is left that could be taken for one.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBackup } from '../../src/audit/backup/read-backup.ts';
import { BackupExists, takeBackup } from '../../src/audit/backup/take-backup.ts';
import { ChainBroken } from '../../src/audit/chain-ledger.ts';
import { AccountIdSchema, CommandIdSchema } from '../../src/domain/ids.ts';
import type { LogRange } from '../../src/eventstore/log.ts';
import { chainSigningKey } from '../../src/identity/chain-keys.ts';
import { makeReceipts } from '../../src/identity/receipts.ts';
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
  expect((await readBackup(directory)).manifest.log).toEqual(log);
  expect(Number((await ledger.sign()).events)).toBeGreaterThan(Number(log.events));
  await expect(takeBackup(directory, await options())).rejects.toThrow(BackupExists);
  await rm(directory, { recursive: true });
});

test('what was promised while the log was copied is in it', async () => {
  const command = { commandId: CommandIdSchema.parse(randomUUID()), accountId: AccountIdSchema.parse(randomUUID()), commandHash: 'hash' };
  let isPromised = false;
  const onProgress = (): void => {
    if (isPromised) return;
    isPromised = true;
    promise = makeReceipts(ledger.database.db).create(command, { isPublished: false });
  };
  let promise: Promise<unknown> | undefined;
  const directory = join(folder, 'promised');
  const { database, ...others } = await options();
  // The last statement about the log is awaited before the tables that come after it are read.
  const store = {
    ...ledger.store,
    log: {
      ...ledger.store.log,
      async *read(range?: LogRange) {
        yield* ledger.store.log.read(range);
        await promise;
      },
    },
  };
  await takeBackup(directory, { ...others, store, database, onProgress });
  expect(isPromised).toBe(true);
  expect(await readFile(join(directory, 'receipts.tsv'), 'utf8')).toContain(command.commandId);
  await rm(directory, { recursive: true });
});

describe('a folder that is there', () => {
  test.each([
    ['is empty', async () => {}],
    ['is the top of a volume', (place: string) => mkdir(join(place, 'lost+found'))],
    [
      'has what a backup that was killed has left',
      async (place: string) => {
        await mkdir(join(place, '.partial-1'));
        await writeFile(join(place, '.partial-1/leases.tsv'), 'half');
      },
    ],
  ])('and %s takes it, and stays the folder that it is, as a mount must', async (_, prepare) => {
    const place = join(folder, 'there');
    await mkdir(place);
    await prepare(place);
    const { ino } = await stat(place);
    const { log } = await takeBackup(place, await options());
    expect((await stat(place)).ino).toBe(ino);
    expect((await readBackup(place)).manifest.log).toEqual(log);
    expect((await readdir(place)).filter((name) => name.startsWith('.'))).toEqual([]);
    await rm(place, { recursive: true });
  });

  test('behind a link takes it, too', async () => {
    const [place, link] = [join(folder, 'place'), join(folder, 'link')];
    await mkdir(place);
    await symlink(place, link);
    const { log } = await takeBackup(link, await options());
    expect((await readBackup(place)).manifest.log).toEqual(log);
    await rm(link);
    await rm(place, { recursive: true });
  });

  test('is as it was where the backup fails', async () => {
    const place = join(folder, 'kept');
    await mkdir(place);
    const onProgress = (): never => {
      throw new Error('the power is gone');
    };
    await expect(takeBackup(place, { ...(await options()), onProgress })).rejects.toThrow('the power is gone');
    expect(await readdir(place)).toEqual([]);
    await rm(place, { recursive: true });
  });

  test('in which somebody puts something meanwhile is not added to', async () => {
    const place = join(folder, 'meanwhile');
    const onProgress = (): void => writeFileSync(join(place, 'log.jsonl'), 'mine');
    await expect(takeBackup(place, { ...(await options()), onProgress })).rejects.toThrow(BackupExists);
    expect(await readdir(place)).toEqual(['log.jsonl']);
    expect(await readFile(join(place, 'log.jsonl'), 'utf8')).toBe('mine');
    await rm(place, { recursive: true });
  });
});

test('a file is no folder', async () => {
  const file = join(folder, 'file');
  await writeFile(file, 'mine');
  await expect(takeBackup(file, await options())).rejects.toThrow(BackupExists);
  expect(await readFile(file, 'utf8')).toBe('mine');
  await rm(file);
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
