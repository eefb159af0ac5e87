import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';

const lock = z
  .object({ packages: z.record(z.string(), z.object({ optionalDependencies: z.record(z.string(), z.string()).optional() })) })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8')));

test('the lock file has the programs of every platform, so that npm ci works on each', () => {
  // npm leaves out what it could not fetch when it wrote the file, and then refuses to install from it elsewhere.
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isLocked(path, name)),
  );
  expect(missing).toEqual([]);
});

function isLocked(dependent: string, name: string): boolean {
  const nested = `${dependent === '' ? '' : `${dependent}/`}node_modules/${name}`;
  if (nested in lock.packages) return true;
  const parent = dependent.lastIndexOf('node_modules/');
  return parent >= 0 && isLocked(dependent.slice(0, parent).replace(/\/$/, ''), name);
}
