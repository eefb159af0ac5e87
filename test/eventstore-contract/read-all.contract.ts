import { describe, expect, test } from 'vitest';
import { client } from './harness/connection.ts';
import { at, collect, event, events, nth, positionOf, recorded, stored, streamOf } from './harness/streams.ts';

const backwards = { direction: 'backwards' } as const;

/** Five events next to each other in the log. */
async function neighbours() {
  return stored(await streamOf(events(5)));
}

async function ids(options: Parameters<typeof client.readAll>[0]): Promise<string[]> {
  return (await collect(client.readAll(options))).map((resolved) => recorded(resolved).id);
}

describe('forwards', () => {
  test('includes the event at the given position', async () => {
    const written = await neighbours();
    expect(await ids({ fromPosition: at(nth(written, 0).position), maxCount: 5 })).toEqual(written.map((each) => each.id));
    expect(await ids({ fromPosition: at(nth(written, 3).position), maxCount: 2 })).toEqual([nth(written, 3).id, nth(written, 4).id]);
  });

  test.each([1, 2, 5])('yields no more than the %d events asked for', async (maxCount) => {
    const written = await neighbours();
    expect(await ids({ fromPosition: at(nth(written, 0).position), maxCount })).toHaveLength(maxCount);
  });

  test('from the start begins with the oldest event of the log', async () => {
    const [written] = await neighbours();
    const first = positionOf(nth(await collect(client.readAll({ maxCount: 1 })), 0));
    expect(first).toBeLessThanOrEqual(written?.position ?? -1n);
    expect(await ids({ ...backwards, fromPosition: at(first), maxCount: 10 })).toEqual([]);
  });

  test('from the end yields nothing', async () => {
    await neighbours();
    expect(await ids({ fromPosition: 'end', maxCount: 10 })).toEqual([]);
  });

  test('yields positions that strictly increase', async () => {
    const written = await neighbours();
    await neighbours();
    const read = await collect(client.readAll({ fromPosition: at(nth(written, 0).position), maxCount: 10 }));
    const positions = read.map(positionOf);
    expect(positions).toHaveLength(10);
    for (const [index, position] of positions.slice(1).entries()) expect(position).toBeGreaterThan(nth(positions, index));
  });

  test('carries the position beside the event too', async () => {
    const written = await neighbours();
    const [first] = await collect(client.readAll({ fromPosition: at(nth(written, 0).position), maxCount: 1 }));
    expect(first?.commitPosition).toBe(nth(written, 0).position);
  });
});

describe('backwards', () => {
  test('excludes the event at the given position', async () => {
    const written = await neighbours();
    const expected = [nth(written, 3).id, nth(written, 2).id, nth(written, 1).id];
    expect(await ids({ ...backwards, fromPosition: at(nth(written, 4).position), maxCount: 3 })).toEqual(expected);
  });

  test('from the end begins with the newest event of the log', async () => {
    const stream = await streamOf([event()]);
    const written = nth(await stored(stream), 0);
    const newest = nth(await collect(client.readAll({ ...backwards, fromPosition: 'end', maxCount: 1 })), 0);
    expect(positionOf(newest)).toBeGreaterThanOrEqual(written.position);
    const recent = await ids({ ...backwards, fromPosition: 'end', maxCount: 5_000 });
    expect(recent).toContain(written.id);
  });

  test('from the start yields nothing', async () => {
    await neighbours();
    expect(await ids({ ...backwards, fromPosition: 'start', maxCount: 10 })).toEqual([]);
  });

  test.each([1, 2, 4])('yields no more than the %d events asked for', async (maxCount) => {
    const written = await neighbours();
    expect(await ids({ ...backwards, fromPosition: at(nth(written, 4).position), maxCount })).toHaveLength(maxCount);
  });

  test('yields the same events as forwards, the other way round', async () => {
    const first = nth(await neighbours(), 0);
    await neighbours();
    const last = nth(await neighbours(), 4);
    const forth = await collect(client.readAll({ fromPosition: at(first.position), maxCount: 5_000 }));
    const between = forth.map(positionOf).filter((position) => position < last.position);
    const back = await collect(client.readAll({ ...backwards, fromPosition: at(last.position), maxCount: between.length }));
    expect(back.map(positionOf).reverse()).toEqual(between);
  });
});

test('the log interleaves streams in the order of their appends', async () => {
  const [one, two] = [await streamOf([event()]), await streamOf([event()])];
  await client.appendToStream(one, event());
  await client.appendToStream(two, event());
  const from = nth(await stored(one), 0).position;
  const read = await collect(client.readAll({ fromPosition: at(from), maxCount: 5_000 }));
  const ours = read.filter((resolved) => [one, two].includes(recorded(resolved).streamId));
  expect(ours.map((resolved) => [recorded(resolved).streamId, recorded(resolved).revision])).toEqual([
    [one, 0n],
    [two, 0n],
    [one, 1n],
    [two, 1n],
  ]);
});

test('metadata is in the log beside the events', async () => {
  const stream = await streamOf([event()]);
  await client.setStreamMetadata(stream, { maxCount: 3 });
  const from = nth(await stored(stream), 0).position;
  const read = await collect(client.readAll({ fromPosition: at(from), maxCount: 5_000 }));
  const metadata = read.find((resolved) => recorded(resolved).streamId === `$$${stream}`);
  expect(recorded(metadata)).toMatchObject({ type: '$metadata', data: { $maxCount: 3 } });
});
