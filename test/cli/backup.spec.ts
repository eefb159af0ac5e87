// Backup and restore as processes: taken under load, put back elsewhere, held against what clients were told; and every way in which a
// restore must say no.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { BackupDamaged } from '../../src/audit/backup/manifest.ts';
import { readBackup } from '../../src/audit/backup/read-backup.ts';
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { readRuntimeFile } from '../../src/embedded/runtime-file.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { writeMixedLog } from '../projections/mixed-log.ts';
import type { Answer, Movement } from '../scenarios/clients.ts';
import { openAccount, send } from '../scenarios/clients.ts';
import { eventually } from '../scenarios/eventually.ts';
import type { LogEvent } from '../scenarios/log.ts';
import { readLog } from '../scenarios/log.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { ledgerEnvironment, spawnLedger } from '../stack/ledger-process.ts';
import type { TestDatabase } from '../stack/postgres.ts';
import { startPostgres } from '../stack/postgres.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import { processesNaming } from './processes-naming.ts';
import { runVerb } from './run-verb.ts';

const program = join(import.meta.dirname, '../../src/cli/ledger.ts');
const Taken = z.object({ events: z.string(), firstPosition: z.string(), lastPosition: z.string(), lastEventId: z.string() });
const Revision = z.string().transform(BigInt);
const USER = { name: 'carol', password: 'correct horse battery' };
const LATER_USER = { name: 'dave', password: 'correct horse battery' };
const SETTINGS = { LEDGER_KEY_SECRET: TEST_KEY_SECRET, LEDGER_EMBEDDED_BROKER: 'false', LEDGER_CHAIN_EVENTS: '40' };

/** A deposit that a client was told is applied. */
interface Acknowledged {
  readonly command: Movement;
  readonly position: bigint;
  readonly revision: bigint;
}

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());
let folder: string;
let source: TestDatabase;
let backup: string;
let taken: z.infer<typeof Taken>;
/** Signed long after the backup, and taken away by somebody. */
let laterCheckpoint: string;
/** Who registered after the backup was taken. */
let laterUserId: string;
let logAtSource: Awaited<ReturnType<typeof readLog>>;
const acknowledged: Acknowledged[] = [];

