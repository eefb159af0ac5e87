import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { fastify } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StreamedText } from '../../src/api/streamed-text.ts';
import { isStreamedText, sendText } from '../../src/api/streamed-text.ts';

const app = fastify();
let url: string;
let made = 0;
const LARGE = 'x'.repeat(64 * 1024);

const TEXTS: Readonly<Record<string, () => AsyncIterable<string>>> = {
  async *whole() {
    yield 'one ';
    yield 'two';
  },
  async *failing() {
    yield LARGE;
    await turn();
    throw new Error('the source is gone');
  },
  async *endless() {
    for (;;) {
      made += 1;
      yield LARGE;
    }
  },
};

beforeAll(async () => {
  app.get<{ Params: { name: string } }>('/:name', (request, reply) => {
    const chunks = TEXTS[request.params.name]?.();
    if (chunks === undefined) throw new Error('no such text');
    return sendText(reply, { mediaType: 'text/csv; charset=utf-8', fileName: 'a.csv', chunks });
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterAll(() => app.close());

test('it is sent with its media type, under its name', async () => {
  const answer = await fetch(`${url}/whole`);
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="a.csv"');
  expect(await answer.text()).toBe('one two');
});

test('where its source fails on the way, nobody takes the part for the whole', async () => {
  const answer = await fetch(`${url}/failing`);
  expect(answer.status).toBe(200);
  await expect(answer.text()).rejects.toThrow('terminated');
});

test('it is made no faster than it is taken, and no further than somebody takes it', async () => {
  const abort = new AbortController();
  const { body } = await fetch(`${url}/endless`, { signal: abort.signal });
  await body?.getReader().read();
  let before = -1;
  // Until nothing more is made: what is made then fills the buffers on the way.
  while (before !== made) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect(made * LARGE.length).toBeLessThan(64 * 1024 * 1024);
  abort.abort();
});

test('nothing else is one', () => {
  const text: StreamedText = { mediaType: 'text/plain', chunks: (async function* () {})() };
  expect([text, { data: [] }, null, 'text'].map(isStreamedText)).toEqual([true, false, false, false]);
});
