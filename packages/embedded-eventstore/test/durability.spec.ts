import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { expect, test } from 'vitest';
import { temporaryFolder } from './harness/folders.ts';
import { connect, event, readEverything } from './harness/official-client.ts';
import { startServerProcess } from './harness/server-process.ts';

const ROUNDS = 6;
const WRITERS = 32;
const STREAMS = 20;

interface Attempt {
  readonly id: string;
  readonly stream: string;
}

interface Acknowledged extends Attempt {
  readonly revision: bigint;
  readonly position: bigint | undefined;
}

test('every acknowledged append survives kill -9, once, where it was said to be', async () => {
  const folder = temporaryFolder();
  const acknowledged: Acknowledged[] = [];
  let unknown: Attempt[] = [];

  for (let round = 0; round < ROUNDS; round++) {
    const server = await startServerProcess({ args: ['--port', '0', '--data', folder] });
    const client = connect(server.url);
    const retried = unknown;
    unknown = [];
    let killed = false;
    // The outcome of an append that was under way at the kill is unknown: the same id again must not write it twice.
    for (const attempt of retried) acknowledged.push(await append(client, attempt));
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let n = writer; !killed; n++) {
        const attempt = { id: randomUUID(), stream: `kill-${n % STREAMS}` };
        try {
          acknowledged.push(await append(client, attempt));
        } catch {
          unknown.push(attempt);
        }
      }
    });
    await sleep(150 + Math.random() * 200);
    killed = true;
    await server.stop('SIGKILL');
    await Promise.all(writers);
  }

  const server = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  const client = connect(server.url);
  for (const attempt of unknown) acknowledged.push(await append(client, attempt));
  const stored = await readEverything(client, 'kill-');
  expect(acknowledged.length).toBeGreaterThan(ROUNDS * WRITERS);
  expect(stored.map(({ id, streamId, revision, position }) => `${id} ${revision}@${streamId} ${position?.commit}`).sort()).toEqual(
    acknowledged.map(({ id, stream, revision, position }) => `${id} ${revision}@${stream} ${position}`).sort(),
  );
  for (let stream = 0; stream < STREAMS; stream++) {
    const revisions = stored.filter(({ streamId }) => streamId === `kill-${stream}`).map(({ revision }) => Number(revision));
    expect(revisions).toEqual(revisions.map((_, index) => index));
  }
  await server.stop('SIGTERM');
});

async function append(client: EventStoreDBClient, attempt: Attempt): Promise<Acknowledged> {
  const { nextExpectedRevision, position } = await client.appendToStream(attempt.stream, event({}, attempt.id));
  return { ...attempt, revision: nextExpectedRevision, position: position?.commit };
}

test('a clean stop and a start again change nothing', async () => {
  const folder = temporaryFolder();
  const first = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  const before = connect(first.url);
  await before.appendToStream('kept', [event({ n: 1 }), event({ n: 2 })]);
  await before.setStreamMetadata('kept', { maxCount: 1 });
  await before.appendToStream('gone', event());
  await before.deleteStream('gone');
  await before.appendToStream('closed', event());
  await before.tombstoneStream('closed');
  const read = await readEverything(before);
  await first.stop('SIGTERM');

  const second = await startServerProcess({ args: ['--port', '0', '--data', folder] });
  const after = connect(second.url);
  expect(await readEverything(after)).toEqual(read);
  expect(await after.getStreamMetadata('kept')).toMatchObject({ metadata: { maxCount: 1 } });
  await expect(after.appendToStream('closed', event())).rejects.toMatchObject({ type: 'stream-deleted' });
  const { nextExpectedRevision, position } = await after.appendToStream('gone', event(), { expectedRevision: 'no_stream' });
  expect(nextExpectedRevision).toBe(1n);
  expect(position?.commit).toBeGreaterThan(read.at(-1)?.position?.commit ?? 0n);
  await second.stop('SIGTERM');
});
