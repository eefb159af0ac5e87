import type { AppendExpectedRevision, EventData } from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';

export function streamIdentifier(stream: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(stream));
}

export function uuid(id: string): shared.UUID {
  return new shared.UUID().setString(id);
}

/** The text of an identifier in an answer. */
export function streamName(identifier: shared.StreamIdentifier | undefined): string {
  return Buffer.from(identifier?.getStreamName_asU8() ?? []).toString();
}

/** The options message of `Append`. */
export function appendOptions(stream: string, expected: AppendExpectedRevision): streams.AppendReq.Options {
  const options = new streams.AppendReq.Options().setStreamIdentifier(streamIdentifier(stream));
  if (expected === 'any') return options.setAny(new shared.Empty());
  if (expected === 'no_stream') return options.setNoStream(new shared.Empty());
  if (expected === 'stream_exists') return options.setStreamExists(new shared.Empty());
  return options.setRevision(expected.toString());
}

/** The options message of `BatchAppend`, without a deadline. */
export function batchOptions(stream: string, expected: AppendExpectedRevision): streams.BatchAppendReq.Options {
  const options = new streams.BatchAppendReq.Options().setStreamIdentifier(streamIdentifier(stream));
  if (expected === 'any') return options.setAny(new emptyPb.Empty());
  if (expected === 'no_stream') return options.setNoStream(new emptyPb.Empty());
  if (expected === 'stream_exists') return options.setStreamExists(new emptyPb.Empty());
  return options.setStreamPosition(expected.toString());
}

/** An event as `Append` takes it. */
export function appendMessage(event: EventData): streams.AppendReq.ProposedMessage {
  return fill(new streams.AppendReq.ProposedMessage(), event);
}

/** An event as `BatchAppend` takes it. */
export function batchMessage(event: EventData): streams.BatchAppendReq.ProposedMessage {
  return fill(new streams.BatchAppendReq.ProposedMessage(), event);
}

function fill<M extends streams.AppendReq.ProposedMessage | streams.BatchAppendReq.ProposedMessage>(message: M, event: EventData): M {
  message.setId(uuid(event.id));
  message.getMetadataMap().set('type', event.type).set('content-type', event.contentType);
  message.setData(event.contentType === 'application/json' ? Buffer.from(JSON.stringify(event.data)) : event.data);
  if (event.metadata instanceof Uint8Array) message.setCustomMetadata(event.metadata);
  else if (event.metadata !== undefined) message.setCustomMetadata(Buffer.from(JSON.stringify(event.metadata)));
  return message;
}
