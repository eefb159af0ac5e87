import { execFileSync } from 'node:child_process';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from './harness/folders.ts';
import { connect, event, readEverything } from './harness/official-client.ts';
import { PATIENTLY, startServerProcess } from './harness/server-process.ts';

/** In the 1,024 bytes of bash: 1 MiB for every file the server writes. */
const LIMIT = ['bash', '-c', 'ulimit -S -f 1024; exec "$@"', 'limited'];

test('a full disk refuses appends, serves everything else, loses nothing, and is recovered from', async () => {
  const folder = temporaryFolder();
  const server = await startServerProcess({ args: ['--port', '0', '--data', folder], through: LIMIT });
  const client = connect(server.url);
  const written = await appendUntilRefused(client);

  expect(written).toBeGreaterThan(10);
  expect(await readEverything(client, 'fills')).toHaveLength(written);
  await expect(client.appendToStream('fills', large(), { expectedRevision: BigInt(written - 1) })).rejects.toThrow();
  await vi.waitUntil(() => server.stderr() !== '', PATIENTLY);
  expect(server.stderr().match(/writes are refused/g)).toHaveLength(1);

  // Room again: the same server goes on.
  execFileSync('prlimit', ['--pid', String(server.pid), '--fsize=unlimited:']);
  const after = await client.appendToStream('fills', large(), { expectedRevision: BigInt(written - 1) });
  expect(after.nextExpectedRevision).toBe(BigInt(written));
  await vi.waitUntil(() => server.stderr().includes('writes are accepted again'), PATIENTLY);
  await client.dispose();
  await server.stop('SIGKILL');

  const restarted = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  expect((await readEverything(connect(restarted.url), 'fills')).map(({ revision }) => Number(revision))).toEqual(
    Array.from({ length: written + 1 }, (_, n) => n),
  );
});

test('a full disk under its messages, too, keeps it from saying so, and from nothing else', async () => {
  const folder = temporaryFolder();
  // What is written to this device finds no room.
  const through = ['bash', '-c', 'ulimit -S -f 1024; exec "$@" 2> /dev/full', 'limited'];
  const server = await startServerProcess({ args: ['--port', '0', '--data', folder], through });
  const client = connect(server.url);
  const written = await appendUntilRefused(client);
  await expect(client.appendToStream('fills', large(), { expectedRevision: BigInt(written - 1) })).rejects.toThrow();
  expect(await readEverything(client, 'fills')).toHaveLength(written);

  execFileSync('prlimit', ['--pid', String(server.pid), '--fsize=unlimited:']);
  const after = await client.appendToStream('fills', large(), { expectedRevision: BigInt(written - 1) });
  expect(after.nextExpectedRevision).toBe(BigInt(written));
  await client.dispose();
});

function large() {
  return event({ filler: 'x'.repeat(20_000) });
}

/** The number of appends that were acknowledged before the first that was refused. */
async function appendUntilRefused(client: EventStoreDBClient): Promise<number> {
  for (let n = 0; n < 500; n++) {
    try {
      await client.appendToStream('fills', large());
    } catch {
      return n;
    }
  }
  throw new Error('the disk never became full');
}
