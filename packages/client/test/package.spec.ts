import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
let folder: string;
let installed: string;

/** Packs a copy, because packing changes package.json for a moment; then installs it in a folder of its own. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ledger-client-'));
  const copy = join(folder, 'repository');
  for (const part of ['src', 'migrations', 'tsconfig.json', 'package.json'])
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  for (const part of ['src', 'scripts', 'package.json', 'tsconfig.build.json', 'README.md']) {
    cpSync(join(ROOT, 'packages/client', part), join(copy, 'packages/client', part), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const manifest = join(copy, 'packages/client/package.json');
  const before = readFileSync(manifest, 'utf8');
  await run('npm', ['pack', '--pack-destination', folder], { cwd: join(copy, 'packages/client') });
  expect(readFileSync(manifest, 'utf8')).toBe(before);

  installed = join(folder, 'installed');
  mkdirSync(installed);
  writeFileSync(join(installed, 'package.json'), '{ "private": true, "type": "module" }');
  const tarball = join(folder, 'ledgerfold-client-0.1.0.tgz');
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], { cwd: installed });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what is published has no code of the service, and needs none of its dependencies', () => {
  const published = join(installed, 'node_modules/@ledgerfold/client');
  const code = globSync('**/*.js', { cwd: published });
  expect(code).not.toHaveLength(0);
  expect(code.filter((file) => !file.startsWith('dist/packages/client/src/'))).toEqual([]);
  for (const file of code) expect(readFileSync(join(published, file), 'utf8'), file).not.toMatch(/from '(\.\.\/)+src\//);
});

test('it runs where it is installed, and its types are those of the contract', async () => {
  const script = join(installed, 'use.ts');
  writeFileSync(
    script,
    `import type { Applied, ProblemCode } from '@ledgerfold/client';
     import { createLedgerClient, LedgerUnreachable } from '@ledgerfold/client';
     const ledger = createLedgerClient({ url: 'http://127.0.0.1:1', deadlineMs: 50 });
     const deposited = (): Promise<Applied<'deposit'>> => ledger.deposit('7c9e6679-7425-40de-944b-e07fc1f90ae7', { asset: 'USD', amount: '1' });
     deposited().catch((error) => console.log(error instanceof LedgerUnreachable, error.key.length));
     export const known: ProblemCode = 'insufficient_funds';
     // @ts-expect-error there is no such code, so the codes are not just any string
     export const unknown: ProblemCode = 'no_such_code';
     // @ts-expect-error amounts are strings, so the bodies are not just anything
     export const wrong = () => ledger.deposit('', { asset: 'USD', amount: 1 });
     // @ts-expect-error an order has no such field, so answers are not just anything
     export const field = async () => (await ledger.getOrder('')).currency;
    `,
  );
  expect((await run(process.execPath, [script], { cwd: installed })).stdout).toBe('true 36\n');
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
  await run(join(ROOT, 'node_modules/.bin/tsc'), [...options, '--typeRoots', join(ROOT, 'node_modules/@types'), script], {
    cwd: installed,
  });
});
