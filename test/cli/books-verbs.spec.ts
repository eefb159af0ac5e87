// The verbs that explain the books, as processes: beside a running ledger, without Postgres, alone with a data folder.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { newAccountId } from '../eventstore/new-events.ts';
import { writeMixedLog } from '../projections/mixed-log.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { ledgerEnvironment, spawnLedger } from '../stack/ledger-process.ts';
import { waitUntil } from '../stack/waiting.ts';
import { processesNaming } from './processes-naming.ts';
import { runVerb } from './run-verb.ts';

const program = join(import.meta.dirname, '../../src/cli/ledger.ts');
let dataDir: string;
let accountId: string;
let head: bigint | undefined;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ledger-test-'));
  const server = await startEmbeddedEventStore({ dataDir });
  const store = connectEventStore(server.url);
  const { accountIds } = await writeMixedLog(store.streams, { events: 3_000, accounts: 10 });
  accountId = accountIds[0] ?? '';
  head = (await store.streams.head())?.position;
  await store.close();
  await server.stop();
});
afterAll(() => rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));

const run = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  runVerb(args, { LEDGER_DATA_DIR: dataDir, ...environment });
/** Nobody listens there. */
const NO_POSTGRES = { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' };

describe('where no ledger runs', () => {
  test.each([['replay'], ['history']])('ledger %s needs the event store alone, and leaves none behind', async (verb) => {
    const { code, stdout, stderr } = await run([verb, accountId, '--json'], NO_POSTGRES);
    expect(stderr).toMatch(/^starting the event store on port \d+\n$/);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).revision)).toEqual(lines.map((_, n) => `${n}`));
    expect(processesNaming(dataDir)).toEqual([]);
  });

  test('ledger replay ends where it is told to', async () => {
    const all = (await run(['replay', accountId, '--json'])).stdout.trimEnd().split('\n');
    const { position, occurredAt } = JSON.parse(all[9] ?? '');
    const upTo = async (to: string) => (await run(['replay', accountId, '--json', '--to', to])).stdout.trimEnd().split('\n');
    expect(await upTo(position)).toEqual(all.slice(0, 10));
    expect(await upTo(occurredAt)).toEqual(all.slice(0, 10));
    expect(await run(['replay', accountId, '--to', '2001-01-01'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`there is no account ${accountId} up to there`),
    });
  });

  test('Ctrl-C in the middle of an export ends with 130, and what was started with it', async () => {
    const child = spawn(process.execPath, [program, 'export', 'hledger'], {
      env: ledgerEnvironment({ LEDGER_DATA_DIR: dataDir }),
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = once(child, 'exit');
    // More than a pipe holds is still to come, and nobody takes it before the signal is there.
    await once(child.stdout, 'readable');
    child.kill('SIGINT');
    child.stdout.resume();
    expect(await ended).toEqual([130, null]);
    expect(processesNaming(dataDir)).toEqual([]);
  });
});

describe('beside a ledger that runs', () => {
  let ledger: LedgerProcess;
  beforeAll(async () => {
    ledger = await spawnLedger({ LEDGER_DATA_DIR: dataDir, LEDGER_EMBEDDED_BROKER: 'false' });
    await waitUntil(async () => (await ask(`balances?minPosition=${head}`)).ok);
  });
  afterAll(() => ledger.close());

  const ask = (path: string): Promise<Response> =>
    fetch(`${ledger.apiUrl}/v1/accounts/${accountId}/${path}`, { headers: { authorization: `Bearer ${ledger.operatorToken}` } });
  const get = async (path: string): Promise<string> => {
    const answer = await ask(path);
    expect(answer.status).toBe(200);
    return answer.text();
  };
  /** What a verb says and what the API does, at one position: transfers of the log that are under way are led to their end meanwhile. */
  const bothSay = async (args: readonly string[], path: string) => {
    for (;;) {
      const api = await get(path);
      const verb = await run(args);
      if ((await get(path)) === api) return { api, verb };
    }
  };
  const AT = ['--at', '2026-01-31T12:00:00Z', '--by', 'effective'];

  test('balances and statements are what the API answers', async () => {
    const now = await bothSay(['balances', accountId, '--json'], 'balances');
    expect(now.verb).toMatchObject({ code: 0, stderr: expect.stringMatching(/^as of position \d+\n$/) });
    expect(JSON.parse(now.verb.stdout)).toEqual(JSON.parse(now.api));
    expect(JSON.parse(now.api).data.length).toBeGreaterThan(2);
    const then = await bothSay(['balances', accountId, '--json', ...AT], 'balances?at=2026-01-31T12:00:00Z&by=effective');
    expect(JSON.parse(then.verb.stdout)).toEqual(JSON.parse(then.api));
    const period = ['statement', accountId, '--asset', 'USD', '--from', '2026-01-01'];
    const asked = 'statement?asset=USD&from=2026-01-01T00:00:00Z';
    const json = await bothSay([...period, '--format', 'json'], asked);
    expect(json.verb.stdout).toBe(`${json.api}\n`);
    const csv = await bothSay([...period, '--format', 'csv'], `${asked}&format=csv`);
    expect(csv.verb.stdout).toBe(csv.api);
  });

  test('an export is what it is without a ledger', async () => {
    const { stdout } = await run(['export', 'csv', '--to', '400000']);
    expect(stdout.split('\r\n').length).toBeGreaterThan(100);
    await ledger.stop();
    expect((await run(['export', 'csv', '--to', '400000'])).stdout).toBe(stdout);
    ledger = await spawnLedger({ LEDGER_DATA_DIR: dataDir, LEDGER_EMBEDDED_BROKER: 'false' });
  });

  test.each([['replay'], ['statement', '--asset', 'USD']])('ledger %s of an account that is none: 1', async (...args) => {
    const [verb = '', ...more] = args;
    const nobody = newAccountId();
    const { code, stdout, stderr } = await run([verb, nobody, ...more]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n').at(-1)).toBe(`ledger: there is no account ${nobody}`);
  });

  test('a statement in an asset that is none: 1', async () => {
    expect(await run(['statement', accountId, '--asset', 'XAU'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('no asset XAU'),
    });
  });

  test.each([
    ['replay', 'nobody'],
    ['balances', '7c9e6679-7425-40de-944b-e07fc1f90ae7', '--by', 'effective'],
    ['statement', '7c9e6679-7425-40de-944b-e07fc1f90ae7', '--asset', 'USD', '--from', '2026-01-02', '--to', '2026-01-01'],
    ['export', 'ledger'],
  ])('ledger %s %s: wrong use', async (...args) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: /);
  });
});

describe('an event store', () => {
  let silent: Server;
  beforeAll(async () => {
    // Takes connections, and says nothing on them.
    silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });
  afterAll(() => void silent.close());

  test('that is out of reach: 3', async () => {
    expect(await run(['replay', accountId], { EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false' })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('unavailable'),
    });
  });

  test('that does not answer is waited for until Ctrl-C: 130', async () => {
    const address = silent.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    const connected = once(silent, 'connection');
    const child = spawn(process.execPath, [program, 'replay', accountId], {
      env: ledgerEnvironment({ LEDGER_DATA_DIR: dataDir, EVENTSTORE_URL: `esdb://127.0.0.1:${address.port}?tls=false` }),
      cwd: tmpdir(),
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    const [socket] = await connected;
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    socket.destroy();
  });
});
