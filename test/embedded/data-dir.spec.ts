import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataDirLockedError, lockDataDir } from '../../src/embedded/data-dir-lock.ts';
import { readRuntimeFile, writeRuntimeFile } from '../../src/embedded/runtime-file.ts';

let dataDir: string;
const contenders: ChildProcess[] = [];
beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'ledger-test-')), 'deep', 'data');
});
afterEach(async () => {
  for (const contender of contenders.splice(0)) contender.kill('SIGKILL');
  await rm(join(dataDir, '..', '..'), { recursive: true, force: true });
});

const contend = `
  import { lockDataDir } from ${JSON.stringify(join(import.meta.dirname, '../../src/embedded/data-dir-lock.ts'))};
  try { lockDataDir(process.argv[1]); console.log('holds'); } catch (error) { console.log(error.name); }
  setInterval(() => {}, 60_000);
`;

/** A process of its own that takes the lock and stays; says whether it got it. */
async function contender(): Promise<{ outcome: string; process: ChildProcess }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', contend, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  contenders.push(child);
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { outcome: String(line), process: child };
}

test('a second instance is refused with the folder and the process', async () => {
  const { process: first } = await contender();
  expect(() => lockDataDir(dataDir)).toThrow(DataDirLockedError);
  expect(() => lockDataDir(dataDir)).toThrow(new RegExp(`process ${first.pid}.*${dataDir}`));
});

test('of many that start at once, one gets the folder', async () => {
  const outcomes = (await Promise.all(Array.from({ length: 6 }, contender))).map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === 'holds')).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome === 'DataDirLockedError')).toHaveLength(5);
});

test('the folder of a killed instance is free at once', async () => {
  const { process: first } = await contender();
  const gone = once(first, 'exit');
  first.kill('SIGKILL');
  await gone;
  const lock = lockDataDir(dataDir);
  lock.release();
  lock.release();
  expect((await contender()).outcome).toBe('holds');
});

const servers = {
  apiUrl: 'http://127.0.0.1:3000',
  eventstoreUrl: 'esdb://127.0.0.1:1?tls=false',
  databaseUrl: 'postgres://a:b@127.0.0.1:2/c',
};

test('runtime.json is for its owner only, is read back, and goes with a clean stop', () => {
  const lock = lockDataDir(dataDir);
  const remove = writeRuntimeFile(dataDir, servers);
  expect(statSync(join(dataDir, 'runtime.json')).mode & 0o777).toBe(0o600);
  expect(readRuntimeFile(dataDir)).toEqual(servers);
  remove();
  expect(existsSync(join(dataDir, 'runtime.json'))).toBe(false);
  expect(readRuntimeFile(dataDir)).toBeUndefined();
  lock.release();
});

test('the runtime.json that a killed ledger left behind is not believed', async () => {
  const { process: first } = await contender();
  const gone = once(first, 'exit');
  first.kill('SIGKILL');
  await gone;
  writeFileSync(join(dataDir, 'runtime.json'), JSON.stringify({ ...servers, pid: first.pid }));
  expect(readRuntimeFile(dataDir)).toBeUndefined();
});
