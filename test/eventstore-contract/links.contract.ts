import { randomUUID } from 'node:crypto';
import { binaryEvent } from '@eventstore/db-client';
import { describe, expect, test } from 'vitest';
import { client } from './harness/connection.ts';
import { kindOf, rawRead, readRequest } from './harness/raw-read.ts';
import { at, collect, event, events, nth, recorded, stored, streamOf, uniqueStream } from './harness/streams.ts';
import { record } from './harness/subscription-recorder.ts';

const link = (payload: string) => binaryEvent({ type: '$>', data: Buffer.from(payload) });

/** Three events, and a stream of links to them in reverse. */
async function linked() {
  const written = events(3);
  const target = await streamOf(written, 'target');
  const links = [2, 1, 0].map((revision) => link(`${revision}@${target}`));
  return { written, target, links, stream: await streamOf(links, 'links') };
}

describe('resolved', () => {
  test('a link yields its target as the event and itself as the link', async () => {
    const { written, links, stream, target } = await linked();
    const read = await collect(client.readStream(stream, { resolveLinkTos: true }));
    expect(read.map((resolved) => recorded(resolved).id)).toEqual(written.map((each) => each.id).reverse());
    expect(read.map((resolved) => resolved.link?.id)).toEqual(links.map((each) => each.id));
    expect(recorded(read[0])).toMatchObject({ streamId: target, revision: 2n });
    expect(read[0]?.link).toMatchObject({ streamId: stream, revision: 0n, type: '$>' });
  });

  test('links are resolved backwards too', async () => {
    const { written, stream } = await linked();
    const read = await collect(client.readStream(stream, { resolveLinkTos: true, direction: 'backwards', fromRevision: 'end' }));
    expect(read.map((resolved) => recorded(resolved).id)).toEqual(written.map((each) => each.id));
  });

  test('links are resolved in $all', async () => {
    const { written, stream } = await linked();
    const from = at(nth(await stored(stream), 0).position);
    const read = await collect(client.readAll({ fromPosition: from, maxCount: 3, resolveLinkTos: true }));
    expect(read.map((resolved) => recorded(resolved).id)).toEqual(written.map((each) => each.id).reverse());
    expect(read.map((resolved) => resolved.link?.streamId)).toEqual([stream, stream, stream]);
  });

  test('links are resolved in a subscription', async () => {
    const { written, stream } = await linked();
    await using subscription = record({ stream, resolveLinks: true });
    await subscription.until('event', 3);
    const ids = subscription.responses
      .filter((response) => response.hasEvent())
      .map((response) => response.getEvent()?.getEvent()?.getId());
    expect(ids.map((id) => id?.getString())).toEqual(written.map((each) => each.id).reverse());
    expect(subscription.revisions()).toEqual([0n, 1n, 2n]);
  });

  test('a stream name with an @ in it is found', async () => {
    const target = `${uniqueStream()}@with@at`;
    const written = event();
    await client.appendToStream(target, written);
    const stream = await streamOf([link(`0@${target}`)]);
    const [read] = await collect(client.readStream(stream, { resolveLinkTos: true }));
    expect(recorded(read).id).toBe(written.id);
  });

  test('a link to an event that is not there keeps the link alone', async () => {
    const stream = await streamOf([link(`7@${uniqueStream()}`)]);
    const { responses } = await rawRead(readRequest({ stream, resolveLinks: true }));
    const read = nth(responses, 0);
    expect(kindOf(read)).toBe('event');
    expect(read.getEvent()?.hasEvent()).toBe(false);
    expect(read.getEvent()?.getLink()?.getMetadataMap().get('type')).toBe('$>');
  });

  test.each(['', 'nonsense', 'x@y', '@', `1${randomUUID()}`])(
    'a malformed payload "%s" comes back as an ordinary event',
    async (payload) => {
      const written = link(payload);
      const stream = await streamOf([written]);
      const [read] = await collect(client.readStream(stream, { resolveLinkTos: true }));
      expect(recorded(read)).toMatchObject({ id: written.id, type: '$>' });
      expect(read?.link).toBeUndefined();
    },
  );

  test('an ordinary event stays as it is', async () => {
    const written = event();
    const stream = await streamOf([written]);
    const [read] = await collect(client.readStream(stream, { resolveLinkTos: true }));
    expect(recorded(read).id).toBe(written.id);
    expect(read?.link).toBeUndefined();
  });
});

test('not resolved, a link is an ordinary event', async () => {
  const { links, stream } = await linked();
  const read = await collect(client.readStream(stream));
  expect(read.map((resolved) => recorded(resolved).id)).toEqual(links.map((each) => each.id));
  expect(read.every((resolved) => resolved.link === undefined)).toBe(true);
});
