import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { client } from './harness/connection.ts';
import { type FilterSpec, originalEvent, rawRead, readRequest } from './harness/raw-read.ts';
import { event, events, nth, stored } from './harness/streams.ts';

/** Events of two streams and two types, all under one prefix that no other run uses. */
async function scene() {
  const prefix = `contract-${randomUUID()}-`;
  const type = `type-${randomUUID()}-`;
  const [left, right] = [`${prefix}left`, `${prefix}right`];
  for (let n = 0; n < 3; n++) {
    await client.appendToStream(left, [event(n, `${type}even`), event(n, `${type}odd`)]);
    await client.appendToStream(right, event(n, `${type}even`));
  }
  return { prefix, type, left, right, from: nth(await stored(left), 0).position };
}

interface Where {
  from?: 'start' | 'end' | bigint;
  direction?: 'forwards' | 'backwards';
  count?: number;
}

/** Stream and revision of every event of `$all` that passes the filter. */
async function filtered(filter: FilterSpec, where: Where = {}): Promise<string[]> {
  const { responses, error } = await rawRead(readRequest({ filter, ...where }));
  if (error !== undefined) throw error;
  return responses.map((response) => {
    const found = originalEvent(response);
    const stream = Buffer.from(found.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();
    return `${stream.replace(/^.*-/, '')}@${found.getStreamRevision()}`;
  });
}

const everything = ['left@0', 'left@1', 'right@0', 'left@2', 'left@3', 'right@1', 'left@4', 'left@5', 'right@2'];

describe('by stream name', () => {
  test('a prefix lets through the streams that begin with it', async () => {
    const { prefix, left } = await scene();
    expect(await filtered({ on: 'stream', prefixes: [prefix] })).toEqual(everything);
    expect(await filtered({ on: 'stream', prefixes: [left] })).toEqual(everything.filter((each) => each.startsWith('left')));
  });

  test('several prefixes let through what begins with any of them', async () => {
    const { left, right } = await scene();
    expect(await filtered({ on: 'stream', prefixes: [left, right] })).toEqual(everything);
  });

  test('a prefix is matched as text and from the beginning only', async () => {
    const { prefix } = await scene();
    expect(await filtered({ on: 'stream', prefixes: [prefix.slice(1)] })).toEqual([]);
    expect(await filtered({ on: 'stream', prefixes: [prefix.replace('contract', 'c.ntract')] })).toEqual([]);
  });

  test('a regular expression is matched anywhere in the name', async () => {
    const { prefix } = await scene();
    expect(await filtered({ on: 'stream', regex: `${prefix.slice(9)}r.ght$` })).toEqual(['right@0', 'right@1', 'right@2']);
  });

  test('a regular expression may be anchored', async () => {
    const { prefix } = await scene();
    expect(await filtered({ on: 'stream', regex: `^${prefix}(left|right)$` })).toEqual(everything);
    expect(await filtered({ on: 'stream', regex: `^${prefix.slice(1)}` })).toEqual([]);
  });
});

describe('by event type', () => {
  test('a prefix lets through the types that begin with it', async () => {
    const { type } = await scene();
    expect(await filtered({ on: 'type', prefixes: [type] })).toEqual(everything);
    expect(await filtered({ on: 'type', prefixes: [`${type}odd`] })).toEqual(['left@1', 'left@3', 'left@5']);
  });

  test('a regular expression lets through the types it matches', async () => {
    const { type } = await scene();
    expect(await filtered({ on: 'type', regex: `^${type}.*n$` })).toEqual(['left@0', 'right@0', 'left@2', 'right@1', 'left@4', 'right@2']);
  });
});

describe('together with', () => {
  test('a count yields that many matching events', async () => {
    const { type } = await scene();
    expect(await filtered({ on: 'type', prefixes: [`${type}odd`] }, { count: 2 })).toEqual(['left@1', 'left@3']);
  });

  test('a position includes the event there', async () => {
    const { prefix, left } = await scene();
    const from = nth(await stored(left), 4).position;
    expect(await filtered({ on: 'stream', prefixes: [prefix] }, { from })).toEqual(['left@4', 'left@5', 'right@2']);
  });

  test('backwards yields the newest match first', async () => {
    const { prefix } = await scene();
    const read = await filtered({ on: 'stream', prefixes: [prefix] }, { direction: 'backwards', from: 'end' });
    expect(read).toEqual([...everything].reverse());
  });

  test('backwards and a position excludes the event there', async () => {
    const { prefix, left } = await scene();
    const from = nth(await stored(left), 2).position;
    const read = await filtered({ on: 'stream', prefixes: [prefix] }, { direction: 'backwards', from });
    expect(read).toEqual(['right@0', 'left@1', 'left@0']);
  });

  test('backwards and a count yields that many matching events', async () => {
    const { prefix } = await scene();
    const read = await filtered({ on: 'stream', prefixes: [prefix] }, { direction: 'backwards', from: 'end', count: 2 });
    expect(read).toEqual(['right@2', 'left@5']);
  });

  test('a search window smaller than the gaps still finds every match', async () => {
    const { prefix, right, from } = await scene();
    const between = `${prefix}between`;
    await client.appendToStream(between, events(60));
    await client.appendToStream(right, event());
    const read = await filtered({ on: 'stream', prefixes: [right], max: 1 }, { from });
    expect(read).toEqual(['right@0', 'right@1', 'right@2', 'right@3']);
  });
});

test('a filter that matches nothing yields nothing', async () => {
  expect(await filtered({ on: 'stream', prefixes: [`contract-${randomUUID()}`] })).toEqual([]);
});
