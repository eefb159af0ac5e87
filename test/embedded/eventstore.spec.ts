import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EventStoreDBClient, jsonEvent, START } from '@eventstore/db-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startEmbeddedEventStore } from '../../src/embedded/eventstore.ts';
import { isRunning, waitUntilGone } from '../../src/embedded/process-identity.ts';
import { PATIENCE_MS } from '../stack/patience.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { orphanedServer } from './orphaned-server.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await scratchFolder();
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

async function withClient<T>(url: string, use: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
  const client = EventStoreDBClient.connectionString(url);
  try {
    return await use(client);
  } finally {
    await client.dispose();
  }
}

const append = (url: string): Promise<unknown> =>
  withClient(url, (client) => client.appendToStream('kept', [jsonEvent({ type: 'happened', data: { n: 1 } })]));
const eventsIn = (url: string): Promise<number> =>
  withClient(url, async (client) => {
    let count = 0;
    for await (const _ of client.readStream('kept', { fromRevision: START })) count += 1;
    return count;
  });

test('keeps its events and its port, and leaves no process', async () => {
  const first = await startEmbeddedEventStore({ dataDir });
  await append(first.url);
  await first.stop();
  expect(isRunning(first.pid)).toBe(false);
  expect((await stat(join(dataDir, 'eventstore'))).mode & 0o777).toBe(0o700);

  const second = await startEmbeddedEventStore({ dataDir });
  expect(second.url).toBe(first.url);
  expect(await eventsIn(second.url)).toBe(1);
  await second.stop();
});

test('what was appended survives a kill -9 of the server', async () => {
  const first = await startEmbeddedEventStore({ dataDir });
  await append(first.url);
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const second = await startEmbeddedEventStore({ dataDir });
  expect(await eventsIn(second.url)).toBe(1);
  await second.stop();
});

test('ends with the process that started it, even when that one is killed', async () => {
  const { pid } = await orphanedServer('eventstore', dataDir, { keepGuard: true });
  expect(await waitUntilGone(pid, PATIENCE_MS)).toBe(true);
});

test('a server that lost its parent and its guard is replaced', async () => {
  const { pid, url } = await orphanedServer('eventstore', dataDir, { keepGuard: false });
  await append(url);
  const next = await startEmbeddedEventStore({ dataDir });
  expect(isRunning(pid)).toBe(false);
  expect(await eventsIn(next.url)).toBe(1);
  await next.stop();
});
