import { startEventStore } from 'embedded-eventstore';
import { expect, onTestFinished, test } from 'vitest';
import { connect, event, readEverything } from './harness/official-client.ts';

test('far more appends at once than are read at a time are all answered', async () => {
  const store = await startEventStore({ storage: 'memory' });
  onTestFinished(() => store.close());
  const client = connect(store.url);
  const appends = Array.from({ length: 6_000 }, (_, n) => client.appendToStream(`stream-${n % 100}`, event(), { deadline: 60_000 }));
  const outcomes = await Promise.all(appends);
  expect(new Set(outcomes.map(({ position }) => position?.commit)).size).toBe(6_000);
  expect(await readEverything(client)).toHaveLength(6_000);
});

test('an append in several chunks is one append', async () => {
  const store = await startEventStore({ storage: 'memory' });
  onTestFinished(() => store.close());
  const client = connect(store.url);
  const events = Array.from({ length: 50 }, () => event({ filler: 'x'.repeat(1000) }));
  const outcomes = await Promise.all(
    ['one', 'two'].map((stream) => client.appendToStream(stream, events, { batchAppendSize: 3000, expectedRevision: 'no_stream' })),
  );
  expect(outcomes.map(({ nextExpectedRevision }) => nextExpectedRevision)).toEqual([49n, 49n]);
  expect((await readEverything(client, 'one')).map(({ id }) => id)).toEqual(events.map(({ id }) => id));
});

test('any number of reads may be cancelled', async () => {
  const store = await startEventStore({ storage: 'memory' });
  onTestFinished(() => store.close());
  const client = connect(store.url);
  await client.appendToStream(
    'long',
    Array.from({ length: 100 }, () => event()),
  );
  const firstOf = async (stream: string): Promise<bigint | undefined> => {
    const read = client.readStream(stream);
    try {
      const { value } = await read.iterator({ destroyOnReturn: false }).next();
      return value?.event?.revision;
    } finally {
      await read.cancel();
      read.resume();
    }
  };
  for (let round = 0; round < 100; round += 1) {
    const firsts = await Promise.all(Array.from({ length: 50 }, () => firstOf('long')));
    expect(new Set(firsts)).toEqual(new Set([0n]));
  }
});
