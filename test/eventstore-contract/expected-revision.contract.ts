import { describe, expect, test } from 'vitest';
import { appenders } from './harness/appenders.ts';
import { client } from './harness/connection.ts';
import { event, events, revisions, streamOf, uniqueStream } from './harness/streams.ts';

describe.each(appenders)('%s', (_name, append) => {
  describe('expecting any', () => {
    test('creates a missing stream', async () => {
      expect(await append(uniqueStream(), [event()], 'any')).toMatchObject({ result: 'written', revision: 0n });
    });

    test('appends to the end of an existing one', async () => {
      expect(await append(await streamOf(events(3)), [event()], 'any')).toMatchObject({ result: 'written', revision: 3n });
    });
  });

  describe('expecting no stream', () => {
    test('creates a missing stream', async () => {
      expect(await append(uniqueStream(), events(2), 'no_stream')).toMatchObject({ result: 'written', revision: 1n });
    });

    test('is refused by an existing one, naming its revision', async () => {
      const stream = await streamOf(events(3));
      expect(await append(stream, [event()], 'no_stream')).toEqual({
        result: 'wrong-expected-version',
        expected: 'no_stream',
        current: 2n,
      });
      expect(await revisions(stream)).toEqual([0n, 1n, 2n]);
    });

    test('creates a stream that has only metadata', async () => {
      const stream = uniqueStream();
      await client.setStreamMetadata(stream, { maxCount: 10 });
      expect(await append(stream, [event()], 'no_stream')).toMatchObject({ result: 'written', revision: 0n });
    });
  });

  describe('expecting the stream to exist', () => {
    test('appends to an existing stream', async () => {
      expect(await append(await streamOf(events(2)), [event()], 'stream_exists')).toMatchObject({ result: 'written', revision: 2n });
    });

    test('is refused by a missing stream', async () => {
      const outcome = await append(uniqueStream(), [event()], 'stream_exists');
      expect(outcome).toEqual({ result: 'wrong-expected-version', expected: 'stream_exists', current: 'no_stream' });
    });

    test('passes where only metadata exists', async () => {
      const stream = uniqueStream();
      await client.setStreamMetadata(stream, { maxCount: 10 });
      expect(await append(stream, [event()], 'stream_exists')).toMatchObject({ result: 'written', revision: 0n });
    });

    test('is told that a soft-deleted stream is deleted', async () => {
      const stream = await streamOf(events(2));
      await client.deleteStream(stream);
      expect(await append(stream, [event()], 'stream_exists')).toEqual({ result: 'stream-deleted', stream });
    });
  });

  describe('expecting an exact revision', () => {
    test('appends when it is the current one', async () => {
      expect(await append(await streamOf(events(3)), events(2), 2n)).toMatchObject({ result: 'written', revision: 4n });
    });

    test('is refused when it is below the current one', async () => {
      const stream = await streamOf(events(3));
      expect(await append(stream, [event()], 1n)).toEqual({ result: 'wrong-expected-version', expected: 1n, current: 2n });
      expect(await revisions(stream)).toHaveLength(3);
    });

    test('is refused when it is above the current one', async () => {
      const stream = await streamOf(events(3));
      expect(await append(stream, [event()], 3n)).toEqual({ result: 'wrong-expected-version', expected: 3n, current: 2n });
    });

    test('is refused by a missing stream', async () => {
      const outcome = await append(uniqueStream(), [event()], 0n);
      expect(outcome).toEqual({ result: 'wrong-expected-version', expected: 0n, current: 'no_stream' });
    });

    test('is refused far beyond the range of a double without losing a digit', async () => {
      const stream = await streamOf([event()]);
      const expected = 2n ** 53n + 1n;
      expect(await append(stream, [event()], expected)).toEqual({ result: 'wrong-expected-version', expected, current: 0n });
    });

    test('writes none of a refused call', async () => {
      const stream = await streamOf(events(2));
      await append(stream, events(10), 0n);
      expect(await revisions(stream)).toEqual([0n, 1n]);
    });
  });

  test('is told of a tombstone whatever it expects', async () => {
    const stream = await streamOf(events(2));
    await client.tombstoneStream(stream);
    for (const expected of ['any', 'no_stream', 'stream_exists', 0n, 1n, 2n] as const) {
      expect(await append(stream, [event()], expected)).toEqual({ result: 'stream-deleted', stream });
    }
  });
});
