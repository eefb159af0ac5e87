import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryFolder } from './harness/folders.ts';
import { connect, event, readEverything } from './harness/official-client.ts';
import { PATIENTLY, runToEnd, startServerProcess } from './harness/server-process.ts';

test('says in one line that it is ready, and nothing else', async () => {
  const server = await startServerProcess({ args: ['--host', '127.0.0.1', '--port', '0', '--memory'] });
  expect(server.stdout()).toMatch(/^embedded-eventstore ready esdb:\/\/127\.0\.0\.1:[1-9]\d+\?tls=false\n$/);
  expect(server.stderr()).toBe('');
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it cleanly, subscribers and all', async (signal) => {
  const folder = temporaryFolder();
  const server = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  const client = connect(server.url);
  const subscription = client.subscribeToAll();
  const ended = new Promise((resolve) => subscription.on('error', resolve));
  await new Promise((resolve) => subscription.on('caughtUp', resolve));
  await client.appendToStream('some', event());
  expect(await server.stop(signal)).toEqual({ code: 0, signal: null });
  expect(await ended).toMatchObject({ type: 'unavailable' });
  // The write-ahead log was worked off: the one file holds everything.
  expect(fs.readdirSync(folder).sort()).toEqual(['events.sqlite', 'lock']);
});

test('appends under way at SIGTERM are answered, and what was answered is there', async () => {
  const folder = temporaryFolder();
  const server = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  const client = connect(server.url);
  await client.appendToStream('stopped', event());
  const outcomes = Array.from({ length: 200 }, () =>
    client.appendToStream('stopped', event()).then(
      () => true,
      () => false,
    ),
  );
  await vi.waitUntil(async () => (await readEverything(client, 'stopped')).length > 1, PATIENTLY);
  await server.stop('SIGTERM');
  const acknowledged = (await Promise.all(outcomes)).filter((done) => done).length;
  await client.dispose();
  const restarted = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  expect((await readEverything(connect(restarted.url), 'stopped')).length).toBeGreaterThanOrEqual(acknowledged + 1);
});

test('a port in use is named', async () => {
  const first = await startServerProcess({ args: ['--port', '0', '--memory'] });
  const { port } = new URL(first.url);
  const folder = temporaryFolder();
  const second = await runToEnd({ args: ['--port', port, '--data', folder] });
  expect(second).toMatchObject({ code: 1, stdout: '', stderr: `embedded-eventstore: port ${port} on 127.0.0.1 is in use\n` });
});

test.each([
  [[], 'give either --data DIR or --memory'],
  [['--memory', '--data', 'x'], 'give either --data DIR or --memory'],
  [['--memory', '--port', '70000'], '--port 70000 is not a port'],
  [['--memory', '--cert', 'x'], '--cert and --key go together'],
  [['--memory', '--live-buffer', '0'], '--live-buffer must be 1 or more'],
  [['--memory', '--wrong'], "Unknown option '--wrong'"],
])('%j is refused with the reason and the usage', async (args, reason) => {
  const { code, stdout, stderr } = await runToEnd({ args });
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(reason);
  expect(stderr).toContain('--live-buffer N');
});

test('--help shows the usage', async () => {
  const { code, stdout } = await runToEnd({ args: ['--help'] });
  expect(code).toBe(0);
  expect(stdout).toContain('embedded-eventstore --data DIR');
});

test('speaks TLS with a certificate and its key', async () => {
  const folder = temporaryFolder();
  const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost'].concat([
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ]),
    { stdio: 'ignore' },
  );
  const server = await startServerProcess({ args: ['--port', '0', '--memory', '--cert', cert, '--key', key] });
  expect(server.url).toMatch(/\?tls=true$/);
  const client = EventStoreDBClient.connectionString(`${server.url}&tlsCAFile=${encodeURIComponent(cert)}`);
  onTestFinished(() => client.dispose());
  await client.appendToStream('secret', event());
  expect(await readEverything(client)).toHaveLength(1);

  const wrong = await runToEnd({ args: ['--port', '0', '--memory', '--cert', key, '--key', cert] });
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toMatch(/^embedded-eventstore: .+\n$/);
});

test('esdb+discover finds the server by gossip', async () => {
  const server = await startServerProcess({ args: ['--port', '0', '--memory'] });
  const client = connect(server.url.replace('esdb:', 'esdb+discover:'));
  await client.appendToStream('discovered', event());
  expect(await readEverything(client)).toHaveLength(1);
});
