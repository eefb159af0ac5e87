import { describe, expect, test } from 'vitest';
import { appenders } from './harness/appenders.ts';
import { client } from './harness/connection.ts';
import { collect, event, events, nth, positionOf, recorded, stored, streamOf, uniqueStream } from './harness/streams.ts';

describe.each(appenders)('%s', (_name, append) => {
  test('numbers the first event of a stream 0', async () => {
    const stream = uniqueStream();
    expect(await append(stream, [event()], 'no_stream')).toMatchObject({ result: 'written', revision: 0n });
    expect((await stored(stream)).map((each) => each.revision)).toEqual([0n]);
  });

  test('answers with the revision of the last event of the call', async () => {
    const stream = await streamOf(events(2));
    expect(await append(stream, events(5), 1n)).toMatchObject({ result: 'written', revision: 6n });
  });

  test('answers with the log position of the last event of the call', async () => {
    const stream = uniqueStream();
    const outcome = await append(stream, events(3), 'no_stream');
    const all = await stored(stream);
    expect(outcome).toMatchObject({ result: 'written', position: nth(all, 2).position });
  });

  test('gives each event of a call a position of its own, strictly increasing', async () => {
    const stream = uniqueStream();
    await append(stream, events(4), 'no_stream');
    const positions = (await stored(stream)).map((each) => each.position);
    expect(positions).toHaveLength(4);
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => (a < b ? -1 : 1)));
  });

  test('keeps the order of the events within one call', async () => {
    const stream = uniqueStream();
    const written = events(50);
    await append(stream, written, 'any');
    expect((await stored(stream)).map((each) => each.id)).toEqual(written.map((each) => each.id));
  });

  test('writes later appends to later positions', async () => {
    const [first, second] = [uniqueStream(), uniqueStream()];
    const earlier = await append(first, [event()], 'any');
    const later = await append(second, [event()], 'any');
    if (earlier.result !== 'written' || later.result !== 'written') throw new Error('not written');
    expect(later.position).toBeGreaterThan(earlier.position ?? 0n);
  });

  test('stores the events of one call next to each other in the log', async () => {
    const stream = uniqueStream();
    const written = events(5);
    await append(stream, written, 'no_stream');
    const first = nth(await stored(stream), 0);
    const inLog = await collect(client.readAll({ fromPosition: { commit: first.position, prepare: first.position }, maxCount: 5 }));
    expect(inLog.map((resolved) => recorded(resolved).id)).toEqual(written.map((each) => each.id));
  });

  test('accepts a stream name of any characters', async () => {
    const stream = `${uniqueStream()} äöü/✓?#%20&"'`;
    expect(await append(stream, [event()], 'no_stream')).toMatchObject({ result: 'written', revision: 0n });
    const [only] = await collect(client.readStream(stream));
    expect(recorded(only).streamId).toBe(stream);
  });

  test('takes stream names that differ only in case for different streams', async () => {
    const stream = uniqueStream('case');
    await append(stream, events(2), 'no_stream');
    expect(await append(stream.toUpperCase(), [event()], 'no_stream')).toMatchObject({ result: 'written', revision: 0n });
  });

  test('can be read back at once', async () => {
    const stream = uniqueStream();
    for (let revision = 0n; revision < 10n; revision++) {
      const outcome = await append(stream, [event()], revision === 0n ? 'no_stream' : revision - 1n);
      const last = nth(await collect(client.readStream(stream, { direction: 'backwards', fromRevision: 'end', maxCount: 1 })), 0);
      expect(outcome).toEqual({ result: 'written', revision, position: positionOf(last) });
    }
  });
});

test('an append that asks for the leader is served', async () => {
  const stream = uniqueStream();
  const { success } = await client.appendToStream(stream, event(), { requiresLeader: true });
  expect(success).toBe(true);
  expect(await collect(client.readStream(stream, { requiresLeader: true }))).toHaveLength(1);
});

test('both RPCs write into the same streams', async () => {
  const stream = uniqueStream();
  for (let revision = 0n; revision < 6n; revision += 2n) {
    for (const [offset, [, append]] of appenders.entries()) {
      const expected = revision + BigInt(offset);
      expect(await append(stream, [event()], expected === 0n ? 'no_stream' : expected - 1n)).toMatchObject({ revision: expected });
    }
  }
});
