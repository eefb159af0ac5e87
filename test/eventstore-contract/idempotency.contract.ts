import { describe, expect, test } from 'vitest';
import { appenders } from './harness/appenders.ts';
import { client } from './harness/connection.ts';
import { event, events, nth, revisions, stored, streamOf, uniqueStream } from './harness/streams.ts';

describe.each(appenders)('%s', (_name, append) => {
  describe.each(['any', 'stream_exists'] as const)('expecting %s', (expected) => {
    test('answers a repeated call with the original revision and position', async () => {
      const written = events(3);
      const stream = await streamOf(written);
      const original = nth(await stored(stream), 2);
      await append(stream, events(2), 'any');
      const repeated = await append(stream, written, expected);
      expect(repeated).toEqual({ result: 'written', revision: 2n, position: original.position });
      expect(await revisions(stream)).toHaveLength(5);
    });

    test('answers a repeated part of a call with the revision of its last event', async () => {
      const written = events(3);
      const stream = await streamOf(written);
      const original = nth(await stored(stream), 1);
      const repeated = await append(stream, written.slice(0, 2), expected);
      expect(repeated).toEqual({ result: 'written', revision: 1n, position: original.position });
      expect(await revisions(stream)).toHaveLength(3);
    });

    test('refuses a known id followed by an unknown one', async () => {
      const known = event();
      const stream = await streamOf([known, event()]);
      expect(await append(stream, [known, event()], expected)).toMatchObject({ result: 'wrong-expected-version', expected });
      expect(await revisions(stream)).toHaveLength(2);
    });

    test('writes when the first id is unknown, even if a later one is known', async () => {
      const known = event();
      const stream = await streamOf([known]);
      expect(await append(stream, [event(), known], expected)).toMatchObject({ result: 'written', revision: 2n });
      expect(await revisions(stream)).toHaveLength(3);
    });

    test('takes an id known to another stream for unknown', async () => {
      const written = events(2);
      await streamOf(written);
      const stream = await streamOf([event()]);
      expect(await append(stream, written, expected)).toMatchObject({ result: 'written', revision: 2n });
    });

    test('goes by the ids alone, not by the content', async () => {
      const written = event(1);
      const stream = await streamOf([written]);
      const repeated = await append(stream, [{ ...event(2), id: written.id }], expected);
      expect(repeated).toMatchObject({ result: 'written', revision: 0n });
      expect(await revisions(stream)).toHaveLength(1);
    });
  });

  describe('expecting an exact revision', () => {
    test('answers a repeated call with the original revision and position', async () => {
      const stream = await streamOf(events(2));
      const written = events(3);
      const original = await append(stream, written, 1n);
      expect(await append(stream, written, 1n)).toEqual(original);
      expect(await revisions(stream)).toHaveLength(5);
    });

    test('answers a repeated call for ever, however far the stream has moved on', async () => {
      const written = events(2);
      const stream = uniqueStream();
      const original = await append(stream, written, 'no_stream');
      for (let call = 0; call < 20; call++) await append(stream, events(5), 'any');
      expect(await append(stream, written, 'no_stream')).toEqual(original);
      expect(await revisions(stream)).toHaveLength(102);
    });

    test('answers a repeated part of a call with the revision of its last event', async () => {
      const written = events(3);
      const stream = await streamOf(written);
      const second = nth(await stored(stream), 1);
      expect(await append(stream, written.slice(1, 2), 0n)).toEqual({ result: 'written', revision: 1n, position: second.position });
    });

    test('answers a repetition that spans two earlier calls', async () => {
      const [first, second] = [events(2), events(2)];
      const stream = await streamOf(first);
      const last = await append(stream, second, 1n);
      expect(await append(stream, [...first, ...second], 'no_stream')).toEqual(last);
    });

    test('refuses ids that are known, but not at these revisions', async () => {
      const written = events(3);
      const stream = await streamOf(written);
      const shifted = await append(stream, [nth(written, 1)], 'no_stream');
      expect(shifted).toEqual({ result: 'wrong-expected-version', expected: 'no_stream', current: 2n });
    });

    test('refuses a repetition with one id changed', async () => {
      const written = events(3);
      const stream = await streamOf(written);
      const changed = [nth(written, 0), event(), nth(written, 2)];
      expect(await append(stream, changed, 'no_stream')).toMatchObject({ result: 'wrong-expected-version', expected: 'no_stream' });
      expect(await revisions(stream)).toHaveLength(3);
    });

    test('refuses a repetition with one event more than there are', async () => {
      const written = events(2);
      const stream = await streamOf(written);
      expect(await append(stream, [...written, event()], 'no_stream')).toMatchObject({ result: 'wrong-expected-version' });
      expect(await revisions(stream)).toHaveLength(2);
    });

    test('writes known ids again at the current revision', async () => {
      const written = events(2);
      const stream = await streamOf(written);
      expect(await append(stream, written, 1n)).toMatchObject({ result: 'written', revision: 3n });
      expect(await revisions(stream)).toEqual([0n, 1n, 2n, 3n]);
    });

    test('refuses known ids above the current revision', async () => {
      const written = events(2);
      const stream = await streamOf(written);
      expect(await append(stream, written, 5n)).toEqual({ result: 'wrong-expected-version', expected: 5n, current: 1n });
    });

    test('goes by the ids alone, not by the content', async () => {
      const written = event(1);
      const stream = await streamOf([written]);
      expect(await append(stream, [{ ...event(2), id: written.id }], 'no_stream')).toMatchObject({ result: 'written', revision: 0n });
    });
  });

  test('a repetition to a soft-deleted stream succeeds without a position and leaves it deleted', async () => {
    const written = events(2);
    const stream = await streamOf(written);
    await client.deleteStream(stream);
    for (const expected of ['any', 'no_stream'] as const) {
      expect(await append(stream, written, expected)).toEqual({ result: 'written', revision: 1n, position: undefined });
    }
    await expect(revisions(stream)).rejects.toMatchObject({ type: 'stream-not-found' });
  });
});

test('a call by one RPC is recognised when it is repeated by the other', async () => {
  const written = events(3);
  const stream = uniqueStream();
  const [[, byAppend], [, byBatchAppend]] = [nth(appenders, 0), nth(appenders, 1)];
  const original = await byAppend(stream, written, 'no_stream');
  expect(await byBatchAppend(stream, written, 'no_stream')).toEqual(original);
  expect(await byAppend(stream, written, 'any')).toEqual(original);
});

test('ids that differ only in case are the same id', async () => {
  const written = event();
  const stream = await streamOf([written]);
  await client.appendToStream(stream, { ...written, id: written.id.toUpperCase() }, { expectedRevision: 'no_stream' });
  expect(await revisions(stream)).toEqual([0n]);
});
