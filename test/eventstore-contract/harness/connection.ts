import { readFileSync } from 'node:fs';
import { EventStoreDBClient } from '@eventstore/db-client';
import { GossipClient } from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import { ServerFeaturesClient } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import * as grpc from '@grpc/grpc-js';
import { afterAll } from 'vitest';
import { startServerUnderTest } from './server.ts';

const server = await startServerUnderTest();
/** The server under test, as a connection string of the official client. */
export const eventstoreUrl = server.url;

/** The one official client of this process: it shares its pending appends with every other client in the process. */
export const client = EventStoreDBClient.connectionString(eventstoreUrl);

const parsed = new URL(eventstoreUrl.replace(/^esdb(\+discover)?:/, 'http:'));
/** host:port of the server under test. */
const address = parsed.host;
const credentials = channelCredentials(parsed.searchParams);

/** Calls made with the service definitions alone, for requests the official client never makes. */
export const rawStreams = new StreamsClient(address, credentials);
export const rawGossip = new GossipClient(address, credentials);
export const rawServerFeatures = new ServerFeaturesClient(address, credentials);

afterAll(async () => {
  await client.dispose();
  for (const raw of [rawStreams, rawGossip, rawServerFeatures]) raw.close();
  await server.stop();
});

/** The headers of a raw call: the user of the connection string, where the channel is encrypted. */
export function callMetadata(): grpc.Metadata {
  const metadata = new grpc.Metadata();
  if (parsed.username !== '' && !isInsecure(parsed.searchParams)) {
    const user = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
    metadata.add('authorization', `Basic ${Buffer.from(user).toString('base64')}`);
  }
  return metadata;
}

/** The parts that a connection below gRPC needs. */
export function endpoint(): { host: string; port: number; secure: boolean; headers: Record<string, string> } {
  const headers = Object.fromEntries(Object.entries(callMetadata().getMap()).map(([name, value]) => [name, value.toString()]));
  return { host: parsed.hostname, port: Number(parsed.port), secure: !isInsecure(parsed.searchParams), headers };
}

function channelCredentials(options: URLSearchParams): grpc.ChannelCredentials {
  if (isInsecure(options)) return grpc.credentials.createInsecure();
  const caFile = options.get('tlsCAFile');
  return grpc.credentials.createSsl(caFile === null ? null : readFileSync(caFile));
}

function isInsecure(options: URLSearchParams): boolean {
  return options.get('tls') === 'false';
}
