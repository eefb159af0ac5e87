import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AppendOutcome, appenders } from './harness/appenders.ts';
import { client } from './harness/connection.ts';
import { at, collect, event, events, nth, positionOf, recorded, revisions, stored, streamOf, uniqueStream } from './harness/streams.ts';
import { record } from './harness/subscription-recorder.ts';

const count = (outcomes: AppendOutcome[], result: AppendOutcome['result']) => outcomes.filter((each) => each.result === result).length;

describe.each(appenders)('%s', (_name, append) => {
  test('of 100 writers who expect the same revision exactly one wins', async () => {
    const stream = await streamOf(events(3));
    const writers = Array.from({ length: 100 }, (_, n) => append(stream, [event(n)], 2n));
    const outcomes = await Promise.all(writers);
    expect(count(outcomes, 'written')).toBe(1);
    expect(outcomes.filter((each) => each.result !== 'written')).toEqual(
      Array.from({ length: 99 }, () => ({ result: 'wrong-expected-version', expected: 2n, current: 3n })),
    );
    expect(await revisions(stream)).toEqual([0n, 1n, 2n, 3n]);
  });

  test('of 100 writers who expect no stream exactly one wins', async () => {
    const stream = uniqueStream();
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => append(stream, [event(n)], 'no_stream')));
    expect(count(outcomes, 'written')).toBe(1);
    expect(count(outcomes, 'wrong-expected-version')).toBe(99);
    expect(await revisions(stream)).toEqual([0n]);
  });

  test('100 writers who expect any revision all write, each at a revision of its own', async () => {
    const stream = uniqueStream();
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => append(stream, [event(n)], 'any')));
    const written = outcomes.map((each) => (each.result === 'written' ? each.revision : each.result));
    expect(new Set(written).size).toBe(100);
    expect(await revisions(stream)).toEqual(Array.from({ length: 100 }, (_, n) => BigInt(n)));
  });

  test('writers who retry after a conflict all get in, one revision each', async () => {
    const stream = await streamOf([event()]);
    const writer = async (n: number) => {
      let current: bigint = 0n;
      for (;;) {
        const outcome = await append(stream, [event(n)], current);
        if (outcome.result === 'written') return;
        if (outcome.result !== 'wrong-expected-version' || outcome.current === 'no_stream') throw new Error(outcome.result);
        current = outcome.current;
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, n) => writer(n)));
    const numbers = (await collect(client.readStream(stream, { fromRevision: 1n }))).map((resolved) => recorded(resolved).data);
    expect(numbers).toHaveLength(12);
    expect(new Set(numbers.map((data) => JSON.stringify(data))).size).toBe(12);
  });

  test('calls of several events at once never interleave, in their stream or in the log', async () => {
    const stream = await streamOf([event()]);
    const calls = Array.from({ length: 20 }, () => events(5));
    await Promise.all(calls.map((written) => append(stream, written, 'any')));
    const inStream = (await stored(stream)).slice(1);
    for (let call = 0; call < 20; call++) {
      const ids = inStream.slice(call * 5, call * 5 + 5).map((each) => each.id);
      expect(calls.map((written) => written.map((each) => each.id))).toContainEqual(ids);
      const from = nth(inStream, call * 5).position;
      const inLog = await collect(client.readAll({ fromPosition: at(from), maxCount: 5 }));
      expect(inLog.map((resolved) => recorded(resolved).id)).toEqual(ids);
    }
  });
});

test('writers on many streams get dense revisions in each and one order over all', async () => {
  const prefix = `contract-${randomUUID()}-`;
  const streams = Array.from({ length: 10 }, (_, n) => `${prefix}${n}`);
  await using subscription = record({ from: 'end', filter: { on: 'stream', prefixes: [prefix] } });
  await subscription.until('caughtUp');
  await Promise.all(
    streams.map(async (stream) => {
      for (let revision = 0n; revision < 10n; revision++) {
        await client.appendToStream(stream, event(), { expectedRevision: revision === 0n ? 'no_stream' : revision - 1n });
      }
    }),
  );
  await subscription.until('event', 100);
  const read = (await Promise.all(streams.map((stream) => collect(client.readStream(stream))))).flat().map(positionOf);
  expect(subscription.positions()).toEqual(read.sort((a, b) => (a < b ? -1 : 1)));
});

test('readers see a prefix of the stream at every moment of a write', async () => {
  const stream = await streamOf([event()]);
  let writing = true;
  const writer = (async () => {
    for (let n = 0; n < 50; n++) await client.appendToStream(stream, events(2));
    writing = false;
  })();
  let length = 0;
  while (writing) {
    const seen = await revisions(stream);
    expect(seen).toEqual(seen.map((_, n) => BigInt(n)));
    expect(seen.length).toBeGreaterThanOrEqual(length);
    expect(seen.length % 2).toBe(1);
    length = seen.length;
  }
  await writer;
  expect(await revisions(stream)).toHaveLength(101);
});

test('a deletion and appends that race leave one consistent stream', async () => {
  const stream = await streamOf(events(3));
  const outcomes = await Promise.allSettled([
    client.deleteStream(stream, { expectedRevision: 2n }),
    ...Array.from({ length: 10 }, (_, n) => client.appendToStream(stream, event(n), { expectedRevision: 2n })),
  ]);
  const appended = outcomes.slice(1).filter((each) => each.status === 'fulfilled');
  expect(appended).toHaveLength(1);
  const { nextExpectedRevision } = await client.appendToStream(stream, event(), { expectedRevision: 3n });
  expect(nextExpectedRevision).toBe(4n);
});