const environmentOf = (dataDir: string, database: TestDatabase) => ({
  ...SETTINGS,
  LEDGER_DATA_DIR: join(folder, dataDir),
  DATABASE_URL: database.url,
});
const auth = (ledger: LedgerProcess, route: 'register' | 'login', user = USER) =>
  fetch(`${ledger.apiUrl}/v1/auth/${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(user),
  });
async function registerLater(ledger: LedgerProcess): Promise<string> {
  const response = await auth(ledger, 'register', LATER_USER);
  expect(response.status).toBe(201);
  return z.object({ userId: z.string() }).parse(await response.json()).userId;
}
const asAcknowledged = (command: Movement, { httpStatus, body }: Answer): Acknowledged => {
  expect(httpStatus, JSON.stringify(body)).toBe(201);
  return { command, position: Revision.parse(body.position), revision: Revision.parse(body.revision) };
};

/** What a backup keeps of an event: not when the store recorded it. */
const asKept = ({ stream, revision, position, id, type, data, metadata }: LogEvent) => ({
  stream,
  revision,
  position,
  id,
  type,
  data,
  metadata,
});

beforeAll(async () => {
  folder = await scratchFolder();
  opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));
  source = opened.use(await startPostgres());
  backup = join(folder, 'backup');
  const environment = environmentOf('source', source);
  const ledger = await spawnLedger(environment);
  expect((await auth(ledger, 'register')).status).toBe(201);
  const accounts = await Promise.all(Array.from({ length: 6 }, () => openAccount(ledger.apiUrl)));

  let isEnding = false;
  const load = accounts.map(async (accountId) => {
    while (!isEnding) {
      const command: Movement = { type: 'deposit', accountId, key: randomUUID(), asset: 'USD', amount: '0.01' };
      acknowledged.push(asAcknowledged(command, await send(ledger.apiUrl, command)));
    }
  });
  await eventually('there is something to back up', () => acknowledged.length > 300);
  const verb = await runVerb(['backup', backup, '--json'], environment);
  expect(verb).toMatchObject({ code: 0, stderr: '' });
  taken = Taken.parse(JSON.parse(verb.stdout));
  const before = acknowledged.length;
  laterUserId = await registerLater(ledger);
  await eventually('more was acknowledged since', () => acknowledged.length > before + 50);
  isEnding = true;
  await Promise.all(load);
  laterCheckpoint = (await runVerb(['chain', 'sign'], environment)).stdout;
  logAtSource = await readLog(readRuntimeFile(ledger.dataDir)?.eventstoreUrl ?? '', 'account-', 'asset-');
  await ledger.close();
});

/** Restored there, and what the verb said. */
async function restore(dataDir: string, database: TestDatabase, from = backup) {
  return runVerb(['restore', from, '--json'], environmentOf(dataDir, database));
}

describe('a backup taken under load and restored elsewhere', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = opened.use(await startPostgres());
    const { code, stdout, stderr } = await restore('elsewhere', database);
    expect(stderr).toContain('building the projections');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ...taken, proven: taken.events, behind: { events: '0', ownersWithoutUser: [] } });
  });

  test('verify and diff find nothing wrong, and the log is proven to its end', async () => {
    const environment = environmentOf('elsewhere', database);
    const verified = await runVerb(['verify', '--json'], environment);
    expect(JSON.parse(verified.stdout)).toMatchObject({ count: 0, findings: [], chain: { proven: taken.events } });
    expect(verified.code).toBe(0);
    // A rebuild beside it, to compare with.
    expect(await runVerb(['rebuild', '--json'], environment)).toMatchObject({ code: 0 });
    expect(await runVerb(['diff'], environment)).toMatchObject({ code: 0 });
    expect(await runVerb(['rebuild', '--drop'], environment)).toMatchObject({ code: 0 });
  });

  test('the log is that of the source up to the stated position: events, places, data and metadata', async () => {
    const server = await startEmbeddedEventStore({ dataDir: join(folder, 'elsewhere') });
    const restored = await readLog(server.url, 'account-', 'asset-').finally(() => server.stop());
    const expected = logAtSource.filter(({ position }) => position <= BigInt(taken.lastPosition));
    expect(restored.map(asKept)).toEqual(expected.map(asKept));
    expect(restored.at(-1)).toMatchObject({ id: taken.lastEventId, position: BigInt(taken.lastPosition) });
    expect(expected.length).toBeLessThan(logAtSource.length);
  });

  test('the log in a backup is checked with the public key alone', async () => {
    const key = join(folder, 'key.json');
    writeFileSync(key, (await runVerb(['chain', 'key'], environmentOf('elsewhere', database))).stdout);
    const offline = {
      LEDGER_DATA_DIR: join(folder, 'none'),
      EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false',
      DATABASE_URL: 'postgres://127.0.0.1:1/none',
    };
    const checked = await runVerb(['chain', 'verify', join(backup, 'log.jsonl'), '--key', key], offline);
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining(`${taken.events} events are as they were signed`) });
  });

  test('an auditor who kept a later checkpoint is told that what it signs is not there', async () => {
    const file = join(folder, 'later.json');
    writeFileSync(file, laterCheckpoint);
    const { code, stdout } = await runVerb(['chain', 'verify', '--checkpoint', file], environmentOf('elsewhere', database));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^signed_event_missing: /);
  });

  test('the service works on it: what was acknowledged is there once, what came after the backup is not there and can be sent again', async () => {
    await using ledger = await spawnLedger(environmentOf('elsewhere', database));
    expect((await auth(ledger, 'login')).status).toBe(200);
    const last = BigInt(taken.lastPosition);
    const [kept, lost] = [acknowledged.filter(({ position }) => position <= last), acknowledged.filter(({ position }) => position > last)];
    expect(kept.length).toBeGreaterThan(0);
    expect(lost.length).toBeGreaterThan(0);
    for (const { command, position, revision } of kept) {
      const { isHit, body } = await send(ledger.apiUrl, command);
      expect({ isHit, position: body.position, revision: body.revision }).toEqual({
        isHit: true,
        position: `${position}`,
        revision: `${revision}`,
      });
    }
    for (const { command } of lost) expect(await send(ledger.apiUrl, command)).toMatchObject({ isHit: false, httpStatus: 201 });
    expect(await runVerb(['verify'], environmentOf('elsewhere', database))).toMatchObject({ code: 0 });
  });

  test('it is not restored a second time over what is there', async () => {
    const before = readFileSync(join(folder, 'elsewhere/eventstore/events.sqlite'));
    const again = await restore('elsewhere', database);
    expect(again).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/Postgres is not empty: there are rows in leases, .*users/),
    });
    expect(readFileSync(join(folder, 'elsewhere/eventstore/events.sqlite'))).toEqual(before);
  });
});

describe('an event store that has a log', () => {
  test('is taken as it is where that is the log of the backup, and goes on behind it', async () => {
    const database = opened.use(await startPostgres());
    cpSync(join(folder, 'source/eventstore'), join(folder, 'copied/eventstore'), { recursive: true });
    const { code, stdout } = await restore('copied', database);
    expect(code).toBe(0);
    const behind = logAtSource.filter(({ position }) => position > BigInt(taken.lastPosition)).length;
    // Who registered after the backup was taken has an account in the log, and is nobody in the backup's tables.
    expect(JSON.parse(stdout).behind).toEqual({ events: `${behind}`, ownersWithoutUser: [laterUserId] });
    const verified = await runVerb(['verify', '--json'], environmentOf('copied', database));
    expect(JSON.parse(verified.stdout)).toMatchObject({ count: 0, events: `${logAtSource.length}` });
  });

  test('is left alone where it is another, and so is Postgres', async () => {
    const database = opened.use(await startPostgres());
    const dataDir = join(folder, 'other');
    const server = await startEmbeddedEventStore({ dataDir });
    const store = connectEventStore(server.url);
    await writeMixedLog(store.streams, { events: 30, accounts: 2 });
    await store.close();
    await server.stop();
    const refused = await restore('other', database);
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('has a log, and not that of the backup') });
    // Elsewhere the same database still takes it.
    expect(await restore('not-other', database)).toMatchObject({ code: 0 });
  });
});

test('a restore that is interrupted ends with 130, leaves no process, and is started again with an empty Postgres', async () => {
  const [first, second] = [opened.use(await startPostgres()), opened.use(await startPostgres())];
  const child = spawn(process.execPath, [program, 'restore', backup], {
    env: ledgerEnvironment(environmentOf('interrupted', first)),
    cwd: tmpdir(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  for await (const line of createInterface(child.stderr)) if (line.startsWith('comparing')) child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(processesNaming(join(folder, 'interrupted'))).toEqual([]);
  expect(await restore('interrupted', second)).toMatchObject({ code: 0 });
});

test('a backup never overwrites anything', async () => {
  const target = join(folder, 'taken');
  mkdirSync(target);
  writeFileSync(join(target, 'mine'), 'mine');
  const refused = await runVerb(['backup', target], environmentOf('source', source));
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(`${target} is not empty: nothing is overwritten`) });
  expect(readdirSync(target)).toEqual(['mine']);
});

describe('a damaged backup', () => {
  const damages: ReadonlyArray<readonly [string, (file: string) => void]> = [
    ['missing', (file) => rmSync(file)],
    ['cut off', (file) => truncateSync(file, Math.max(0, readFileSync(file).length - 1))],
    ['longer by a byte', (file) => appendFileSync(file, ' ')],
    [
      'changed in one byte',
      (file) => {
        const bytes = readFileSync(file);
        const at = Math.floor(bytes.length / 2);
        if (bytes.length > 0) bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
        writeFileSync(file, bytes);
      },
    ],
  ];

  test.each(damages)('is refused with the name of the file that is %s', async (_, damage) => {
    expect((await readBackup(backup)).manifest.format).toBe('ledgerfold-backup/1');
    const files = readdirSync(backup);
    expect(files).toHaveLength(8);
    let refused = 0;
    for (const name of files) {
      const copy = join(folder, `damaged-${randomUUID()}`);
      cpSync(backup, copy, { recursive: true });
      damage(join(copy, name));
      const isSame = existsSync(join(copy, name)) && readFileSync(join(copy, name)).equals(readFileSync(join(backup, name)));
      const reading = readBackup(copy);
      if (isSame)
        await reading; // a table without rows has no byte to lose
      else {
        await expect(reading).rejects.toThrow(BackupDamaged);
        await expect(readBackup(copy)).rejects.toThrow(`the backup is damaged: ${name} `);
        refused += 1;
      }
      rmSync(copy, { recursive: true });
    }
    expect(refused).toBeGreaterThanOrEqual(6);
  });

  test('is refused by the verb before anything is started or written', async () => {
    const copy = join(folder, 'damaged');
    cpSync(backup, copy, { recursive: true });
    truncateSync(join(copy, 'log.jsonl'), 100);
    const database = opened.use(await startPostgres());
    const refused = await restore('nowhere', database, copy);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^ledger: the backup is damaged: log\.jsonl has 100 bytes instead of \d+; nothing was restored\n$/);
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });
});
