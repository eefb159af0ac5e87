import { EventStoreDBClient } from '@eventstore/db-client';
import { expect, test } from 'vitest';
import { waitFor } from '../stack/waiting.ts';
import { byAppend } from './harness/appenders.ts';
import { eventstoreUrl } from './harness/connection.ts';
import { rawRead, readRequest, revisionsIn } from './harness/raw-read.ts';
import { collect, event, events, recorded, uniqueStream } from './harness/streams.ts';
import { record } from './harness/subscription-recorder.ts';

// The clients of this file are used one after another: all clients of a process share their pending appends.

test('a client that lists several hosts finds the server among them', async () => {
  const url = eventstoreUrl.replace(/^(esdb(?:\+discover)?:\/\/(?:[^@/]*@)?)([^/?]+)/, '$1$2,$2');
  const client = EventStoreDBClient.connectionString(url);
  try {
    const stream = uniqueStream();
    await client.appendToStream(stream, event(), { expectedRevision: 'no_stream' });
    expect(await collect(client.readStream(stream))).toHaveLength(1);
  } finally {
    await client.dispose();
  }
});

test('a client that is disposed ends its subscriptions and leaves the server and others as they were', async () => {
  const stream = uniqueStream();
  const client = EventStoreDBClient.connectionString(eventstoreUrl);
  await client.appendToStream(stream, events(2), { expectedRevision: 'no_stream' });
  await using other = record({ stream });
  await other.until('caughtUp');
  const seen: bigint[] = [];
  const subscription = client.subscribeToStream(stream);
  subscription.on('data', (resolved) => seen.push(recorded(resolved).revision));
  await waitFor(() => expect(seen).toEqual([0n, 1n]));
  await client.dispose();
  expect(await byAppend(stream, [event()], 1n)).toMatchObject({ result: 'written', revision: 2n });
  await other.until('event', 3);
  expect(revisionsIn((await rawRead(readRequest({ stream }))).responses)).toEqual([0n, 1n, 2n]);
  expect(seen).toEqual([0n, 1n]);
});

test('a client can follow another on the same server and sees what it wrote', async () => {
  const stream = uniqueStream();
  for (let revision = 0n; revision < 3n; revision++) {
    const client = EventStoreDBClient.connectionString(eventstoreUrl);
    const { nextExpectedRevision } = await client.appendToStream(stream, event(), {
      expectedRevision: revision === 0n ? 'no_stream' : revision - 1n,
    });
    expect(nextExpectedRevision).toBe(revision);
    await client.dispose();
  }
});
