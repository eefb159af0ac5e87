import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { credentials } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';

/** The RPCs as they are, over a connection of their own. */
export function rawClient(url: string) {
  const { host } = new URL(url);
  const client = new streamsGrpc.StreamsClient(host, credentials.createInsecure(), { 'grpc.max_receive_message_length': 17 * 1024 * 1024 });
  onTestFinished(() => client.close());
  return client;
}

/** A subscription to `$all` from the start. */
export function allSubscription(): streams.ReadReq {
  const { Options } = streams.ReadReq;
  return new streams.ReadReq().setOptions(
    new Options()
      .setAll(new Options.AllOptions().setStart(new shared.Empty()))
      .setSubscription(new Options.SubscriptionOptions())
      .setNoFilter(new shared.Empty())
      .setUuidOption(new Options.UUIDOption().setString(new shared.Empty())),
  );
}
