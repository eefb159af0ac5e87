import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from './harness/folders.ts';
import { connect, event, readEverything } from './harness/official-client.ts';
import { startServerProcess } from './harness/server-process.ts';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = path.resolve(PACKAGE, '../..');

/** Packs a copy: packing changes package.json for a moment, which others may be reading. */
async function pack(folder: string): Promise<string> {
  const copy = path.join(folder, 'packages/embedded-eventstore');
  for (const part of ['src', 'scripts', 'package.json', 'tsconfig.build.json', 'README.md']) {
    fs.cpSync(path.join(PACKAGE, part), path.join(copy, part), { recursive: true });
  }
  fs.copyFileSync(path.join(ROOT, 'tsconfig.json'), path.join(folder, 'tsconfig.json'));
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  const before = fs.readFileSync(path.join(copy, 'package.json'), 'utf8');
  await run('npm', ['pack', '--pack-destination', folder], { cwd: copy });
  expect(fs.readFileSync(path.join(copy, 'package.json'), 'utf8')).toBe(before);
  return path.join(folder, 'embedded-eventstore-0.1.0.tgz');
}

test('what npm packs installs into an empty folder, and its bin and API run there', async () => {
  const tarball = await pack(temporaryFolder());
  const folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], { cwd: folder });

  const server = await startServerProcess({
    args: ['--port', '0', '--memory'],
    bin: path.join(folder, 'node_modules/.bin/embedded-eventstore'),
  });
  const client = connect(server.url);
  await client.appendToStream('installed', event());
  expect(await readEverything(client)).toHaveLength(1);
  await client.dispose();

  const script = path.join(folder, 'use.ts');
  fs.writeFileSync(
    script,
    `import { type EventStore, startEventStore, StorageError } from 'embedded-eventstore';
     const store: EventStore = await startEventStore({ storage: 'memory' });
     console.log(store.url, typeof StorageError);
     await store.close();`,
  );
  expect((await run(process.execPath, [script], { cwd: folder })).stdout).toMatch(/^esdb:\/\/127\.0\.0\.1:\d+\?tls=false function\n$/);
  // Its types resolve too.
  const tsc = path.join(ROOT, 'node_modules/.bin/tsc');
  await run(
    tsc,
    [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--types',
      'node',
      '--typeRoots',
      path.join(ROOT, 'node_modules/@types'),
      script,
    ],
    {
      cwd: folder,
    },
  );
});
