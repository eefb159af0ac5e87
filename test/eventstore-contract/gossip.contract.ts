import { EventStoreDBClient } from '@eventstore/db-client';
import cluster from '@eventstore/db-client/generated/gossip_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { afterAll, describe, expect, test } from 'vitest';
import { callMetadata, eventstoreUrl, rawGossip } from './harness/connection.ts';
import { collect, event, recorded, uniqueStream } from './harness/streams.ts';

const members = () =>
  new Promise<InstanceType<typeof cluster.MemberInfo>[]>((resolve, reject) => {
    rawGossip.read(new shared.Empty(), callMetadata(), (error, info) => (error === null ? resolve(info.getMembersList()) : reject(error)));
  });

describe('gossip', () => {
  test('shows exactly one leader, alive, with an end point', async () => {
    const leaders = (await members()).filter((member) => member.getState() === cluster.MemberInfo.VNodeState.LEADER);
    expect(leaders).toHaveLength(1);
    expect(leaders[0]?.getIsAlive()).toBe(true);
    expect(leaders[0]?.getHttpEndPoint()?.getAddress()).toMatch(/\S/);
    expect(leaders[0]?.getHttpEndPoint()?.getPort()).toBeGreaterThan(0);
  });
});

describe('esdb+discover', () => {
  // The only client in this process that is used: the shared one makes no call in this file.
  const discovering = EventStoreDBClient.connectionString(eventstoreUrl.replace(/^esdb(\+discover)?:/, 'esdb+discover:'));
  afterAll(() => discovering.dispose());

  test('finds the server, appends and reads', async () => {
    const stream = uniqueStream();
    const written = event();
    const { nextExpectedRevision } = await discovering.appendToStream(stream, written, { expectedRevision: 'no_stream' });
    expect(nextExpectedRevision).toBe(0n);
    const [read] = await collect(discovering.readStream(stream));
    expect(recorded(read).id).toBe(written.id);
  });
});
