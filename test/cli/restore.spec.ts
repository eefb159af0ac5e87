// `ledger restore` where it must say no, is interrupted, or cannot build the projections: what is there then, and what it says of it.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeBackup } from '../../src/audit/backup/take-backup.ts';
import { chainPublicKeys, chainSigningKey } from '../../src/identity/chain-keys.ts';
import type { AuditedLedger } from '../audit/audited-ledger.ts';
import { startAuditedLedger } from '../audit/audited-ledger.ts';
import { everyLine, forgeBackup } from '../audit/forged-backup.ts';
import { withDatabase } from '../scenarios/audit/tables.ts';
import { eventually } from '../scenarios/eventually.ts';
import { withClient } from '../scenarios/log.ts';
import { ledgerEnvironment } from '../stack/ledger-process.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import { processesNaming } from './processes-naming.ts';
import { runVerb } from './run-verb.ts';

const program = join(import.meta.dirname, '../../src/cli/ledger.ts');
const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
let folder: string;
let ledger: AuditedLedger;
let backup: string;
/** The same ledger's, with an event in its log that no release can read. */
let unreadable: string;

const signerOf = ({ database }: AuditedLedger) => chainSigningKey(database.db, TEST_KEY_SECRET);
async function take(name: string): Promise<string> {
  const directory = join(folder, name);
  const { database, store } = ledger;
  await takeBackup(directory, { database, store, release: 'test', signer: await signerOf(ledger) });
  return directory;
}

beforeAll(async () => {
  folder = await scratchFolder();
  opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));
  ledger = opened.use(await startAuditedLedger(120));
  backup = await take('backup');
  await withClient(ledger.stores.eventStore.url, (client) =>
    client.appendToStream(`account-${randomUUID()}`, jsonEvent({ type: 'nonsense', data: {} })),
  );
  unreadable = await take('unreadable');
});

