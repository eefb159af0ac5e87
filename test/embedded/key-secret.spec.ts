// The key secret of a data folder: made once, and nobody else's to read.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keySecretOf } from '../../src/embedded/key-secret.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await scratchFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const modeOf = async (...path: readonly string[]): Promise<number> => (await stat(join(folder, ...path))).mode & 0o777;

test('is made once, in a file for its owner alone, in a folder that an embedded Postgres can pass through', async () => {
  const dataDir = join(folder, 'data');
  const secret = keySecretOf(dataDir);
  expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(keySecretOf(dataDir)).toBe(secret);
  expect(await modeOf('data', 'key-secret')).toBe(0o600);
  expect(await modeOf('data')).toBe(0o711);
  expect(await readdir(dataDir)).toEqual(['key-secret']);
});

test('each folder has its own', () => {
  expect(keySecretOf(join(folder, 'one'))).not.toBe(keySecretOf(join(folder, 'other')));
});
