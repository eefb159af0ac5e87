import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '..');
const names = z.record(z.string(), z.string()).default({});
const manifest = z.object({ dependencies: names, devDependencies: names });

function installed(kind: 'dependencies' | 'devDependencies'): string[] {
  const files = ['package.json', ...globSync('packages/*/package.json', { cwd: root })];
  return [...new Set(files.flatMap((file) => Object.keys(manifest.parse(JSON.parse(readFileSync(join(root, file), 'utf8')))[kind])))];
}

test('docs/dependencies.md gives a reason for every dependency, and for nothing else', () => {
  const page = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
  const reasons = new Map([...page.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(([, name = '', reason = '']) => [name, reason]));
  const all = [...new Set([...installed('dependencies'), ...installed('devDependencies')])];
  expect([...reasons.keys()].sort()).toEqual(all.sort());
  for (const [name, reason] of reasons) expect(reason.length, name).toBeGreaterThan(20);
});
