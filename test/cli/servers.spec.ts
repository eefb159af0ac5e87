import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spawnLedger } from '../stack/ledger-process.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { startStores, type TestStores } from '../stack/stores.ts';
import { processesNaming } from './processes-naming.ts';
import { runVerb } from './run-verb.ts';

let stores: TestStores;
let dataDir: string;
beforeAll(async () => {
  stores = await startStores();
  dataDir = await scratchFolder();
});
afterAll(async () => {
  await stores?.close();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

const run = (args: readonly string[], environment: Record<string, string>) => runVerb(args, { LEDGER_DATA_DIR: dataDir, ...environment });

test('a verb uses the servers that the environment names', async () => {
  const first = await run(['migrate', '--json'], stores.environment);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(first.stdout).applied).toContain('0001-projections');
  expect(JSON.parse((await run(['migrate', '--json'], stores.environment)).stdout)).toEqual({ applied: [] });
});

test('it starts its own for as long as it takes, and leaves none behind', async () => {
  const own = await run(['migrate', '--json'], {});
  expect(own).toMatchObject({ code: 0, stderr: expect.stringContaining('starting Postgres') });
  expect(JSON.parse(own.stdout).applied).toContain('0001-projections');
  expect(processesNaming(dataDir)).toEqual([]);
});

test('it uses those of the ledger that runs on its data folder', async () => {
  await using ledger = await spawnLedger({ LEDGER_DATA_DIR: dataDir, LEDGER_EMBEDDED_BROKER: 'false' });
  expect(await run(['migrate', '--json'], {})).toEqual({ code: 0, stdout: '{"applied":[]}\n', stderr: '' });
  expect(await ledger.stop()).toMatchObject({ code: 0 });
});

test.each([
  { what: 'Postgres', environment: { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' }, verb: 'migrate' },
  { what: 'Postgres', environment: { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' }, verb: 'start' },
  { what: 'the event store', environment: { EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false' }, verb: 'start' },
])('ledger $verb ends with 3 when $what is out of reach', async ({ environment, verb }) => {
  const { code, stderr } = await run([verb], { ...stores.environment, ...environment });
  expect(stderr).toMatch(/ECONNREFUSED|unavailable/);
  expect(code).toBe(3);
});