const environmentOf = (dataDir: string, database: TestDatabase, keySecret: string | undefined = TEST_KEY_SECRET) => ({
  LEDGER_DATA_DIR: join(folder, dataDir),
  DATABASE_URL: database.url,
  ...(keySecret !== '' && { LEDGER_KEY_SECRET: keySecret }),
});
const tablesIn = ({ url }: TestDatabase): Promise<readonly string[]> =>
  withDatabase(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`);
    return rows.map(({ name }) => name);
  });

test('a forged backup is a finding, and nothing is written', async () => {
  const database = opened.use(await startPostgres());
  const forged = join(folder, 'forged');
  const richer = everyLine((line) => line.replace(/"amount":"[^"]+"/, '"amount":"5000.00"'));
  await forgeBackup(backup, forged, { files: { 'log.jsonl': richer }, signer: await signerOf(ledger) });
  const refused = await runVerb(['restore', forged], environmentOf('forged-to', database));
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    /^ledger: the backup is damaged: log\.jsonl is not as it was signed: chain_broken.*; nothing was restored\n$/,
  );
  expect([existsSync(join(folder, 'forged-to')), await tablesIn(database)]).toEqual([false, []]);
});

test('whoever kept the keys elsewhere has the backup held against them', async () => {
  const database = opened.use(await startPostgres());
  const other = opened.use(await startAuditedLedger(5));
  const [right, wrong] = [join(folder, 'right.json'), join(folder, 'wrong.json')];
  writeFileSync(right, JSON.stringify({ keys: await chainPublicKeys(ledger.database.db) }));
  writeFileSync(wrong, JSON.stringify({ keys: await chainPublicKeys(other.database.db) }));
  const environment = environmentOf('with-key', database);
  const refused = await runVerb(['restore', backup, '--key', wrong], environment);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/manifest\.json is not as it was signed: it names the key/) });
  expect(await runVerb(['restore', backup, '--key', right], environment)).toMatchObject({ code: 0 });
});

test('without the secret that sealed the keys nothing is written, and none is made up', async () => {
  const database = opened.use(await startPostgres());
  const dataDir = join(folder, 'secret');
  const [none, other] = [
    environmentOf('secret', database, ''),
    environmentOf('secret', database, 'another secret than that of the backup'),
  ];
  for (const environment of [none, other]) {
    const refused = await runVerb(['restore', backup], environment);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/the keys in the backup were sealed with .*: set LEDGER_KEY_SECRET .*; nothing was restored\n$/);
    expect([existsSync(dataDir), await tablesIn(database)]).toEqual([false, []]);
  }
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'key-secret'), `${TEST_KEY_SECRET}\n`);
  expect(await runVerb(['restore', backup], none)).toMatchObject({ code: 0 });
});

test('where that secret is lost, and this is said, the rest is restored; new keys are made afterwards', async () => {
  const database = opened.use(await startPostgres());
  const environment = environmentOf('lost-secret', database, 'a new secret, since that of the backup is lost');
  expect(await runVerb(['restore', backup, '--lost-key-secret'], environment)).toMatchObject({ code: 0 });
  expect(readdirSync(join(folder, 'lost-secret'))).not.toContain('key-secret');
  expect(await runVerb(['chain', 'sign'], environment)).toMatchObject({ code: 2 });
  expect(await runVerb(['chain', 'key', '--new'], environment)).toMatchObject({ code: 0 });
  expect(await runVerb(['keys', 'rotate', '--new-secret'], environment)).toMatchObject({ code: 0 });
  expect(await runVerb(['chain', 'sign'], environment)).toMatchObject({ code: 0 });
});

test('a database that is not empty is left at the tables that it has', async () => {
  const database = opened.use(await startPostgres());
  await withDatabase(database.url, (client) => client.query('CREATE TABLE users AS SELECT 1 AS of_an_older_release'));
  const refused = await runVerb(['restore', backup], environmentOf('filled', database));
  expect(refused).toMatchObject({ code: 2, stderr: 'ledger: Postgres is not empty: there are rows in users; nothing was restored\n' });
  expect(await tablesIn(database)).toEqual(['users']);
});

test('one that is interrupted while the log is restored leaves no process, and no event store', async () => {
  const database = opened.use(await startPostgres());
  const environment = environmentOf('interrupted', database);
  const child = spawn(process.execPath, [program, 'restore', backup], {
    env: ledgerEnvironment(environment),
    cwd: tmpdir(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  const said: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    said.push(line);
    if (line === 'restoring the log') child.kill('SIGTERM');
  }
  expect(await ended).toEqual([130, null]);
  expect(processesNaming(join(folder, 'interrupted'))).toEqual([]);
  expect(said.at(-1)).toBe('interrupted; nothing was restored');
  expect(existsSync(join(folder, 'interrupted/eventstore'))).toBe(false);
  expect(await runVerb(['restore', backup], environment)).toMatchObject({ code: 0 });
  expect(readdirSync(join(folder, 'interrupted')).filter((name) => name.startsWith('eventstore.importing'))).toEqual([]);
});

test('a log that cannot be read to its end is restored, but for the projections; the service builds them, once the event is annulled', async () => {
  const [database, another] = [opened.use(await startPostgres()), opened.use(await startPostgres())];
  for (const target of [database, another]) {
    // The second time the log is there already.
    const ended = await runVerb(['restore', unreadable], environmentOf('unreadable-to', target));
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(
      /\nledger: .*nonsense.*\nEverything is restored but the projections, .*start the service.*empty Postgres\.\n$/,
    );
    expect(ended.stderr).not.toContain('nothing was restored');
    await withDatabase(target.url, async (client) => {
      expect((await client.query('SELECT FROM chain_checkpoints')).rows).not.toEqual([]);
    });
  }
  const again = await runVerb(['restore', unreadable], environmentOf('unreadable-to', database));
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('Postgres is not empty') });

  const environment = environmentOf('unreadable-to', database);
  const halt = () =>
    withDatabase(
      database.url,
      async (client) => (await client.query<{ stream: string | null }>('SELECT halted_stream AS stream FROM checkpoint')).rows[0],
    );
  const service = spawn(process.execPath, [program, 'start'], {
    env: ledgerEnvironment({ ...environment, LEDGER_EMBEDDED_BROKER: 'false' }),
    cwd: tmpdir(),
    stdio: 'ignore',
  });
  const ended = once(service, 'exit');
  try {
    const stream = await eventually('it halts there', async () => (await halt())?.stream ?? undefined);
    expect(await runVerb(['annul', `${stream}@0`, '--reason', 'written by hand'], environment)).toMatchObject({ code: 0 });
    await eventually('it goes on', async () => (await halt())?.stream === null);
    expect(await runVerb(['verify'], environment)).toMatchObject({ code: 0 });
  } finally {
    service.kill();
    await ended;
  }
});

test('where it fails with the log alone restored, it says where that is', async () => {
  const [database, another] = [opened.use(await startPostgres()), opened.use(await startPostgres())];
  const forged = join(folder, 'rows');
  const manifest = { signer: await signerOf(ledger) };
  await forgeBackup(backup, forged, {
    ...manifest,
    manifest: (content) => ({
      ...content,
      tables: content.tables.map((table) => (table.name === 'users' ? { ...table, rows: 7 } : table)),
    }),
  });
  const ended = await runVerb(['restore', forged], environmentOf('rows-to', database));
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toContain('ledger: the backup is damaged: users.tsv has 0 rows instead of 7\nThe log is in ');
  expect(ended.stderr).toContain(join(folder, 'rows-to/eventstore'));
  expect(ended.stderr).not.toContain('nothing was restored');
  expect(await runVerb(['restore', backup], environmentOf('rows-to', another))).toMatchObject({ code: 0 });
});
