// A backup that was changed by somebody who knows how to make the hashes fit, and one that changes while it is restored.
import { generateKeyPairSync, sign } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackupDamaged } from '../../src/audit/backup/manifest.ts';
import { readBackup } from '../../src/audit/backup/read-backup.ts';
import { restoreTables } from '../../src/audit/backup/restore-backup.ts';
import { takeBackup } from '../../src/audit/backup/take-backup.ts';
import type { CheckpointKeys, CheckpointSigner } from '../../src/audit/chain-checkpoint.ts';
import { keysFrom } from '../../src/audit/chain-checkpoint.ts';
import { addChainKey, chainPublicKeys, chainSigningKey } from '../../src/identity/chain-keys.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { Database } from '../../src/postgres/pool.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { startPostgres } from '../stack/postgres.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import type { AuditedLedger } from './audited-ledger.ts';
import { startAuditedLedger } from './audited-ledger.ts';
import type { BackupForgery } from './forged-backup.ts';
import { everyLine, forgeBackup } from './forged-backup.ts';

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
let ledger: AuditedLedger;
let signer: CheckpointSigner;
/** The ledger's, kept elsewhere. */
let keys: CheckpointKeys;
let folder: string;
let backup: string;

const take = (to: string) => takeBackup(to, { database: ledger.database, store: ledger.store, signer, release: 'test' });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-test-forged-backup-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  ledger = opened.use(await startAuditedLedger(120));
  const { db } = ledger.database;
  signer = await chainSigningKey(db, TEST_KEY_SECRET);
  keys = keysFrom({ keys: await chainPublicKeys(db) });
  await sql`INSERT INTO users (user_id, name, password_hash) VALUES (gen_random_uuid(), 'carol', 'hash\\of\tcarol')`.execute(db);
  backup = join(folder, 'backup');
  await take(backup);
});

let copies = 0;
async function forged(forgery: BackupForgery): Promise<string> {
  copies += 1;
  const copy = join(folder, `forged-${copies}`);
  await forgeBackup(backup, copy, forgery);
  return copy;
}
async function expectDamaged(forgery: BackupForgery, file: string, what: RegExp): Promise<void> {
  const reading = readBackup(await forged(forgery));
  await expect(reading).rejects.toThrow(BackupDamaged);
  await expect(reading).rejects.toThrow(`the backup is damaged: ${file} `);
  await expect(reading).rejects.toThrow(what);
}

const richer = everyLine((line) => line.replace(/"amount":"[^"]+"/, '"amount":"5000.00"'));
const withoutCheckpoints = everyLine((line) =>
  line.startsWith('{"kind":"checkpoint"') ? undefined : line.replace(/"checkpoints":"\d+"/, '"checkpoints":"0"'),
);

describe('a backup with hashes that fit is refused', () => {
  test('with another amount, under the signature that the manifest had', () =>
    expectDamaged({ files: { 'log.jsonl': richer } }, 'manifest.json', /is not as it was signed: its signature is not of what it says/));

  test('with another password for a user, likewise', () =>
    expectDamaged(
      { files: { 'users.tsv': (text) => text.replace('carol', 'malor') } },
      'manifest.json',
      /is not as it was signed: its signature is not of what it says/,
    ));

  test('with another amount, the manifest signed anew', () =>
    expectDamaged({ files: { 'log.jsonl': richer }, signer }, 'log.jsonl', /is not as it was signed: chain_broken/));

  test('without checkpoints', () =>
    expectDamaged({ files: { 'log.jsonl': withoutCheckpoints }, signer }, 'log.jsonl', /\d+ events follow the last checkpoint/));

  test('without its last event', () => {
    let last: string | undefined;
    const cut = (text: string): string => {
      last = text.split('\n').findLast((line) => line.startsWith('{"kind":"event"'));
      return text.replace(`${last}\n`, '');
    };
    return expectDamaged({ files: { 'log.jsonl': cut }, signer }, 'log.jsonl', /signed_event_missing/);
  });

  test.each([
    ['another last position', { lastPosition: '999999' }],
    ['fewer events', { events: '7' }],
    ['another hash', { hash: '0'.repeat(64) }],
    ['another last event', { lastEventId: 'ffffffff-ffff-4fff-bfff-ffffffffffff' }],
  ])('with %s in the manifest', (_, log) =>
    expectDamaged(
      { manifest: (content) => ({ ...content, log: { ...content.log, ...log } }), signer },
      'log.jsonl',
      /is signed up to position/,
    ),
  );

  test('without one of the tables', () =>
    expectDamaged(
      { manifest: (content) => ({ ...content, tables: content.tables.filter(({ name }) => name !== 'users') }), signer },
      'manifest.json',
      /names the tables/,
    ));

  test('with a file more', () =>
    expectDamaged(
      { manifest: (content) => ({ ...content, files: { ...content.files, 'more.tsv': { bytes: 0, sha256: '0'.repeat(64) } } }), signer },
      'manifest.json',
      /names the files/,
    ));

  test('without keys', () =>
    expectDamaged({ files: { 'chain_keys.tsv': () => '' }, signer }, 'chain_keys.tsv', /has no keys of the chain/));
});

test('signed by another key, with that key in it, it is refused by whoever has the right key', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'theirs' };
  const [kid] = [...keysFrom(jwk).keys()];
  if (kid === undefined) throw new Error('the key has no thumbprint');
  const theirs: CheckpointSigner = { kid, sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url') };
  const line = (text: string): string => `${text}${kid}\t${JSON.stringify(jwk)}\tsealed\t2000-01-01 00:00:00+00\n`;
  const copy = await forged({ files: { 'chain_keys.tsv': line, 'users.tsv': (text) => text.replace('carol', 'malor') }, signer: theirs });
  expect((await readBackup(copy)).keys).toHaveLength(2);
  await expect(readBackup(copy, keys)).rejects.toThrow(`it names the key ${kid}, which is not one of the ledger's`);
  expect((await readBackup(backup, keys)).manifest.kid).toBe(signer.kid);
});

