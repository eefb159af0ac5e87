import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonEvent } from '@eventstore/db-client';
import { startEventStore } from 'embedded-eventstore';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryFolder } from './harness/folders.ts';
import { connect, event } from './harness/official-client.ts';
import { allSubscription, rawClient } from './harness/raw-client.ts';
import { PATIENTLY, startServerProcess } from './harness/server-process.ts';

const MIB = 1024 * 1024;

test('subscribers that do not read cost bounded memory and slow nobody else', async () => {
  const server = await startServerProcess({ args: ['--port', '0', '--data', temporaryFolder()] });
  const client = connect(server.url);
  const page = () => Array.from({ length: 100 }, () => event({ filler: 'x'.repeat(8000) }));
  // Warm: caches that are bounded anyway are full before memory is compared.
  for (let n = 0; n < 20; n++) await client.appendToStream('large', page());
  for await (const _ of client.readAll()) {
    // Read through once.
  }
  const before = residentBytes(server.pid);

  const stalled = Array.from({ length: 10 }, () => rawClient(server.url).read(allSubscription()));
  for (const call of stalled) call.on('error', () => {}).pause();
  await sleep(300);
  for (let n = 0; n < 10; n++) await client.appendToStream('large', page());
  let read = 0;
  for await (const _ of client.readAll()) read++;

  expect(read).toBe(3000);
  // Ten subscribers, each 24 MB behind: kept in memory that would be 240 MB.
  expect(residentBytes(server.pid) - before).toBeLessThan(100 * MIB);

  // None of them has lost anything: each goes on where it stood.
  const [first] = stalled;
  let received = 0;
  first?.on('data', (response) => {
    if (response.hasEvent()) received++;
  });
  first?.resume();
  await vi.waitUntil(() => received === 3000, PATIENTLY);
  for (const call of stalled) call.cancel();
});

function residentBytes(pid: number): number {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** A live subscription of the official client, and what it got. */
async function liveSubscription(url: string) {
  const client = connect(url);
  const subscription = client.subscribeToStream('live');
  const got: bigint[] = [];
  const state: { caughtUp: boolean; error: Error | undefined } = { caughtUp: false, error: undefined };
  subscription.on('data', ({ event }) => got.push(event?.revision ?? -1n));
  subscription.on('caughtUp', () => {
    state.caughtUp = true;
  });
  subscription.on('error', (error) => {
    state.error = error;
  });
  await client.appendToStream('live', event());
  await vi.waitUntil(() => state.caughtUp, PATIENTLY);
  return { client, got, state };
}

test('with a live buffer, an append larger than it cuts the live subscriber off, as the real server does', async () => {
  const store = await startEventStore({ storage: 'memory', liveBuffer: 32 });
  onTestFinished(() => store.close());
  const { client, got, state } = await liveSubscription(store.url);
  await client.appendToStream(
    'live',
    Array.from({ length: 32 }, () => event()),
  );
  await vi.waitUntil(() => got.length === 33, PATIENTLY);
  await client.appendToStream(
    'live',
    Array.from({ length: 200 }, () => event()),
  );
  await vi.waitUntil(() => state.error !== undefined, PATIENTLY);
  expect(state.error).toMatchObject({ type: 'timeout', code: 10 });
  expect(state.error?.message).toContain('Consumer too slow to handle event while live');
  expect(got.length).toBeLessThan(233);

  // The client takes up where it stood and loses nothing.
  const rest: bigint[] = [];
  const again = client.subscribeToStream('live', { fromRevision: got.at(-1) ?? 0n });
  again.on('data', ({ event }) => rest.push(event?.revision ?? -1n));
  await vi.waitUntil(() => got.length + rest.length === 233, PATIENTLY);
  expect([...got, ...rest]).toEqual(Array.from({ length: 233 }, (_, n) => BigInt(n)));
});

test('with a live buffer, many small appends at a time cut nobody off who reads', async () => {
  const store = await startEventStore({ storage: 'memory', liveBuffer: 32 });
  onTestFinished(() => store.close());
  const { client, got, state } = await liveSubscription(store.url);
  await Promise.all(Array.from({ length: 500 }, () => client.appendToStream('live', event())));
  await vi.waitUntil(() => got.length === 501, PATIENTLY);
  expect(state.error).toBeUndefined();
});

test('without a live buffer nobody is cut off, whatever the append', async () => {
  const store = await startEventStore({ storage: 'memory' });
  onTestFinished(() => store.close());
  const { client, got, state } = await liveSubscription(store.url);
  await client.appendToStream(
    'live',
    Array.from({ length: 5000 }, () => jsonEvent({ type: 'tested', data: {} })),
  );
  await vi.waitUntil(() => got.length === 5001, PATIENTLY);
  expect(state.error).toBeUndefined();
});
