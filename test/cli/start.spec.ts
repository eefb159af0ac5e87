import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRuntimeFile } from '../../src/embedded/runtime-file.ts';
import { ledgerEnvironment, spawnLedger } from '../stack/ledger-process.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { processesNaming } from './processes-naming.ts';

const program = join(import.meta.dirname, '../../src/cli/ledger.ts');
let dataDir: string;
beforeEach(async () => {
  dataDir = await scratchFolder();
});
afterEach(async () => {
  for (const { pid } of processesNaming(dataDir)) process.kill(pid, 'SIGKILL');
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

/** For what is about the process and its stores: a broker takes seconds to come up, and as long to go. */
const WITHOUT_BROKER = { LEDGER_EMBEDDED_BROKER: 'false' };

test('brings its stores up, refuses a second instance, ends with Ctrl-C, continues at the next start, and recovers from kill -9', async () => {
  const first = await spawnLedger({ LEDGER_DATA_DIR: dataDir });
  const servers = readRuntimeFile(dataDir);
  expect(servers).toMatchObject({ eventstoreUrl: expect.stringMatching(/^esdb:/), databaseUrl: expect.stringMatching(/^postgres:/) });
  // A broker comes up where one is installed; else a line says that commands stay inside the process.
  expect(servers?.amqpUrl !== undefined || first.stderr().includes('no rabbitmq-server is installed')).toBe(true);

  await expect(spawnLedger({ LEDGER_DATA_DIR: dataDir })).rejects.toThrow(new RegExp(`code 2.*process ${first.pid}.* ${dataDir}`, 's'));

  expect(await first.stop('SIGINT')).toEqual({ code: 130, signal: null });
  expect(processesNaming(dataDir)).toEqual([]);
  expect(existsSync(join(dataDir, 'runtime.json'))).toBe(false);

  const second = await spawnLedger({ LEDGER_DATA_DIR: dataDir });
  expect(readRuntimeFile(dataDir)).toMatchObject({ eventstoreUrl: servers?.eventstoreUrl, databaseUrl: servers?.databaseUrl });
  expect(await second.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });

  const third = await spawnLedger({ LEDGER_DATA_DIR: dataDir });
  expect(readRuntimeFile(dataDir)).toBeDefined();
  expect(await third.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(processesNaming(dataDir)).toEqual([]);
});

test('the private broker can be done without', async () => {
  await using ledger = await spawnLedger({ LEDGER_DATA_DIR: dataDir, ...WITHOUT_BROKER });
  expect(readRuntimeFile(dataDir)).not.toHaveProperty('amqpUrl');
  expect(ledger.stderr()).toContain('AMQP_URL names no broker: commands stay inside this process');
  expect((await ledger.stop()).code).toBe(0);
});

test('roles that have nothing to do without a broker ask for one', async () => {
  const environment = { LEDGER_DATA_DIR: dataDir, ...WITHOUT_BROKER, LEDGER_ROLES: 'consumer,publisher' };
  await expect(spawnLedger(environment)).rejects.toThrow(/code 2.*set AMQP_URL/s);
});

test('a Ctrl-C that goes to the whole group, and is sent on by npm, stops it in order', async () => {
  const child = spawn(process.execPath, [program, 'start'], {
    env: ledgerEnvironment({ LEDGER_DATA_DIR: dataDir, ...WITHOUT_BROKER }),
    cwd: tmpdir(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  while (!output.includes('Ctrl-C stops it')) await sleep(25);
  const ended = once(child, 'exit');
  const { pid = 0 } = child;
  process.kill(-pid, 'SIGINT');
  process.kill(pid, 'SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(processesNaming(dataDir)).toEqual([]);
  // A server that had been interrupted by the terminal would have written so, or would need recovery.
  expect(await readFile(join(dataDir, 'postgres.log'), 'utf8')).toContain('database system is shut down');
});

test('can be interrupted while it is still starting', async () => {
  const child = spawn(process.execPath, [program, 'start'], {
    env: ledgerEnvironment({ LEDGER_DATA_DIR: dataDir }),
    cwd: tmpdir(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  await once(child.stderr, 'data');
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(processesNaming(dataDir)).toEqual([]);
});

test('stops when a server that it depends on dies', async () => {
  const ledger = await spawnLedger({ LEDGER_DATA_DIR: dataDir, ...WITHOUT_BROKER });
  const eventStore = processesNaming(dataDir).find(({ commandLine }) => commandLine.includes('eventstore'));
  process.kill(eventStore?.pid ?? 0, 'SIGKILL');
  expect(await ledger.exited).toEqual({ code: 3, signal: null });
  expect(ledger.stderr()).toContain('the embedded event store was ended by SIGKILL');
  expect(processesNaming(dataDir)).toEqual([]);
});

test.each([
  {
    what: 'an invalid setting',
    args: ['start'],
    environment: { PORT: 'x', LEDGER_NONSENSE: '1' },
    code: 2,
    says: /PORT.*LEDGER_NONSENSE|LEDGER_NONSENSE.*PORT/s,
  },
  { what: 'an unknown role', args: ['start', '--roles', 'cook'], environment: {}, code: 2, says: /LEDGER_ROLES must be/ },
  { what: 'an unknown verb', args: ['begin'], environment: {}, code: 2, says: /unknown command/ },
  { what: 'an unknown option', args: ['start', '--fast'], environment: {}, code: 2, says: /unknown option/ },
  { what: 'a cry for help', args: ['--help'], environment: {}, code: 0, says: /Usage: ledger/ },
])('$what ends with $code', async ({ args, environment, code, says }) => {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...ledgerEnvironment({ LEDGER_DATA_DIR: dataDir }), ...environment },
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  expect((await once(child, 'close'))[0]).toBe(code);
  expect(output).toMatch(says);
});

test('ledger config prints what is in effect, as JSON for programs', async () => {
  const child = spawn(process.execPath, [program, 'config', '--json'], {
    env: ledgerEnvironment({ LEDGER_DATA_DIR: dataDir, DATABASE_URL: 'postgres://u:hunter2@h/d' }),
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { settings } = JSON.parse((await child.stdout.toArray()).join(''));
  expect(settings).toContainEqual({ variable: 'LEDGER_DATA_DIR', value: dataDir, from: 'environment' });
  expect(settings).toContainEqual({ variable: 'DATABASE_URL', value: '(secret)', from: 'environment' });
});

test('says which port is taken, and leaves nothing behind', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(spawnLedger({ LEDGER_DATA_DIR: dataDir, ...WITHOUT_BROKER, PORT: `${port}` })).rejects.toThrow(
    new RegExp(`code 2.*PORT ${port} is taken`, 's'),
  );
  expect(processesNaming(dataDir)).toEqual([]);
  taken.close();
});

test('ledger config whose reader has seen enough ends quietly', async () => {
  const child = spawn(process.execPath, [program, 'config'], {
    env: ledgerEnvironment({}),
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  await once(child, 'close');
  expect(errors).toBe('');
});