test('the newest of several keys comes first', async () => {
  const { db } = ledger.database;
  const newest = await addChainKey(db, TEST_KEY_SECRET);
  signer = await chainSigningKey(db, TEST_KEY_SECRET);
  const directory = join(folder, 'two-keys');
  await take(directory);
  expect((await readBackup(directory)).keys.map(({ publicJwk }) => publicJwk.kid)).toEqual(
    (await chainPublicKeys(db)).map(({ kid }) => kid),
  );
  expect(signer.kid).toBe(newest);
});

describe('tables', () => {
  let database: Database;
  let url: string;
  beforeAll(async () => {
    ({ url } = opened.use(await startPostgres()));
    database = opened.adopt(openDatabase(url), ({ close }) => close());
    await migrate(database.db, 'ledger');
    await migrate(database.db, 'identity');
  });
  const usersIn = async ({ db }: Pick<Database, 'db'>) => (await sql`SELECT * FROM users`.execute(db)).rows;

  test('that have changed since they were read first are not kept', async () => {
    const copy = await forged({});
    const read = await readBackup(copy);
    appendFileSync(join(copy, 'users.tsv'), 'ffffffff-ffff-4fff-bfff-ffffffffffff\tmallory\thash\t2026-01-01 00:00:00+00\n');
    await expect(restoreTables(database, read)).rejects.toThrow(/users\.tsv has \d+ bytes instead of \d+/);
    expect(await usersIn(database)).toEqual([]);
  });

  test('that take fewer rows than there are, are not kept', async () => {
    await sql`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`.execute(database.db);
    await sql`CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()`.execute(database.db);
    await expect(restoreTables(database, await readBackup(backup))).rejects.toThrow('users.tsv has 0 rows instead of 1');
    await sql`DROP FUNCTION refuse CASCADE`.execute(database.db);
    const { rows } = await sql`SELECT FROM chain_keys`.execute(database.db);
    expect(rows).toEqual([]);
  });

  test('come back as they were, whatever form of dates either database has as its own', async () => {
    const settled = async ({ db }: Database, form: string) => {
      const { rows } = await sql<{ name: string }>`SELECT current_database() AS name`.execute(db);
      for (const setting of [`datestyle = '${form}'`, `timezone = 'Asia/Kathmandu'`, `bytea_output = 'escape'`])
        await sql.raw(`ALTER DATABASE ${rows[0]?.name} SET ${setting}`).execute(db);
    };
    await settled(ledger.database, 'SQL, DMY');
    await settled(database, 'German, MDY');
    // Settings of a database are those of sessions that begin afterwards.
    const from = opened.adopt(openDatabase(ledger.stores.database.url), ({ close }) => close());
    const to = opened.adopt(openDatabase(url), ({ close }) => close());
    const directory = join(folder, 'dates');
    await takeBackup(directory, { database: from, store: ledger.store, signer, release: 'test' });
    await restoreTables(to, await readBackup(directory));
    for (const table of ['users', 'chain_keys']) {
      const timesIn = async ({ db }: Database) =>
        (await sql`SELECT extract(epoch FROM created_at) AS at FROM ${sql.table(table)} ORDER BY created_at`.execute(db)).rows;
      expect(await timesIn(to)).toEqual(await timesIn(from));
      expect((await timesIn(to)).length).toBeGreaterThan(0);
    }
    expect((await sql`SELECT password_hash FROM users`.execute(to.db)).rows).toEqual([{ password_hash: 'hash\\of\tcarol' }]);
  });
});
